import io
import json
import logging

import pytest
import structlog

from stoa.kernel.actor import Credentials
from stoa.platform.telemetry import REDACTED, Metrics, configure_logging, redact, redact_text

SECRET = "hunter2-hunter2-hunter2"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
API_KEY = "stoa_" + "k3Y_" * 8


@pytest.fixture
def logged():
    """``logged(as_json=True, level="INFO")`` configures logging and gives the stream; all is put back afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level

    def configure(**options):
        stream = io.StringIO()
        configure_logging(stream=stream, **options)
        return stream

    yield configure
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


def redacted(**event):
    return redact(None, "info", event)


SECRET_KEYS = """
    password Password passwordConfirm STOA_ADMIN_PASSWORD access_token refreshToken client_secret
    Authorization cookie set-cookie api_key apiKey X-API-Key
"""


@pytest.mark.parametrize("key", SECRET_KEYS.split())
def test_what_a_secret_key_holds_is_not_shown(key):
    assert redacted(**{key: SECRET}) == {key: REDACTED}
    assert redacted(body={"deep": [{"deeper": ({key: [SECRET]},)}]}) == {
        "body": {"deep": [{"deeper": [{key: REDACTED}]}]}
    }


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Bearer {SECRET}",
        f"bearer {SECRET}",
        f"got key {API_KEY}, refused",
        f"token {JWT} has expired",
        f"cannot connect to postgresql://stoa:{SECRET}@db:5432/stoa",
        f"POST /auth/login?password={SECRET}&x=1",
        f'{{"password": "{SECRET} with spaces", "username": "ada"}}',
        f"Login(username='ada', password='{SECRET}')",
        f"/files/a.pdf?expires=9&signature={SECRET}",
        repr(Credentials(bearer=SECRET)),
        repr(Credentials(cookie=SECRET)),
        repr(Credentials(api_key=SECRET)),
    ],
)
def test_a_secret_inside_a_text_is_not_shown(text):
    shown = redact_text(text)
    assert REDACTED in shown
    for secret in (SECRET, API_KEY, JWT, "with spaces"):
        assert secret not in shown


@pytest.mark.parametrize(
    "text",
    [
        "request_done",
        "stoa_after_commit",
        "The bearer of bad news",
        "GET /trading/sessions/7",
        "token expired",
        "http://a:80/b",
    ],
)
def test_other_texts_stay_as_they_are(text):
    assert redact_text(text) == text


def test_other_values_stay_as_they_are():
    event = {"event": "done", "seconds": 0.5, "ok": True, "nothing": None, "ids": [1, "a"], "token": None}
    assert redact(None, "info", event) == event


def test_an_object_is_shown_without_its_secrets():
    assert SECRET not in str(
        redacted(credentials_of=[Credentials(cookie=SECRET)], who=Credentials(api_key=SECRET))
    )


def test_a_value_that_contains_itself_ends():
    loop = {}
    loop["again"] = loop
    assert "…" in str(redacted(value=loop))


def test_lines_are_json_with_time_level_and_fields(logged):
    stream = logged(as_json=True)
    structlog.get_logger().info("signed_in", username="ada", password=SECRET)
    line = json.loads(stream.getvalue())
    assert line.pop("at").endswith("Z")
    assert line == {"event": "signed_in", "level": "info", "username": "ada", "password": REDACTED}


def test_the_standard_librarys_lines_look_alike(logged):
    stream = logged(as_json=True)
    logging.getLogger("uvicorn.error").warning("refused %s", f"Bearer {SECRET}")
    line = json.loads(stream.getvalue())
    assert line["event"] == f"refused Bearer {REDACTED}"
    assert line["level"] == "warning"
    assert line["at"]


@pytest.mark.parametrize("as_json", [True, False])
@pytest.mark.parametrize("library", [True, False])
def test_a_traceback_is_shown_without_its_secrets(logged, as_json, library):
    stream = logged(as_json=as_json)
    log = logging.getLogger("some.library") if library else structlog.get_logger()
    try:
        int(f"password={SECRET}")
    except ValueError:
        log.exception("failed")
    shown = stream.getvalue()
    assert "ValueError" in shown
    assert "test_telemetry.py" in shown
    assert SECRET not in shown.replace("{SECRET}", "")


def test_levels_below_the_one_asked_for_are_left_out(logged):
    stream = logged(as_json=True, level="warning")
    structlog.get_logger().info("small talk")
    logging.getLogger("library").info("small talk")
    structlog.get_logger().warning("mind")
    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["mind"]


def test_metrics_count_requests_by_kind_route_method_and_status():
    metrics = Metrics()
    for status, method in ((200, "GET"), (200, "GET"), (404, "GET"), (200, "BREW")):
        metrics.observe_request(
            kind="trading", route="/trading/sessions/{id}", method=method, status=status, seconds=0.02
        )
    labels = {"kind": "trading", "route": "/trading/sessions/{id}", "method": "GET"}
    value = metrics.registry.get_sample_value
    assert value("stoa_http_requests_total", labels | {"status": "200"}) == 2
    assert value("stoa_http_requests_total", labels | {"status": "404"}) == 1
    assert value("stoa_http_requests_total", labels | {"status": "200", "method": "other"}) == 1
    assert value("stoa_http_request_duration_seconds_count", labels) == 3


def test_metrics_count_writes_by_their_batches_and_timers_by_their_lateness():
    metrics = Metrics()
    metrics.observe_batch(1)
    metrics.observe_batch(40)
    metrics.observe_lateness(0.002)
    value = metrics.registry.get_sample_value
    assert value("stoa_writes_total") == 41
    assert value("stoa_write_batch_size_count") == 2
    assert value("stoa_timer_lateness_seconds_bucket", {"le": "0.0025"}) == 1


def test_two_servers_in_one_process_count_apart():
    one, other = Metrics(), Metrics()
    one.observe_batch(1)
    body, content_type = other.render()
    assert b"stoa_writes_total 0.0" in body
    assert content_type.startswith("text/plain")
