"""Signatures and names of Daily, without any Daily."""

from base64 import b64encode
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.daily import signed

from stoa.kernel.clock import ManualClock
from stoa.kernel.errors import InvalidError, UnauthenticatedError
from stoa.live.daily import _names as names
from stoa.live.daily import _webhooks as w
from stoa.live.daily._rest import Breaker, NotSentError
from stoa.settings import load

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
USER = "5f1d7a84e3b0c92a6d8e4f70"


def test_a_signature_is_as_daily_documents_it():
    """base64(HMAC-SHA256(secret, timestamp + "." + body)), as `openssl dgst -sha256 -hmac` has it."""
    assert w.sign(b"secret", "1712345678", b'{"a":1}') == "ku1+/l6hvDd/CiecStzXVS/L1a5bRRmSxuuxRUYQ0hI="


@given(body=st.binary(max_size=200), secret=st.binary(min_size=1, max_size=64))
def test_only_what_was_signed_with_the_secret_passes(body, secret):
    _, headers = signed(body, secret, at=NOW.timestamp())
    stamp, signature = headers["x-webhook-timestamp"], headers["x-webhook-signature"]
    w.check(secret, stamp, signature, body, now=NOW)
    for changed in ((secret + b"x", stamp, signature, body), (secret, stamp, signature, body + b"x"),
                    (secret, str(int(stamp) + 1), signature, body), (secret, stamp, signature[:-4], body),
                    (secret, stamp, "", body), (secret, "", signature, body)):  # fmt: skip
        with pytest.raises(UnauthenticatedError):
            w.check(*changed, now=NOW)
    with pytest.raises(UnauthenticatedError):
        w.check(secret, stamp, signature, body, now=NOW + w.TOLERANCE + timedelta(seconds=1))


def test_a_secret_is_what_is_set_or_follows_from_the_key():
    assert w.secret_of(b64encode(b"given").decode(), "key") == b"given"
    assert w.secret_of("", "key") == w.secret_of("", "key") != w.secret_of("", "another")


@pytest.mark.parametrize("generation", [0, 1, 12, 4_000])
def test_a_user_is_known_again(generation):
    key = names.user_key(USER, generation)
    assert len(key) <= 36
    assert names.read_key(key) == (USER, generation)


@settings(max_examples=30)
@given(st.text(max_size=60))
def test_any_name_can_be_read(key):
    user_id, generation = names.read_key(key)
    assert generation >= 0
    assert generation == 0 or user_id != key


def test_tokens_of_before_are_void():
    assert names.void_keys(USER, 0) == []
    assert names.void_keys(USER, 2) == [USER, f"{USER}-1"]
    assert len(names.void_keys(USER, 500)) == 20


@pytest.mark.parametrize(("body", "is_test"), [
    (b'{"test":"test"}', True), (b'{"test": "test", "id": "x"}', False), (b"", False), (b"[]", False), (b"\xff", False),
])  # fmt: skip
def test_the_post_of_a_registration_is_known(body, is_test):
    assert w.is_test(body) is is_test


def test_a_breaker_opens_rests_and_lets_one_try():
    clock = ManualClock(NOW)
    breaker = Breaker(clock)
    for _ in range(4):
        breaker.enter()
        breaker.failed()
    breaker.enter()
    breaker.succeeded()
    for _ in range(5):
        breaker.enter()
        breaker.failed()
    with pytest.raises(NotSentError):
        breaker.enter()
    clock.advance(timedelta(seconds=30))
    breaker.enter()  # this one may try,
    with pytest.raises(NotSentError):
        breaker.enter()  # and nobody else meanwhile
    breaker.succeeded()
    breaker.enter()


@pytest.mark.parametrize(("more", "wrong"), [
    ({}, ["STOA_LIVE_DAILY_KEY"]),
    ({"STOA_LIVE_DAILY_KEY": "key"}, []),
    ({"STOA_LIVE_DAILY_KEY": "key", "STOA_LIVE_DAILY_API": "ftp://x"}, ["STOA_LIVE_DAILY_API"]),
    ({"STOA_LIVE_DAILY_KEY": "key", "STOA_LIVE_DAILY_WEBHOOK_SECRET": "no base64!"}, ["STOA_LIVE_DAILY_WEBHOOK_SECRET"]),
])  # fmt: skip
def test_what_daily_needs_is_asked_for_at_the_start(more, wrong):
    environment = {"STOA_LIVE_PROVIDER": "daily"} | more
    if not wrong:
        assert load(environment).live.provider == "daily"
        return
    with pytest.raises(InvalidError) as refused:
        load(environment)
    assert [fault.field for fault in refused.value.faults] == wrong
