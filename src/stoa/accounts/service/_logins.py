"""Logging in, staying so, and logging out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy.exc import IntegrityError

from stoa.accounts import rules, store
from stoa.accounts.errors import (
    AccessRevokedError,
    AlreadyLoggedInError,
    LoginEndedError,
    SystemLoginError,
    WrongPasswordError,
)
from stoa.accounts.model import (
    LOGIN_LIFETIME,
    SYSTEM_USERNAME,
    AccessChanged,
    Listener,
    Login,
    LoginKind,
    SignedIn,
    User,
    tell_nobody,
)
from stoa.accounts.service._keys import as_actor
from stoa.kernel.actor import AccessLevel, Actor
from stoa.platform.storage import after_commit, lock

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from stoa.accounts.tokens import Claims
    from stoa.kernel.errors import StoaError
    from stoa.kernel.ids import Ids

_KEPT = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A username that somebody claims, and the hash to try the password on (None: nobody has this name)."""

    username: str
    password_hash: str | None


@dataclass(frozen=True, slots=True)
class Terms:
    """What kind of login is wanted. ``forceful`` ends an older single login; so does ``replaces``, the caller's own."""

    kind: LoginKind = LoginKind.INDEPENDENT
    forceful: bool = False
    replaces: str | None = None
    lifetime: timedelta = LOGIN_LIFETIME


INDEPENDENT = Terms()


def candidate_for(connection: Connection, username: str, *, now: datetime) -> Candidate:
    """Raises LockedOutError, SystemLoginError. What can't be a username is nobody's, as any unknown one."""
    if rules.username_key(username) == SYSTEM_USERNAME:
        raise SystemLoginError
    if not rules.is_username(username):
        return Candidate(username, None)
    rules.check_not_locked(store.failure_times(connection, username), now=now)
    found = store.find_user(connection, username)
    return Candidate(username, None if found is None else found[1])


def sign_in(
    connection: Connection,
    candidate: Candidate,
    *,
    verified: bool,
    ids: Ids,
    now: datetime,
    terms: Terms = INDEPENDENT,
    tell: Listener = tell_nobody,
) -> SignedIn | StoaError:
    """Begins a login for who was ``verified`` against ``candidate.password_hash``.

    A wrong password counts, and is answered with WrongPasswordError. Raises LockedOutError, AccessRevokedError and,
    where ``terms`` leave the account's older login in its place, AlreadyLoggedInError.
    """
    user = _proven(connection, candidate, verified=verified, now=now)
    if not isinstance(user, User):
        return user
    if user.access is AccessLevel.REVOKED:
        raise AccessRevokedError
    if terms.kind is LoginKind.SINGLE:
        _make_room(connection, user, terms, now=now, tell=tell)
    store.delete_logins_before(connection, now - _KEPT, user_id=user.id)
    login = Login(ids.uuid(), user.id, terms.kind, ids.uuid(), now, now + terms.lifetime)
    try:
        store.add_login(connection, login)
    except IntegrityError:
        raise AlreadyLoggedInError from None
    return SignedIn(user, login)


def _proven(
    connection: Connection, candidate: Candidate, *, verified: bool, now: datetime
) -> User | WrongPasswordError:
    """The user, if the password was right and still is. Guesses at one name take turns, so that none escapes the count."""
    if not rules.is_username(candidate.username):
        return WrongPasswordError()
    lock(connection, f"accounts.login:{rules.username_key(candidate.username)}")
    rules.check_not_locked(store.failure_times(connection, candidate.username), now=now)
    found = store.find_user(connection, candidate.username, hold=True)
    if not verified or found is None or found[1] is None or found[1] != candidate.password_hash:
        _forget_failures(connection, now=now)
        store.add_failure(connection, candidate.username, now=now)
        return WrongPasswordError()
    store.clear_failures(connection, candidate.username)
    return found[0]


