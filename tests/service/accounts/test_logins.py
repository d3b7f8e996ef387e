from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from stoa.accounts import service
from stoa.accounts.errors import (
    AccessRevokedError,
    AlreadyLoggedInError,
    LockedOutError,
    LoginEndedError,
    SystemLoginError,
    WrongPasswordError,
)
from stoa.accounts.model import LoginKind, SignedIn, UserChange
from stoa.accounts.tokens import Claims
from stoa.kernel.actor import AccessLevel

SINGLE = LoginKind.SINGLE


def refresh_claims(signed_in):
    login = signed_in.login
    return Claims(login.user_id, login.id, login.refresh_id, login.began_at, login.expires_at)


def do_refresh(room, claims):
    return room.run(service.refresh, claims, ids=room.ids, now=room.now, tell=room.told.append)


@pytest.mark.parametrize("username", ["lea.petit", "LEA.PETIT", "Lea.Petit"])
def test_a_login_begins_with_the_right_password(room, student, username):
    signed_in = room.sign_in(username)
    assert signed_in.user.username == "lea.petit"
    actor, until = room.run(
        service.actor_of_login, login_id=signed_in.login.id, user_id=student.id, now=room.now
    )
    assert (actor.id, actor.number, actor.name) == (student.id, student.number, "Some Body")
    assert actor.login_at == room.now
    assert until == signed_in.login.expires_at


@pytest.mark.parametrize(
    ("username", "password"),
    [
        ("lea.petit", "wrong"),
        ("nobody.here", "right"),
        ("x", "right"),
        ("é\x00'; --", "right"),
        ("a" * 99, "right"),
    ],
)
def test_a_wrong_password_and_an_unknown_user_are_told_the_same(room, student, username, password):
    refused = room.sign_in(username, password)
    assert type(refused) is WrongPasswordError
    assert refused.message == WrongPasswordError().message


@pytest.mark.parametrize("username", ["system", "SYSTEM"])
def test_the_system_never_logs_in(room, username):
    with pytest.raises(SystemLoginError):
        room.sign_in(username)


def test_revoked_access_does_not_log_in(room):
    room.add("gone.away", AccessLevel.REVOKED)
    with pytest.raises(AccessRevokedError):
        room.sign_in("gone.away")


@pytest.mark.parametrize("username", ["lea.petit", "nobody.here"])
def test_five_failures_lock_even_the_right_password_out(room, student, username):
    for _ in range(5):
        assert isinstance(room.sign_in(username, "wrong"), WrongPasswordError)
        room.wait(seconds=1)
    with pytest.raises(LockedOutError) as caught:
        room.sign_in(username.upper())
    assert caught.value.retry_after == 899
    room.wait(seconds=898)
    with pytest.raises(LockedOutError):
        room.sign_in(username)
    room.wait(seconds=1)
    assert not isinstance(room.sign_in("lea.petit"), WrongPasswordError)


def test_a_right_password_forgets_the_wrong_ones(room, student):
    for _ in range(3):
        for _ in range(4):
            room.sign_in("lea.petit", "wrong")
        assert isinstance(room.sign_in("lea.petit"), SignedIn)


def test_failures_that_are_far_apart_lock_nobody_out(room, student):
    for _ in range(20):
        room.sign_in("lea.petit", "wrong")
        room.wait(seconds=76)
    assert isinstance(room.sign_in("lea.petit"), SignedIn)


def test_one_locked_account_locks_no_other(room, student):
    room.add("sam.young")
    for _ in range(5):
        room.sign_in("lea.petit", "wrong")
    assert isinstance(room.sign_in("sam.young"), SignedIn)


def test_guesses_at_once_are_counted_one_by_one(room, student):
    """However many were checked before the first was counted, only five are told that they were wrong."""
    candidate = room.run(service.candidate_for, "lea.petit", now=room.now)

    def guess(_):
        try:
            return room.run(service.sign_in, candidate, verified=False, ids=room.ids, now=room.now)
        except LockedOutError as error:
            return error

    with ThreadPoolExecutor(6) as pool:
        kinds = [type(answer) for answer in pool.map(guess, range(18))]
    assert kinds.count(WrongPasswordError) == 5
    assert kinds.count(LockedOutError) == 13


