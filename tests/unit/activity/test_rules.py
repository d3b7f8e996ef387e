"""Who may see whom, which login a session is of."""

from datetime import UTC, datetime

import pytest

from stoa.activity.errors import FilterInvalidError
from stoa.activity.model import ListMode
from stoa.activity.rules import beaker_id, may_see_everyone, timestamp_from
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


@pytest.mark.parametrize(
    ("text", "value"), [(None, None), ("0", 0), ("1574150400", 1574150400), ("1.5", 1.5), ("-1", -1)]
)
def test_a_timestamp_is_a_number(text, value):
    assert timestamp_from(text, field="started_after") == value


@pytest.mark.parametrize("text", ["", "x", "nan", "inf", "-inf", "1e999", "2026-01-01"])
def test_anything_else_is_no_timestamp(text):
    with pytest.raises(FilterInvalidError, match="started_after: must"):
        timestamp_from(text, field="started_after")
