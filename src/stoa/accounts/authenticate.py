"""Finds out who asks: the kernel's Authenticator over storage, and the ring of keys that it verifies with."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from stoa.accounts import service, tokens
from stoa.accounts.errors import InvalidTokenError
from stoa.accounts.model import KEY_ROTATION
from stoa.accounts.tokens import KeySet, Lifetimes, Party, TokenType, UnknownKeyError

if TYPE_CHECKING:
    from stoa.accounts.model import AccessChanged
    from stoa.kernel.actor import Actor, Credentials
    from stoa.kernel.clock import Clock
    from stoa.kernel.ids import Ids
    from stoa.platform.storage import Storage

MOST_REMEMBERED = 10_000
"""Proofs that are remembered at a time; the oldest go first."""
_RELOAD_AFTER = timedelta(minutes=1)
_RELOAD_AGAIN_AFTER = timedelta(seconds=1)


class KeyRing:
    """The signing keys as this process knows them: read again every minute, and when a token names an unknown one."""

    def __init__(self, storage: Storage, clock: Clock, ids: Ids, *, lifetimes: Lifetimes) -> None:
        self._storage = storage
        self._clock = clock
        self._ids = ids
        self._lifetimes = lifetimes
        self._keys = KeySet(())
        self._loaded_at: datetime | None = None

    async def keys(self) -> KeySet:
        """The keys, the newest of them younger than KEY_ROTATION: it is made here when there is need of one."""
        now = self._clock.now()
        if self._loaded_at is None or now - self._loaded_at >= _RELOAD_AFTER:
            self._keep(await self._storage.read(service.load_keys, now=now), now)
        if not self._keys.keys or now - self._keys.newest.created_at >= KEY_ROTATION:
            made = await self._storage.write(
                service.ensure_signing_key, ids=self._ids, now=now, login_lifetime=self._lifetimes.login
            )
            self._keep(made, now)
        return self._keys

    async def read(self, token: str, *, use: TokenType, party: Party) -> tokens.Claims:
        """The token's claims. Raises InvalidTokenError, ExpiredError."""
        now = self._clock.now()
        keys = await self.keys()
        try:
            return tokens.read(token, keys=keys, use=use, now=now, party=party)
        except UnknownKeyError:
            if self._loaded_at is not None and now - self._loaded_at < _RELOAD_AGAIN_AFTER:
                raise
        self._keep(await self._storage.read(service.load_keys, now=now), now)
        return tokens.read(token, keys=self._keys, use=use, now=now, party=party)

    def _keep(self, keys: KeySet, now: datetime) -> None:
        self._keys, self._loaded_at = keys, now


@dataclass(frozen=True, slots=True)
class _Known:
    actor: Actor
    until: datetime


class StoredAuthenticator:
    """Every proof is looked up, and believed for ``cache_seconds`` so that a busy client costs no read a request.

    ``forget`` empties that memory. What another node ended is noticed within ``cache_seconds``.

    An outside identity provider would stand here: a Bearer token whose ``iss`` is not ours is its to verify.
    """

    def __init__(
        self, storage: Storage, clock: Clock, keys: KeyRing, *, party: Party, cache_seconds: float
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._keys = keys
        self._party = party
        self._remember_for = timedelta(seconds=cache_seconds)
        self._known: OrderedDict[tuple[str, str], _Known] = OrderedDict()
        self._generation = 0

    async def authenticate(self, credentials: Credentials) -> Actor:
        """Raises UnauthenticatedError where the proof is no good, with the reason."""
        use, proof = _proof(credentials)
        now = self._clock.now()
        known = self._known.get((use, proof))
        if known is not None and now < known.until:
            return known.actor
        generation = self._generation
        actor, until = await self._look_up(use, proof)
        if generation == self._generation:  # nothing changed while the database was asked
            self._remember((use, proof), _Known(actor, min(until, now + self._remember_for)))
        return actor

    def forget(self, _changed: AccessChanged) -> None:
        """A change of anybody's access empties the whole memory: it is rare, and refilled within a moment."""
        self._generation += 1
        self._known.clear()

    async def _look_up(self, use: str, proof: str) -> tuple[Actor, datetime]:
        now = self._clock.now()
        if use == _API_KEY:
            actor, key_expires_at = await self._storage.read(service.actor_of_key, proof, now=now)
            return actor, key_expires_at or now + self._remember_for
        claims = await self._keys.read(proof, use=TokenType(use), party=self._party)
        actor, expires_at = await self._storage.read(
            service.actor_of_login, login_id=claims.login_id, user_id=claims.user_id, now=now
        )
        return actor, min(claims.expires_at, expires_at)

    def _remember(self, proof: tuple[str, str], known: _Known) -> None:
        if not self._remember_for:
            return
        self._known[proof] = known
        self._known.move_to_end(proof)
        while len(self._known) > MOST_REMEMBERED:
            self._known.popitem(last=False)


_API_KEY = "api_key"


def _proof(credentials: Credentials) -> tuple[str, str]:
    if credentials.api_key is not None:
        return _API_KEY, credentials.api_key
    if credentials.bearer is not None:
        if credentials.bearer.startswith(service.SECRET_PREFIX):
            return _API_KEY, credentials.bearer
        return TokenType.ACCESS, credentials.bearer
    if credentials.cookie is not None:
        return TokenType.COOKIE, credentials.cookie
    raise InvalidTokenError
