"""Tokens that let somebody into a room, and keys that open a recording. Pure: told the keys and the time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import jwt

from stoa.accounts.tokens import ALGORITHM, CLOCK_SKEW, LONGEST, KeySet
from stoa.live.errors import TokenRefusedError
from stoa.live.model import Pass, Role
from stoa.live.rules import TOKEN_LIFETIME

AUDIENCE = "stoa-live"
_JOIN, _RECORDING = "join+jwt", "rec+jwt"


def issue(keys: KeySet, entry: Pass, *, now: datetime) -> str:
    """``exp`` is the pass's own: a minute from now, see ``expiry``."""
    claims = {
        "sub": entry.user_id,
        "name": entry.name,
        "room": entry.room_name,
        "role": entry.role.value,
        "is_owner": entry.is_owner,
        "gen": entry.generation,
        "jti": entry.token_id,
    }
    return _signed(keys, claims, typ=_JOIN, now=now, expires_at=entry.expires_at)


def expiry(now: datetime) -> datetime:
    return now.replace(microsecond=0) + TOKEN_LIFETIME


def read(token: str, keys: KeySet, *, now: datetime) -> Pass:
    """Raises TokenRefusedError for what we did not sign for this use, or is too old."""
    claims = _verified(token, keys, typ=_JOIN, now=now)
    try:
        texts = [str(claims[name]) for name in ("sub", "name", "room")]
        return Pass(
            texts[0], texts[1], texts[2], Role(claims["role"]), claims["is_owner"] is True, int(claims["gen"]),
            str(claims["jti"]), datetime.fromtimestamp(claims["exp"], UTC),
        )  # fmt: skip
    except (KeyError, ValueError, TypeError):
        raise TokenRefusedError("The token is no good here") from None


def recording_key(keys: KeySet, recording_id: str, *, now: datetime, lifetime: timedelta) -> str:
    """Opens one recording to whoever has it, until it is too old."""
    expires_at = now.replace(microsecond=0) + lifetime
    return _signed(
        keys, {"sub": recording_id, "jti": recording_id}, typ=_RECORDING, now=now, expires_at=expires_at
    )


def check_recording_key(key: str, keys: KeySet, recording_id: str, *, now: datetime) -> None:
    """Raises TokenRefusedError."""
    if _verified(key, keys, typ=_RECORDING, now=now)["sub"] != recording_id:
        raise TokenRefusedError("The link is of another recording")


def _signed(keys: KeySet, claims: dict[str, Any], *, typ: str, now: datetime, expires_at: datetime) -> str:
    times = {"aud": AUDIENCE, "iat": int(now.timestamp()), "exp": int(expires_at.timestamp())}
    key = keys.newest
    return jwt.encode(claims | times, key.secret, algorithm=ALGORITHM, headers={"kid": key.kid, "typ": typ})


def _verified(token: str, keys: KeySet, *, typ: str, now: datetime) -> dict[str, Any]:
    refused = TokenRefusedError("The token is no good here")
    if len(token) > LONGEST:
        raise refused
    try:
        header = jwt.get_unverified_header(token)
        key = keys.find(header.get("kid"), now=now)
        if key is None or header.get("typ") != typ:
            raise refused
        claims: dict[str, Any] = jwt.decode(
            token,
            key.secret,
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            options={
                "require": ["aud", "sub", "jti", "iat", "exp"],
                "strict_aud": True,
                # The library would read the clock by itself.
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
            },
        )
        issued_at, expires_at = (datetime.fromtimestamp(claims[name], UTC) for name in ("iat", "exp"))
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError, OSError):
        raise refused from None
    if issued_at > now + CLOCK_SKEW:
        raise refused
    if expires_at <= now:
        raise TokenRefusedError("The token has expired: ask for a new one")
    return claims
