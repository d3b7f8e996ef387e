"""Webhooks to a real receiver, which checks what it gets as any receiver would."""

import json
import shutil
import ssl
import subprocess
import threading
import time
from base64 import b64encode
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from standardwebhooks import Webhook, WebhookVerificationError
from tests.support.outside import SECONDS, Outside

from stoa.missions.outside import Limits

pytestmark = pytest.mark.anyio
SERVED = ("missions",)
OLD, NEW = ("whsec_" + b64encode(bytes([each]) * 32).decode() for each in (1, 2))
JSON = "application/json"


class Receiver:
    """Answers each request with the next of ``answers``, the last one for ever: (status, content type, body, headers)."""

    def __init__(self, certificate=None):
        self.answers = [(200, JSON, b"{}", {})]
        self.requests = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                receiver.requests.append((self.path, dict(self.headers), body))
                answers = receiver.answers
                status, content_type, answer, more = answers.pop(0) if len(answers) > 1 else answers[0]
                self.send_response(status)
                for name, value in {"content-type": content_type, **more}.items():
                    self.send_header(name, value)
                self.end_headers()
                for piece in answer if isinstance(answer, list) else [answer]:
                    try:
                        self.wfile.write(piece() if callable(piece) else piece)
                    except OSError:
                        return

            do_GET = do_POST

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def receiver():
    made = Receiver()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
async def outside(sqlite_house):
    made = Outside(sqlite_house)
    made.installed.settings = {"webhook": {"secrets": [NEW, OLD], "allow": ["127.0.0.0/8"]}}
    yield made
    await made.close()


def send(url, **args):
    return ("webhook", "send", {"url": url, **args}, {})


def calls(*made):
    return (200, f"{JSON}; charset=utf-8", json.dumps({"calls": made}).encode(), {})


async def test_a_webhook_is_signed_as_the_standard_says_and_its_answer_is_done(outside, receiver):
    receiver.answers = [
        calls({"call": "sendOutput", "message": "<i>heard</i>"}, {"call": "openNode", "node": "red-root"})
    ]
    await outside.play(send(f"{receiver.url}/hook?to=a b", text="<p>Come.</p>"))
    await outside.settle()
    assert outside.failures() == []
    assert outside.outputs()[-1]["message"] == "<i>heard</i>"
    assert outside.count("node_opened") == 1
    ((path, headers, body),) = receiver.requests
    assert path == "/hook?to=a%20b"
    for secret in (OLD, NEW):
        told = Webhook(secret).verify(body, headers)
    assert told["type"] == "missions.effect"
    data = told["data"]
    assert data["callId"] == headers["webhook-id"] == data["callId"]
    assert data["callId"].startswith(outside.session_id)
    assert (data["targetId"], data["text"], data["node"]["_id"]) == ("send", "<p>Come.</p>", "red-gate")
    with pytest.raises(WebhookVerificationError):
        Webhook("whsec_" + b64encode(b"x" * 32).decode()).verify(body, headers)
    for secret in (OLD, NEW):
        assert secret.removeprefix("whsec_") not in str(outside.house.dump())


async def test_a_receiver_that_is_down_is_asked_again_under_the_same_id(outside, receiver):
    receiver.answers = [(503, JSON, b"", {}), (429, JSON, b"", {}), (500, JSON, b"", {}), calls()]
    await outside.play(send(receiver.url))
    for wait in (0, 1, 2, 4):
        outside.house.clock.advance(timedelta(seconds=wait))
        assert outside.count("effect_enacted") == 0
        await outside.settle()
    assert outside.count("effect_enacted") == 1
    assert len(receiver.requests) == 4
    assert len({headers["webhook-id"] for _, headers, _ in receiver.requests}) == 1


async def test_one_that_stays_down_is_given_up(outside):
    outside.installed.limits = Limits(seconds=SECONDS, tries=2)
    await outside.play(send("http://127.0.0.1:9/"))
    await outside.settle()
    assert outside.failures() == []
    outside.house.clock.advance(timedelta(seconds=1))
    await outside.settle()
    assert outside.failures() == ["Webhook: 127.0.0.1 did not answer: ConnectionRefusedError."]


def drip():
    time.sleep(0.3)
    return b"x"


ANSWERS = {
    "redirect": ((302, "text/html", b"", {"location": "http://169.254.169.254/"}), "answered 302."),
    "refusal": ((403, JSON, b"", {}), "answered 403."),
    "gone": ((410, JSON, b"", {}), "answered 410."),
    "too long": ((200, JSON, b"[" * 70_000, {}), "answered more than 65536 bytes."),
    "no json": ((200, JSON, b"{", {}), "answered JSON that holds no list of calls."),
    "a list": ((200, JSON, b"[]", {}), "answered JSON that holds no list of calls."),
    "no calls": ((200, JSON, b'{"calls": {}}', {}), "answered JSON that holds no list of calls."),
    "nonsense": (calls({"call": "format"}), "Its answer makes no sense: calls[0].call"),
}


@pytest.mark.parametrize("name", sorted(ANSWERS))
async def test_answers_that_end_it(outside, receiver, name):
    answer, reason = ANSWERS[name]
    receiver.answers = [answer]
    await outside.play(send(receiver.url))
    await outside.settle()
    (failure,) = outside.failures()
    assert reason in failure
    assert len(receiver.requests) == 1


@pytest.mark.parametrize(
    "answer", [(204, JSON, b"", {}), (200, "text/plain", b"ok", {}), (202, JSON, b" ", {})]
)
async def test_answers_that_ask_for_nothing(outside, receiver, answer):
    receiver.answers = [answer]
    await outside.play(send(receiver.url))
    await outside.settle()
    assert outside.count("effect_enacted") == 1


async def test_an_answer_that_drips_is_left_in_time(outside, receiver):
    receiver.answers = [(200, JSON, [drip] * 1000, {})]
    await outside.play(send(receiver.url))
    outside.installed.limits = Limits(seconds=3, tries=1)
    await outside.settle()
    (failure,) = outside.failures()
    assert "did not answer" in failure


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0177.1", "[::ffff:127.0.0.1]"])
async def test_private_addresses_are_not_called_unless_the_setting_says(outside, receiver, host):
    outside.installed.settings = {"webhook": {"secrets": [NEW], "allow": []}}
    port = receiver.server.server_port
    await outside.play(send(f"http://{host}:{port}/"), send(f"https://{host}:{port}/"))
    await outside.settle()
    assert len(outside.failures()) == 2
    assert all("is not an address that webhooks may call." in one for one in outside.failures())
    assert receiver.requests == []


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
async def test_by_https_the_name_is_proved_not_the_address(outside, tmp_path, monkeypatch):
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    made = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
    ]
    named = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run([*made, *named, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    receiver = Receiver((certificate, key))
    port = receiver.server.server_port
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    outside.installed.settings = {"webhook": {"secrets": [NEW], "allow": ["127.0.0.1", "::1"]}}
    outside.installed.limits = Limits(seconds=SECONDS, tries=1)
    await outside.play(send(f"https://localhost:{port}/"), send(f"https://127.0.0.1:{port}/"))
    await outside.settle()
    receiver.server.shutdown()
    assert outside.failures() == ["Webhook: 127.0.0.1 did not answer: SSLCertVerificationError."]
    assert outside.count("effect_enacted") == 1
    ((_, headers, _),) = receiver.requests
    assert headers["Host"] == f"localhost:{port}"


async def test_no_proxy_is_asked(outside, receiver, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    await outside.play(send(receiver.url))
    await outside.settle()
    assert outside.count("effect_enacted") == 1
