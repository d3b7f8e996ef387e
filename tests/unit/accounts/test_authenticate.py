"""The authenticator's memory: short, bounded, and empty at once when anybody's access changes."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from stoa.accounts import authenticate, service, tokens
from stoa.accounts.authenticate import KeyRing, StoredAuthenticator
from stoa.accounts.errors import InvalidTokenError
from stoa.accounts.model import AccessChanged, SigningKey
from stoa.accounts.tokens import KeySet, Lifetimes, Party, TokenType
from stoa.kernel.actor import AccessLevel, Actor, Credentials
from stoa.kernel.clock import ManualClock
from stoa.kernel.ids import SeededIds

pytestmark = pytest.mark.anyio
USER = "a" * 24


class CannedStorage:
    """Answers for the service's functions, and counts how often it was asked; ``gate`` holds an answer back."""

    def __init__(self, clock):
        self.clock = clock
        self.keys = KeySet((SigningKey("first", "s" * 43, clock.now(), None),))
        self.asked = []
        self.gate = None
        self.waiting = asyncio.Event()

    async def read(self, fn, *args, **kwargs):
        self.asked.append(fn)
        if fn is service.load_keys:
            return self.keys
        if self.gate:
            self.waiting.set()
            await self.gate.wait()
        actor = Actor(
            7, USER, "lea.petit", "Léa Petit", AccessLevel.STUDENT, frozenset(), "login", self.clock.now()
        )
        if fn is service.actor_of_key:
            return actor, None
        return actor, self.clock.now() + timedelta(days=7)

    async def write(self, fn, *args, **kwargs):
        raise AssertionError("authenticating writes nothing")

    def count(self, fn):
        return self.asked.count(fn)


@pytest.fixture
def clock(now):
    return ManualClock(now)


@pytest.fixture
def storage(clock):
    return CannedStorage(clock)


@pytest.fixture
def authenticator(storage, clock):
    return make(storage, clock)


def make(storage, clock, cache_seconds=1.0):
    ring = KeyRing(storage, clock, SeededIds(), lifetimes=Lifetimes())
    return StoredAuthenticator(storage, clock, ring, party=Party(), cache_seconds=cache_seconds)


def bearer(storage, clock, **changed):
    values = {"use": TokenType.ACCESS, "user_id": USER, "login_id": "login", "token_id": "t", **changed}
    return Credentials(bearer=tokens.issue(storage.keys, now=clock.now(), party=Party(), **values))


async def test_a_proof_is_looked_up_once_in_the_caches_time(authenticator, storage, clock):
    proof = bearer(storage, clock)
    for _ in range(5):
        await authenticator.authenticate(proof)
    assert storage.count(service.actor_of_login) == 1
    clock.advance(timedelta(seconds=1))
    await authenticator.authenticate(proof)
    assert storage.count(service.actor_of_login) == 2


async def test_no_cache_looks_up_every_time(storage, clock):
    authenticator = make(storage, clock, cache_seconds=0)
    proof = bearer(storage, clock)
    for _ in range(3):
        await authenticator.authenticate(proof)
    assert storage.count(service.actor_of_login) == 3


async def test_a_change_of_access_empties_the_memory(authenticator, storage, clock):
    proof = bearer(storage, clock)
    await authenticator.authenticate(proof)
    authenticator.forget(AccessChanged("somebody else"))
    await authenticator.authenticate(proof)
    assert storage.count(service.actor_of_login) == 2


async def test_what_was_read_before_a_change_is_not_remembered_after_it(authenticator, storage, clock):
    proof = bearer(storage, clock)
    storage.gate = asyncio.Event()
    waiting = asyncio.create_task(authenticator.authenticate(proof))
    await storage.waiting.wait()
    authenticator.forget(AccessChanged(USER))
    storage.gate.set()
    await waiting
    await authenticator.authenticate(proof)
    assert storage.count(service.actor_of_login) == 2


async def test_a_remembered_token_still_expires(storage, clock):
    authenticator = make(storage, clock, cache_seconds=3600)
    proof = bearer(storage, clock)
    await authenticator.authenticate(proof)
    clock.advance(timedelta(minutes=15))
    with pytest.raises(authenticate.tokens.ExpiredError):
        await authenticator.authenticate(proof)


async def test_a_cookie_is_no_bearer_token_even_when_remembered(authenticator, storage, clock):
    cookie = bearer(storage, clock, use=TokenType.COOKIE).bearer
    await authenticator.authenticate(Credentials(cookie=cookie))
    with pytest.raises(InvalidTokenError):
        await authenticator.authenticate(Credentials(bearer=cookie))


async def test_the_memory_is_bounded(authenticator, storage, clock, monkeypatch):
    monkeypatch.setattr(authenticate, "MOST_REMEMBERED", 3)
    for number in range(9):
        await authenticator.authenticate(Credentials(api_key=f"stoa_{number}"))
    assert len(authenticator._known) == 3


async def test_unknown_keys_make_the_ring_read_again_but_not_every_time(storage, clock):
    ring = KeyRing(storage, clock, SeededIds(), lifetimes=Lifetimes())
    other = KeySet((SigningKey("other", "o" * 43, clock.now(), None),))
    token = tokens.issue(
        other, use=TokenType.ACCESS, user_id=USER, login_id="l", token_id="t", now=clock.now(), party=Party()
    )
    for _ in range(20):
        with pytest.raises(InvalidTokenError):
            await ring.read(token, use=TokenType.ACCESS, party=Party())
    assert storage.count(service.load_keys) == 1
    clock.advance(timedelta(seconds=1))
    storage.keys = KeySet((*other.keys, *storage.keys.keys))
    assert (await ring.read(token, use=TokenType.ACCESS, party=Party())).user_id == USER


async def test_no_proof_is_no_good(authenticator):
    with pytest.raises(InvalidTokenError):
        await authenticator.authenticate(Credentials())
