"""What a ping says, who may see whom."""

from datetime import UTC, datetime

import pytest

from stoa.activity.errors import FilterInvalidError, PathInvalidError, PingInvalidError
from stoa.activity.model import ListMode, Path, Ping
from stoa.activity.rules import beaker_id, hide_from, keepalive_from, may_see_everyone, timestamp_from
from stoa.kernel.actor import AccessLevel, Actor


def actor(*permissions, access=AccessLevel.STUDENT):
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return Actor(1, "0" * 24, "root", "Root", access, frozenset(permissions), "login", at)


def test_the_document_s_beaker_id():
    assert beaker_id("root", login_at=datetime.fromtimestamp(1574957233.9, UTC)) == "cm9vdF8xNTc0OTU3MjMz"


def test_a_beaker_id_takes_any_name():
    assert beaker_id("é", login_at=datetime.fromtimestamp(1, UTC)) == "w6lfMQ=="


@pytest.mark.parametrize(
    ("mode", "who", "sees"),
    [
        (ListMode.ALL, actor(), True),
        (ListMode.SELF, actor(), False),
        (ListMode.SELF, actor("users_read"), True),
        (ListMode.SELF, actor("users"), True),
        (ListMode.SELF, actor("users_write"), False),
        (ListMode.SELF, actor(access=AccessLevel.ADMIN), True),
        (ListMode.SELF, actor(access=AccessLevel.INSTRUCTOR), False),
    ],
)
def test_who_sees_everyone(mode, who, sees):
    assert may_see_everyone(who, mode=mode) is sees


def test_a_keepalive_as_documented():
    assert keepalive_from({"visible": False, "path": "[a,b]"}) == Ping(Path(("a", "b")), visible=False)


def test_a_hide_is_a_visible_ping():
    assert hide_from({"path": ["a"]}) == Ping(Path(("a",)), visible=True)


def test_more_than_the_document():
    body = {
        "visible": True,
        "path": ["a"],
        "visible_ms": 1500.0,
        "age_ms": 20,
        "seq": 3,
        "client": "k9",
        "else": 1,
    }
    assert keepalive_from(body) == Ping(
        Path(("a",)), visible=True, claim_ms=1500, age_ms=20, seq=3, client="k9"
    )


@pytest.mark.parametrize("missing", ["visible", "path"])
def test_a_missing_key_is_named(missing):
    body = {"visible": True, "path": ["a"]}
    del body[missing]
    with pytest.raises(PingInvalidError, match=f"{missing}: is required"):
        keepalive_from(body)


@pytest.mark.parametrize(
    "more",
    [
        *({"visible": value} for value in (None, 1, 0, "true", [], {})),
        *({"seq": value} for value in (True, -1, 1.5, "1", 2**53, [], float("inf"))),
        *({"visible_ms": value} for value in (False, -1, 0.5, "9", 2**53, float("nan"))),
        *({"age_ms": value} for value in (True, -1, 0.5, "9", 2**53)),
        *({"client": value} for value in (1, [], "x" * 65, "é", "a\0", "a\n")),
    ],
    ids=repr,
)
def test_a_value_of_the_wrong_type_is_refused(more):
    with pytest.raises(PingInvalidError):
        keepalive_from({"visible": True, "path": ["a"]} | more)


@pytest.mark.parametrize("body", [None, [], "text", 1, True])
def test_a_body_is_an_object(body):
    with pytest.raises(PingInvalidError):
        keepalive_from(body)
    with pytest.raises(PingInvalidError):
        hide_from(body)


def test_a_bad_path_is_a_bad_ping():
    with pytest.raises(PathInvalidError):
        hide_from({"path": []})


@pytest.mark.parametrize(
    ("text", "value"), [(None, None), ("0", 0), ("1574150400", 1574150400), ("1.5", 1.5), ("-1", -1)]
)
def test_a_timestamp_is_a_number(text, value):
    assert timestamp_from(text, field="started_after") == value


@pytest.mark.parametrize("text", ["", "x", "nan", "inf", "-inf", "1e999", "2026-01-01"])
def test_anything_else_is_no_timestamp(text):
    with pytest.raises(FilterInvalidError, match="started_after: must"):
        timestamp_from(text, field="started_after")