def test_a_password_that_changed_meanwhile_is_wrong(room, student):
    candidate = room.run(service.candidate_for, "lea.petit", now=room.now)
    room.run(service.set_password, "lea.petit", password_hash="hash of new", now=room.now)
    refused = room.run(service.sign_in, candidate, verified=True, ids=room.ids, now=room.now)
    assert isinstance(refused, WrongPasswordError)


def test_independent_logins_know_nothing_of_each_other(room, student):
    first, second, single = (
        room.sign_in("lea.petit"),
        room.sign_in("lea.petit"),
        room.sign_in("lea.petit", kind=SINGLE),
    )
    room.run(service.log_out, second.login.id, now=room.now)
    assert room.is_good(first)
    assert not room.is_good(second)
    assert room.is_good(single)


def test_a_single_login_refuses_the_next(room, student):
    first = room.sign_in("lea.petit", kind=SINGLE)
    with pytest.raises(AlreadyLoggedInError):
        room.sign_in("lea.petit", kind=SINGLE)
    assert room.is_good(first)


def test_a_forceful_login_ends_the_older(room, student):
    first = room.sign_in("lea.petit", kind=SINGLE)
    second = room.sign_in("lea.petit", kind=SINGLE, forceful=True)
    assert not room.is_good(first)
    assert room.is_good(second)
    assert [changed.login_ids for changed in room.told] == [(first.login.id,)]


def test_ones_own_single_login_is_replaced(room, student):
    first = room.sign_in("lea.petit", kind=SINGLE)
    second = room.sign_in("lea.petit", kind=SINGLE, replaces=first.login.id)
    assert (room.is_good(first), room.is_good(second)) == (False, True)


@pytest.mark.parametrize("how", ["log out", "expire"])
def test_a_single_login_that_is_over_makes_room(room, student, how):
    first = room.sign_in("lea.petit", kind=SINGLE)
    if how == "expire":
        room.wait(days=7)
    else:
        room.run(service.log_out, first.login.id, now=room.now)
    assert room.is_good(room.sign_in("lea.petit", kind=SINGLE))


@pytest.mark.parametrize("forceful", [True, False])
def test_of_single_logins_at_once_one_remains(room, student, forceful):
    def attempt(_):
        try:
            return room.sign_in("lea.petit", kind=SINGLE, forceful=forceful)
        except AlreadyLoggedInError:
            return None

    with ThreadPoolExecutor(4) as pool:
        begun = [answer for answer in pool.map(attempt, range(8)) if answer is not None]
    assert len(begun) == (8 if forceful else 1)
    assert [room.is_good(login) for login in begun].count(True) == 1


def test_a_refresh_goes_on_with_the_login(room, student):
    signed_in = room.sign_in("lea.petit")
    room.wait(days=6)
    again = do_refresh(room, refresh_claims(signed_in))
    assert again.login.id == signed_in.login.id
    assert again.login.refresh_id != signed_in.login.refresh_id
    room.wait(days=6)
    assert room.is_good(signed_in)


def test_a_refresh_token_that_comes_again_ends_the_login(room, student):
    signed_in = room.sign_in("lea.petit")
    again = do_refresh(room, refresh_claims(signed_in))
    assert isinstance(do_refresh(room, refresh_claims(signed_in)), LoginEndedError)
    assert not room.is_good(signed_in)
    with pytest.raises(LoginEndedError):
        do_refresh(room, refresh_claims(again))
    assert room.told[-1].login_ids == (signed_in.login.id,)


def test_of_two_refreshes_at_once_one_succeeds_and_the_login_ends(room, student):
    claims = refresh_claims(room.sign_in("lea.petit"))
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: do_refresh(room, claims), range(2)))
    assert sorted(type(answer).__name__ for answer in answers) == ["LoginEndedError", "SignedIn"]
    assert not room.is_good(next(answer for answer in answers if isinstance(answer, SignedIn)))


