"""Tokens as RFC 8725 wants them: one algorithm, a type for each use, every claim required. Pure: told the keys and the time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import jwt

from stoa.accounts.errors import ExpiredError, InvalidTokenError
from stoa.accounts.model import LOGIN_LIFETIME, SigningKey

ALGORITHM = "HS256"
LONGEST = 4096
"""Characters of a token that are looked at; ours have about 450."""
CLOCK_SKEW = timedelta(seconds=10)
"""How far another node's clock may be ahead of this one's."""
_REQUIRED = ("iss", "aud", "sub", "sid", "jti", "iat", "exp")
_END_OF_TIME = 253_402_300_799


class TokenType(StrEnum):
    """The ``typ`` header: a token for one use is no good for another."""

    ACCESS = "at+jwt"
    REFRESH = "rt+jwt"
    COOKIE = "lc+jwt"


@dataclass(frozen=True, slots=True)
class Party:
    """Who signs and for whom: the ``iss`` and ``aud`` claims."""

    issuer: str = "stoa"
    audience: str = "stoa"


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """``login`` is the life of a refresh token and of a cookie."""

    access: timedelta = timedelta(minutes=15)
    login: timedelta = LOGIN_LIFETIME

    def of(self, use: TokenType) -> timedelta:
        return self.access if use is TokenType.ACCESS else self.login


LIFETIMES = Lifetimes()


@dataclass(frozen=True, slots=True)
class KeySet:
    """All keys that still verify, the newest (which signs) first."""

    keys: tuple[SigningKey, ...]

    @property
    def newest(self) -> SigningKey:
        return self.keys[0]

    def find(self, kid: object, *, now: datetime) -> SigningKey | None:
        for key in self.keys:
            if key.kid == kid and (key.retires_at is None or now < key.retires_at):
                return key
        return None


@dataclass(frozen=True, slots=True)
class Claims:
    user_id: str
    login_id: str
    token_id: str
    issued_at: datetime
    expires_at: datetime


class UnknownKeyError(InvalidTokenError):
    """Perhaps a key that another node has just made."""


def issue(
    keys: KeySet,
    *,
    use: TokenType,
    user_id: str,
    login_id: str,
    token_id: str,
    now: datetime,
    party: Party,
    lifetimes: Lifetimes = LIFETIMES,
) -> str:
    """A token for ``use`` that begins now and lives as long as that allows."""
    issued = int(now.timestamp())
    claims = {
        "iss": party.issuer,
        "aud": party.audience,
        "sub": user_id,
        "sid": login_id,
        "jti": token_id,
        "iat": issued,
        "exp": issued + int(lifetimes.of(use).total_seconds()),
    }
    key = keys.newest
    return jwt.encode(claims, key.secret, algorithm=ALGORITHM, headers={"kid": key.kid, "typ": use.value})


def read(token: str, *, keys: KeySet, use: TokenType, now: datetime, party: Party) -> Claims:
    """The claims of a token that we signed for this use and that is still good.

    Raises InvalidTokenError (UnknownKeyError where only the key is unknown), ExpiredError.
    """
    if len(token) > LONGEST:
        raise InvalidTokenError
    try:
        header = jwt.get_unverified_header(token)
        if header.get("alg") != ALGORITHM or header.get("typ") != use.value:
            raise InvalidTokenError
        key = keys.find(header.get("kid"), now=now)
        if key is None:
            raise UnknownKeyError
        claims = _decode(token, key, party)
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        raise InvalidTokenError from None
    return _checked(claims, now)


def _decode(token: str, key: SigningKey, party: Party) -> dict[str, Any]:
    return jwt.decode(
        token,
        key.secret,
        algorithms=[ALGORITHM],
        audience=party.audience,
        issuer=party.issuer,
        options={
            "require": list(_REQUIRED),
            "strict_aud": True,
            "enforce_minimum_key_length": True,
            # The library would read the clock by itself: _checked does these with the time that it is told.
            "verify_exp": False,
            "verify_nbf": False,
            "verify_iat": False,
        },
    )


def _checked(claims: dict[str, Any], now: datetime) -> Claims:
    issued_at = _instant(claims["iat"])
    expires_at = _instant(claims["exp"])
    begins_at = _instant(claims["nbf"]) if "nbf" in claims else issued_at
    if max(issued_at, begins_at) > now + CLOCK_SKEW:
        raise InvalidTokenError("The token is not valid yet.")
    if expires_at <= now:
        raise ExpiredError("The token has expired.")
    texts = [claims[name] for name in ("sub", "sid", "jti")]
    if not all(isinstance(text, str) and text for text in texts):
        raise InvalidTokenError
    user_id, login_id, token_id = texts
    return Claims(user_id, login_id, token_id, issued_at, expires_at)


def _instant(value: object) -> datetime:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _END_OF_TIME:
        raise InvalidTokenError
    return datetime.fromtimestamp(value, UTC)
