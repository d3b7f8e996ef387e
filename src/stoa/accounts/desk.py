"""The front desk: what needs both the database and a password's worth of CPU, in the right order and the right place.

A password is never hashed on the event loop nor inside a transaction: it is done between a read and a write, in a
thread, at most two at a time (each takes 64 MiB).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import Connection

from stoa.accounts import rules, service, tokens
from stoa.accounts.tokens import Lifetimes, Party, TokenType
from stoa.kernel.errors import StoaError

if TYPE_CHECKING:
    from stoa.accounts.authenticate import KeyRing
    from stoa.accounts.model import AccessChanged, Listener, NewUser, SignedIn, User, UserChange
    from stoa.accounts.passwords import Passwords
    from stoa.kernel.actor import Actor
    from stoa.kernel.clock import Clock
    from stoa.kernel.ids import Ids
    from stoa.platform.storage import Storage

T = TypeVar("T")
SessionOf = Callable[[Connection, str], str | None]
"""(connection, user id) → the mission session that the user is in."""


def in_no_session(_connection: Connection, _user_id: str) -> str | None:
    return None


@dataclass(frozen=True, slots=True)
class Pass:
    """What somebody who logged in takes away. ``expires_in`` is the access token's life in seconds."""

    signed_in: SignedIn
    access_token: str
    refresh_token: str
    cookie: str
    expires_in: int


@dataclass(slots=True)
class Desk:
    """``listeners`` are told of every change of access after its commit: add to them what keeps connections open."""

    storage: Storage
    clock: Clock
    ids: Ids
    passwords: Passwords
    keys: KeyRing
    party: Party = field(default_factory=Party)
    lifetimes: Lifetimes = field(default_factory=Lifetimes)
    session_of: SessionOf = in_no_session
    listeners: list[Listener] = field(default_factory=list)
    _hashing: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(2))

    def tell(self, changed: AccessChanged) -> None:
        for listener in self.listeners:
            listener(changed)

    async def sign_in(self, username: str, password: str, terms: service.Terms = service.INDEPENDENT) -> Pass:
        """Raises WrongPasswordError, LockedOutError, SystemLoginError, AccessRevokedError, AlreadyLoggedInError."""
        candidate = await self.storage.read(service.candidate_for, username, now=self.clock.now())
        verified = await self._verify(password, candidate)
        outcome = await self.storage.write(
            service.sign_in,
            candidate,
            verified=verified,
            ids=self.ids,
            now=self.clock.now(),
            terms=replace(terms, lifetime=self.lifetimes.login),
            tell=self.tell,
        )
        return await self._pass(_settled(outcome))

    async def refresh(self, refresh_token: str) -> Pass:
        """Raises InvalidTokenError, ExpiredError, LoginEndedError."""
        claims = await self.keys.read(refresh_token, use=TokenType.REFRESH, party=self.party)
        outcome = await self.storage.write(
            service.refresh,
            claims,
            ids=self.ids,
            now=self.clock.now(),
            lifetime=self.lifetimes.login,
            tell=self.tell,
        )
        return await self._pass(_settled(outcome))

    async def log_out(self, actor: Actor) -> None:
        await self.storage.write(service.log_out, actor.login_id, now=self.clock.now(), tell=self.tell)

    async def change_password(self, actor: Actor, *, current: str, new: str) -> None:
        """Raises WrongPasswordError, LockedOutError, InvalidUserError, NotAllowedError."""
        service.check_is_login(actor)
        rules.check_password(new, field="new_password")
        user = await self.storage.read(service.own_user, actor=actor)
        candidate = await self.storage.read(service.candidate_for, user.username, now=self.clock.now())
        verified = await self._verify(current, candidate)
        outcome = await self.storage.write(
            service.change_password,
            candidate,
            verified=verified,
            new_hash=await self._hash(new) if verified else "",
            actor=actor,
            now=self.clock.now(),
            tell=self.tell,
        )
        _settled(outcome)

    async def reset_own_password(self, actor: Actor, password: str) -> None:
        service.check_is_login(actor)
        rules.check_password(password)
        await self.storage.write(
            service.reset_own_password,
            password_hash=await self._hash(password),
            actor=actor,
            now=self.clock.now(),
            tell=self.tell,
        )

    async def create_user(self, actor: Actor, new: NewUser, password: str) -> User:
        """What can be refused is refused before the password costs anything."""
        rules.check_new_user(new, password=password)
        rules.check_may_add(actor, new)
        return await self.storage.write(
            service.create_user,
            new,
            password_hash=await self._hash(password),
            actor=actor,
            ids=self.ids,
            now=self.clock.now(),
        )

    async def update_user(self, actor: Actor, user_id: str, change: UserChange, password: str | None) -> User:
        rules.check_change(change, password=password)
        return await self.storage.write(
            service.update_user,
            user_id,
            change,
            password_hash=None if password is None else await self._hash(password),
            actor=actor,
            now=self.clock.now(),
            tell=self.tell,
        )

    async def _pass(self, signed_in: SignedIn) -> Pass:
        """Access tokens and cookies stand for the login; a refresh token is good only while the login names it."""
        login, now, keys = signed_in.login, self.clock.now(), await self.keys.keys()

        def issue(use: TokenType, token_id: str) -> str:
            return tokens.issue(
                keys,
                use=use,
                user_id=login.user_id,
                login_id=login.id,
                token_id=token_id,
                now=now,
                party=self.party,
                lifetimes=self.lifetimes,
            )

        return Pass(
            signed_in,
            access_token=issue(TokenType.ACCESS, self.ids.uuid()),
            refresh_token=issue(TokenType.REFRESH, login.refresh_id),
            cookie=issue(TokenType.COOKIE, self.ids.uuid()),
            expires_in=int(self.lifetimes.access.total_seconds()),
        )

    async def _verify(self, password: str, candidate: service.Candidate) -> bool:
        async with self._hashing:
            return await asyncio.to_thread(self.passwords.verify, password, candidate.password_hash)

    async def _hash(self, password: str) -> str:
        async with self._hashing:
            return await asyncio.to_thread(self.passwords.hash, password)


def _settled(outcome: T | StoaError) -> T:
    """What a use case answered after its commit; raises the error that it answered instead."""
    if isinstance(outcome, StoaError):
        raise outcome
    return outcome
