"""What browsers are told of STUN and TURN."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

from stoa.live.ice import Ice

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def test_nothing_is_told_where_nothing_is_set():
    assert Ice().servers("lea", now=NOW) == []


def test_credentials_are_a_users_own_and_expire():
    ice = Ice(("stun:a:3478",), ("turn:a:3478", "turns:a:443"), "sesame", timedelta(minutes=5))
    stun, turn = ice.servers("lea", now=NOW)
    assert stun == {"urls": ["stun:a:3478"]}
    assert turn["urls"] == ["turn:a:3478", "turns:a:443"]
    expiry, _, user = turn["username"].partition(":")
    assert (int(expiry), user) == (int(NOW.timestamp()) + 300, "lea")
    made = hmac.new(b"sesame", turn["username"].encode(), hashlib.sha1).digest()
    assert turn["credential"] == base64.b64encode(made).decode()
    assert ice.servers("tom", now=NOW)[1]["credential"] != turn["credential"]