@pytest.mark.parametrize("change", ["log out", "expire", "delete", "password"])
def test_a_login_that_is_over_is_not_refreshed(room, admin, student, change):
    signed_in = room.sign_in("lea.petit")
    if change == "log out":
        room.run(service.log_out, signed_in.login.id, now=room.now)
    elif change == "expire":
        room.wait(days=7)
    elif change == "delete":
        room.run(service.delete_user, student.id, actor=admin, now=room.now)
    else:
        room.run(service.set_password, "lea.petit", password_hash="new", now=room.now)
    with pytest.raises(LoginEndedError):
        do_refresh(room, refresh_claims(signed_in))
    assert not room.is_good(signed_in)


def test_logging_out_twice_is_no_error_and_told_once(room, student):
    signed_in = room.sign_in("lea.petit")
    for _ in range(2):
        room.run(service.log_out, signed_in.login.id, now=room.now, tell=room.told.append)
    assert len(room.told) == 1


def test_anothers_user_id_in_a_token_proves_nothing(room, admin, student):
    signed_in = room.sign_in("lea.petit")
    with pytest.raises(LoginEndedError):
        room.run(service.actor_of_login, login_id=signed_in.login.id, user_id=admin.id, now=room.now)


def test_a_new_password_ends_the_other_logins(room, student):
    kept, other = room.sign_in("lea.petit"), room.sign_in("lea.petit")
    candidate = room.run(service.candidate_for, "lea.petit", now=room.now)
    room.run(
        service.change_password,
        candidate,
        verified=True,
        new_hash="hash of new",
        actor=room.actor(kept.user, kept.login.id),
        now=room.now,
        tell=room.told.append,
    )
    assert (room.is_good(kept), room.is_good(other)) == (True, False)
    assert isinstance(room.sign_in("lea.petit"), WrongPasswordError)
    assert isinstance(room.sign_in("lea.petit", "new"), SignedIn)
    assert room.told[-1].login_ids == (other.login.id,)


def test_a_wrong_current_password_counts_and_changes_nothing(room, student):
    candidate = room.run(service.candidate_for, "lea.petit", now=room.now)

    def attempt():
        return room.run(
            service.change_password, candidate, verified=False, new_hash="x", actor=student, now=room.now
        )

    for _ in range(5):
        assert isinstance(attempt(), WrongPasswordError)
    with pytest.raises(LockedOutError):
        attempt()
    room.wait(seconds=900)
    assert isinstance(room.sign_in("lea.petit"), SignedIn)


def test_revoking_access_ends_the_logins(room, admin, student):
    signed_in = room.sign_in("lea.petit")
    revoked = UserChange(access=AccessLevel.REVOKED)
    room.run(service.update_user, student.id, revoked, actor=admin, now=room.now, tell=room.told.append)
    assert not room.is_good(signed_in)
    assert room.told[-1].login_ids == (signed_in.login.id,)


def test_a_changed_permission_counts_at_once(room, admin, student):
    signed_in = room.sign_in("lea.petit")
    granted = UserChange(express_permissions=("files_read",))
    room.run(service.update_user, student.id, granted, actor=admin, now=room.now)
    actor, _ = room.run(service.actor_of_login, login_id=signed_in.login.id, user_id=student.id, now=room.now)
    assert actor.may("files_read")


def test_the_sweep_forgets_only_what_is_over(room, student):
    old = room.sign_in("lea.petit")
    room.sign_in("lea.petit", "wrong")
    room.wait(days=38)
    kept = room.sign_in("lea.petit")
    for _ in range(5):
        room.sign_in("sam.young", "wrong")
    room.run(service.sweep, now=room.now)
    assert (room.is_good(old), room.is_good(kept)) == (False, True)
    with pytest.raises(LockedOutError):
        room.sign_in("sam.young")
