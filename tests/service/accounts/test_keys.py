"""API keys, and the keys that sign tokens."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from stoa.accounts import service, store, tokens
from stoa.accounts.errors import (
    ExpiredError,
    InvalidTokenError,
    InvalidUserError,
    KeyNotFoundError,
    NotAllowedError,
)
from stoa.accounts.model import KEY_GRACE, KEY_ROTATION, LOGIN_LIFETIME, UserChange
from stoa.accounts.tokens import Party, TokenType
from stoa.kernel.actor import AccessLevel


def issue(room, user_id, **changed):
    values = {"name": "grader", "expires_at": None, **changed}
    return room.run(service.issue_key, user_id=user_id, ids=room.ids, now=room.now, **values)


def who(room, secret):
    return room.run(service.actor_of_key, secret, now=room.now)[0]


def test_a_key_stands_for_its_owner(room, student):
    key, secret = issue(room, student.id)
    actor = who(room, secret)
    assert (actor.id, actor.permissions) == (student.id, student.permissions)
    assert actor.login_id == f"key:{key.id}"
    assert secret.startswith("stoa_")
    assert secret.startswith(key.hint)


def test_the_secret_is_not_kept(room, student):
    _key, secret = issue(room, student.id)
    with room.engine.connect() as connection:
        row = connection.execute(store.api_keys.select()).mappings().one()
    assert secret not in str(dict(row))


@pytest.mark.parametrize("secret", ["", "stoa_", "stoa_" + "x" * 43, "é", "\ud800", "x" * 100_000])
def test_what_is_no_key_is_refused(room, student, secret):
    issue(room, student.id)
    with pytest.raises(InvalidTokenError):
        who(room, secret)


def test_a_key_expires(room, student):
    _key, secret = issue(room, student.id, expires_at=room.now + timedelta(hours=1))
    room.wait(minutes=59)
    assert who(room, secret).id == student.id
    room.wait(minutes=1)
    with pytest.raises(ExpiredError):
        who(room, secret)


@pytest.mark.parametrize("changed", [{"name": ""}, {"name": "x" * 51}, {"expires_at": "past"}])
def test_a_key_that_can_not_be(room, student, changed):
    if changed.get("expires_at"):
        changed = {"expires_at": room.now}
    with pytest.raises(InvalidUserError):
        issue(room, student.id, **changed)
    assert room.run(service.list_keys, actor=student) == []


def test_only_the_owner_deletes_a_key(room, admin, student):
    key, secret = issue(room, student.id)
    for actor, key_id in ((admin, key.id), (student, "x")):
        with pytest.raises(KeyNotFoundError):
            room.run(service.delete_key, key_id, actor=actor)
    assert [listed.id for listed in room.run(service.list_keys, actor=student)] == [key.id]
    room.run(service.delete_key, key.id, actor=student, tell=room.told.append)
    assert room.told[-1].user_id == student.id
    with pytest.raises(InvalidTokenError):
        who(room, secret)


@pytest.mark.parametrize("how", ["delete", "revoke"])
def test_a_key_ends_with_its_owners_access(room, admin, student, how):
    _key, secret = issue(room, student.id)
    if how == "delete":
        room.run(service.delete_user, student.id, actor=admin, now=room.now)
    else:
        revoked = UserChange(access=AccessLevel.REVOKED)
        room.run(service.update_user, student.id, revoked, actor=admin, now=room.now)
    with pytest.raises(InvalidTokenError):
        who(room, secret)


def test_a_key_is_no_login(room, student):
    _key, secret = issue(room, student.id)
    service.check_is_login(student)
    with pytest.raises(NotAllowedError):
        service.check_is_login(who(room, secret))


def ensure(room):
    return room.run(service.ensure_signing_key, ids=room.ids, now=room.now)


def test_the_signing_key_is_made_once_and_kept(room):
    first = ensure(room)
    assert len(first.keys) == 1
    assert ensure(room) == first
    assert room.run(service.load_keys, now=room.now) == first


def test_two_servers_that_start_at_once_share_one_key(room):
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: ensure(room), range(4)))
    assert len({keys.newest.kid for keys in made}) == 1


def test_an_old_key_is_replaced_and_goes_on_verifying(room):
    old = ensure(room).newest
    room.wait(days=30, milliseconds=-1)
    assert ensure(room).newest == old
    token = tokens.issue(
        ensure(room),
        use=TokenType.REFRESH,
        user_id="u",
        login_id="l",
        token_id="t",
        now=room.now,
        party=Party(),
    )
    room.wait(milliseconds=1)
    rotated = ensure(room)
    assert timedelta(days=30) == KEY_ROTATION
    assert rotated.newest.kid != old.kid
    assert [key.kid for key in rotated.keys] == [rotated.newest.kid, old.kid]
    room.wait(days=6, hours=23)
    later = room.run(service.load_keys, now=room.now)
    assert tokens.read(token, keys=later, use=TokenType.REFRESH, now=room.now, party=Party()).user_id == "u"


def test_a_key_retires_after_the_overlap(room):
    old = ensure(room).newest
    rotated = room.run(service.rotate, ids=room.ids, now=room.now)
    room.wait(seconds=(LOGIN_LIFETIME + KEY_GRACE).total_seconds())
    assert rotated.find(old.kid, now=room.now) is None
    assert [key.kid for key in room.run(service.load_keys, now=room.now).keys] == [rotated.newest.kid]
    room.wait(milliseconds=1)
    room.run(service.sweep, now=room.now)
    with room.engine.connect() as connection:
        assert connection.execute(store.signing_keys.select()).mappings().one()["kid"] == rotated.newest.kid
