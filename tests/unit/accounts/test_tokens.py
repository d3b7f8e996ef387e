"""A token is read only if this server made it, for this use, and its time is not over."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timedelta
from itertools import product
from typing import Any

import jwt
import pytest

from stoa.accounts import tokens
from stoa.accounts.errors import ExpiredError, InvalidTokenError
from stoa.accounts.model import SigningKey
from stoa.accounts.tokens import LIFETIMES, KeySet, Party, TokenType, UnknownKeyError
from stoa.kernel.errors import UnauthenticatedError

SECRET = "s" * 43
PARTY = Party()
TYPES = list(TokenType)


@pytest.fixture
def keys(now: datetime) -> KeySet:
    return KeySet(
        (SigningKey("new", SECRET, now, None), SigningKey("old", "o" * 43, now, now + timedelta(days=8)))
    )


def issue(keys: KeySet, now: datetime, use: TokenType = TokenType.ACCESS) -> str:
    return tokens.issue(
        keys, use=use, user_id="a" * 24, login_id="login", token_id="token", now=now, party=PARTY
    )


def read(token: str, keys: KeySet, now: datetime, use: TokenType = TokenType.ACCESS) -> tokens.Claims:
    return tokens.read(token, keys=keys, use=use, now=now, party=PARTY)


def forge(
    now: datetime,
    *,
    key: Any = SECRET,
    algorithm: str | None = "HS256",
    header: dict[str, Any] | None = None,
    without: str | None = None,
    **claims: Any,
) -> str:
    """A token as ours, but for what is said."""
    issued = int(now.timestamp())
    good = {
        "iss": "stoa",
        "aud": "stoa",
        "sub": "a" * 24,
        "sid": "login",
        "jti": "token",
        "iat": issued,
        "exp": issued + 900,
    }
    body = {name: value for name, value in {**good, **claims}.items() if name != without}
    headers = {"kid": "new", "typ": "at+jwt", **(header or {})}
    return jwt.PyJWS().encode(json.dumps(body).encode(), key, algorithm=algorithm, headers=headers)


@pytest.mark.parametrize("use", TYPES)
def test_a_token_says_whose_it_is(keys: KeySet, now: datetime, use: TokenType) -> None:
    claims = read(issue(keys, now, use), keys, now, use)
    assert (claims.user_id, claims.login_id, claims.token_id) == ("a" * 24, "login", "token")
    assert claims.expires_at - claims.issued_at == LIFETIMES.of(use)


def test_the_forged_token_is_good_when_nothing_is_forged(keys: KeySet, now: datetime) -> None:
    assert read(forge(now), keys, now).user_id == "a" * 24


@pytest.mark.parametrize("use", TYPES)
def test_a_token_lives_to_its_last_second(keys: KeySet, now: datetime, use: TokenType) -> None:
    token = issue(keys, now, use)
    read(token, keys, now + LIFETIMES.of(use) - timedelta(milliseconds=1), use)
    with pytest.raises(ExpiredError):
        read(token, keys, now + LIFETIMES.of(use), use)


@pytest.mark.parametrize(
    ("made", "wanted"), [pair for pair in product(TYPES, TYPES) if pair[0] is not pair[1]]
)
def test_a_token_for_one_use_is_no_good_for_another(
    keys: KeySet, now: datetime, made: TokenType, wanted: TokenType
) -> None:
    with pytest.raises(InvalidTokenError):
        read(issue(keys, now, made), keys, now, wanted)


@pytest.mark.parametrize("missing", ["iss", "aud", "sub", "sid", "jti", "iat", "exp"])
def test_every_claim_is_required(keys: KeySet, now: datetime, missing: str) -> None:
    with pytest.raises(InvalidTokenError):
        read(forge(now, without=missing), keys, now)


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "another"},
        {"iss": ["stoa"]},
        {"aud": "another"},
        {"aud": ["stoa"]},
        {"aud": ["stoa", "another"]},
        {"sub": ""},
        {"sid": ""},
        {"sid": 7},
        {"sid": None},
        {"jti": ""},
        {"exp": True},
        {"exp": "4000000000"},
        {"exp": 4e9},
        {"exp": -1},
        {"exp": 10**30},
        {"exp": None},
        {"iat": "now"},
        {"iat": None},
        {"nbf": "soon"},
        {"nbf": None},
        {"nbf": 10**18},
    ],
    ids=str,
)
def test_claims_that_are_not_ours(keys: KeySet, now: datetime, claims: dict[str, Any]) -> None:
    with pytest.raises(InvalidTokenError):
        read(forge(now, **claims), keys, now)


@pytest.mark.parametrize("claim", ["iat", "nbf"])
def test_a_token_from_the_future_is_not_valid_yet(keys: KeySet, now: datetime, claim: str) -> None:
    read(forge(now, **{claim: int(now.timestamp()) + 10}), keys, now)
    with pytest.raises(InvalidTokenError):
        read(forge(now, **{claim: int(now.timestamp()) + 11}), keys, now)


def test_a_token_without_a_signature_is_refused(keys: KeySet, now: datetime) -> None:
    with pytest.raises(InvalidTokenError):
        read(forge(now, key=None, algorithm="none"), keys, now)


@pytest.mark.parametrize("alg", ["none", "None", "HS384", "HS512", "RS256", "", None, 7, ["HS256"]])
def test_the_header_does_not_choose_the_algorithm(keys: KeySet, now: datetime, alg: object) -> None:
    _header, body, signature = forge(now).split(".")
    header = _segment({"alg": alg, "kid": "new", "typ": "at+jwt"})
    for token in (f"{header}.{body}.{signature}", f"{header}.{body}."):
        with pytest.raises(InvalidTokenError):
            read(token, keys, now)


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_a_right_signature_by_another_algorithm_is_refused(
    keys: KeySet, now: datetime, algorithm: str
) -> None:
    with pytest.raises(InvalidTokenError):
        read(forge(now, algorithm=algorithm, key=SECRET * 2), KeySet((_key(SECRET * 2, now),)), now)


@pytest.mark.parametrize(
    "header",
    [
        {"typ": "JWT"},
        {"typ": "AT+JWT"},
        {"typ": None},
        {"kid": "another"},
        {"kid": ""},
        {"crit": ["x"], "x": 1},
    ],
    ids=str,
)
def test_headers_that_are_not_ours(keys: KeySet, now: datetime, header: dict[str, Any]) -> None:
    with pytest.raises(InvalidTokenError):
        read(forge(now, header=header), keys, now)


def test_another_key_is_refused(keys: KeySet, now: datetime) -> None:
    with pytest.raises(InvalidTokenError):
        read(forge(now, key="x" * 43), keys, now)


@pytest.mark.parametrize("part", [0, 1, 2])
@pytest.mark.parametrize("position", [0, 5, 17, -7])
def test_a_tampered_token_is_refused(keys: KeySet, now: datetime, part: int, position: int) -> None:
    parts = issue(keys, now).split(".")
    letters = list(parts[part])
    letters[position] = "A" if letters[position] != "A" else "B"
    parts[part] = "".join(letters)
    with pytest.raises(UnauthenticatedError):
        read(".".join(parts), keys, now)


@pytest.mark.parametrize("body", [[], "text", 7, None])
def test_a_payload_that_is_no_object_is_refused(keys: KeySet, now: datetime, body: object) -> None:
    token = jwt.PyJWS().encode(
        json.dumps(body).encode(), SECRET, algorithm="HS256", headers={"kid": "new", "typ": "at+jwt"}
    )
    with pytest.raises(InvalidTokenError):
        read(token, keys, now)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        "...",
        "abc",
        "a.b.c",
        "é.é.é",
        "\ud800.a.b",
        "\x00",
        "stoa",
        " " * 10,
        "a" * 5000,
        "A" * 4096,
    ],
)
def test_what_is_no_token_is_refused(keys: KeySet, now: datetime, text: str) -> None:
    with pytest.raises(InvalidTokenError):
        read(text, keys, now)


def test_a_deeply_nested_header_is_refused(keys: KeySet, now: datetime) -> None:
    deep = base64.urlsafe_b64encode(b"[" * 3000).rstrip(b"=").decode()
    with pytest.raises(InvalidTokenError):
        read(f"{deep}.e30.AAAA", keys, now)


def test_the_newest_key_signs_and_older_ones_verify_until_they_retire(now: datetime) -> None:
    before = KeySet((SigningKey("old", "o" * 43, now, None),))
    token = issue(before, now, TokenType.REFRESH)
    after = KeySet((_key(SECRET, now), SigningKey("old", "o" * 43, now, now + timedelta(days=8))))
    assert jwt.get_unverified_header(issue(after, now))["kid"] == "new"
    last = now + LIFETIMES.login - timedelta(seconds=1)
    assert read(token, after, last, TokenType.REFRESH).login_id == "login"


def test_a_retired_key_verifies_nothing(keys: KeySet, now: datetime) -> None:
    retired = KeySet((_key(SECRET, now), SigningKey("old", "o" * 43, now, now)))
    with pytest.raises(UnknownKeyError):
        read(forge(now, key="o" * 43, header={"kid": "old"}), retired, now)


def test_another_installation_s_token_is_no_good_here(keys: KeySet, now: datetime) -> None:
    elsewhere = Party(issuer="https://stoa.example", audience="https://stoa.example")
    with pytest.raises(InvalidTokenError):
        tokens.read(issue(keys, now), keys=keys, use=TokenType.ACCESS, now=now, party=elsewhere)


def _key(secret: str, now: datetime) -> SigningKey:
    return SigningKey("new", secret, now, None)


def _segment(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()