def _make_room(connection: Connection, user: User, terms: Terms, *, now: datetime, tell: Listener) -> None:
    older = store.single_login(connection, user.id)
    if older is None:
        return
    if older.expires_at > now and older.id != terms.replaces and not terms.forceful:
        raise AlreadyLoggedInError
    store.end_login(connection, older.id, now=now)
    announce(connection, tell, user.id, (older.id,))


def refresh(
    connection: Connection,
    claims: Claims,
    *,
    ids: Ids,
    now: datetime,
    lifetime: timedelta = LOGIN_LIFETIME,
    tell: Listener = tell_nobody,
) -> SignedIn | StoaError:
    """Puts a new refresh token in the place of the one with ``claims``.

    One that was used before is a copy in somebody's hands: the login ends, and LoginEndedError is the answer.
    """
    found = store.active_login(connection, claims.login_id, now=now)
    if found is None or found[0].id != claims.user_id:
        raise LoginEndedError
    user, login = found
    new, expires_at = ids.uuid(), now + lifetime
    if store.refresh_login(connection, login.id, old=claims.token_id, new=new, expires_at=expires_at):
        return SignedIn(user, Login(login.id, user.id, login.kind, new, login.began_at, expires_at))
    log_out(connection, login.id, now=now, tell=tell)
    return LoginEndedError("This refresh token was used before, so its login has been ended. Log in again.")


def log_out(connection: Connection, login_id: str, *, now: datetime, tell: Listener = tell_nobody) -> None:
    """Ends a login. One that has ended already stays so."""
    user_id = store.end_login(connection, login_id, now=now)
    if user_id is not None:
        announce(connection, tell, user_id, (login_id,))


def change_password(
    connection: Connection,
    candidate: Candidate,
    *,
    verified: bool,
    new_hash: str,
    actor: Actor,
    now: datetime,
    tell: Listener = tell_nobody,
) -> StoaError | None:
    """Sets the actor's own password and ends the actor's other logins. A wrong current one counts as at a login."""
    user = _proven(connection, candidate, verified=verified, now=now)
    if not isinstance(user, User):
        return user
    replace_password(connection, user.id, password_hash=new_hash, keep=actor.login_id, now=now, tell=tell)
    return None


def replace_password(
    connection: Connection,
    user_id: str,
    *,
    password_hash: str,
    now: datetime,
    keep: str | None = None,
    tell: Listener = tell_nobody,
) -> None:
    """A password that its owner chose: it needs no reset, and only the login ``keep`` goes on."""
    values = {"password_hash": password_hash, "needs_password_reset": False}
    store.update_user(connection, user_id, values)
    announce(connection, tell, user_id, store.end_logins(connection, user_id, now=now, keep=keep))


def actor_of_login(
    connection: Connection, *, login_id: str, user_id: str, now: datetime
) -> tuple[Actor, datetime]:
    """Who is logged in so, and until when. Raises LoginEndedError."""
    found = store.active_login(connection, login_id, now=now)
    if found is None or found[0].id != user_id or found[0].access is AccessLevel.REVOKED:
        raise LoginEndedError
    user, login = found
    return as_actor(user, login_id=login.id, login_at=login.began_at), login.expires_at


def announce(connection: Connection, tell: Listener, user_id: str, login_ids: tuple[str, ...] = ()) -> None:
    after_commit(connection, partial(tell, AccessChanged(user_id, login_ids)))


def sweep(connection: Connection, *, now: datetime) -> None:
    """Forgets what nobody needs any more, of everybody. Logging in and failing to do so tidy up after themselves."""
    _forget_failures(connection, now=now)
    store.delete_logins_before(connection, now - _KEPT)
    store.delete_signing_keys_before(connection, now)


def _forget_failures(connection: Connection, *, now: datetime) -> None:
    """Failures that no lock depends on any more, so that guesses at names without end do not fill the table."""
    policy = rules.LOCK_OUT
    store.delete_failures_before(connection, now - policy.window - policy.duration)
