"""Who asks: finds a request's credentials, has them checked, and guards the routes.

A bad proof does not stop a request at the door, since some routes need none: the guard of a route that needs one
raises what was wrong with it.
"""

from __future__ import annotations

from functools import lru_cache
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import urlsplit

from litestar.connection import ASGIConnection
from litestar.enums import ScopeType
from litestar.handlers import BaseRouteHandler
from litestar.types import ASGIApp, Guard, Receive, Scope, Send

from stoa.kernel.actor import Actor, Authenticator, Credentials
from stoa.kernel.errors import ForbiddenError, StoaError, UnauthenticatedError

LOGIN_COOKIE = "stoa_login"
API_KEY_PREFIX = "stoa_"
_ERROR = "stoa_auth_error"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Authentication:
    """ASGI middleware: sets ``scope["user"]`` to the Actor, or to None."""

    def __init__(self, app: ASGIApp, authenticator: Authenticator) -> None:
        self.app = app
        self.authenticator = authenticator

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP:
            user: Actor | None = None
            headers = scope["headers"]
            credentials = credentials_of(headers)
            if credentials is not None:
                try:
                    if credentials.cookie is not None:
                        refuse_cross_site(scope["method"], headers)
                    user = await self.authenticator.authenticate(credentials)
                except StoaError as error:
                    scope["state"][_ERROR] = error
            scope["user"] = user
        await self.app(scope, receive, send)


def credentials_of(headers: Any) -> Credentials | None:
    """The strongest thing a request brought: a Bearer token or API key before the login cookie."""
    cookie: str | None = None
    for name, value in headers:
        if name == b"authorization":
            return _from_authorization(value) if len(value) <= _USUAL else _read_authorization(value)
        if name == b"x-api-key":
            return Credentials(api_key=value.decode("latin-1").strip())
        if name == b"cookie":
            cookie = value.decode("latin-1")
    if cookie is not None and LOGIN_COOKIE in cookie:
        try:
            morsel = SimpleCookie(cookie).get(LOGIN_COOKIE)
        except CookieError:
            return None
        if morsel is not None:
            return Credentials(cookie=morsel.value)
    return None


def credentials_of_handshake(headers: Any, auth: Any) -> Credentials | None:
    """The same of a socket: the headers' token or key, then the ``token`` that a client sends after connecting (a
    browser can set no headers), then the login cookie.
    """
    found = credentials_of(headers)
    token = auth.get("token") if isinstance(auth, dict) else None
    if isinstance(token, str) and (found is None or found.cookie is not None):
        bare = token[7:] if token[:7].lower() == "bearer " else token
        return _read_authorization(b"Bearer " + bare.encode("latin-1", "replace"))
    return found


def _read_authorization(value: bytes) -> Credentials:
    scheme, _, token = value.decode("latin-1").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer":
        return Credentials(bearer="")  # a scheme that is not spoken here is a proof that is no good
    return Credentials(api_key=token) if token.startswith(API_KEY_PREFIX) else Credentials(bearer=token)


_USUAL = 1024
"""Bytes of a header that is worth remembering: a client sends the same one again and again."""
_from_authorization = lru_cache(4096)(_read_authorization)


def refuse_cross_site(method: str, headers: Any) -> None:
    """A browser sends the login cookie along whoever asks it to; a write that another site began is refused.

    Browsers say where a request comes from (Sec-Fetch-Site, Origin). A client that says neither is no browser, so
    nobody can have tricked it.
    """
    if method in _SAFE:
        return
    named = {name: value.decode("latin-1") for name, value in headers if name in _CSRF_HEADERS}
    site = named.get(b"sec-fetch-site")
    origin = named.get(b"origin")
    if site is not None:
        foreign = site not in ("same-origin", "none")
    else:
        foreign = origin is not None and urlsplit(origin).netloc != named.get(b"host", "")
    if foreign:
        raise ForbiddenError(
            "A write with the login cookie must come from Stoa's own pages (or use a Bearer token)."
        )


_CSRF_HEADERS = frozenset({b"sec-fetch-site", b"origin", b"host"})


async def signed_in(connection: ASGIConnection[Any, Any, Any, Any], _handler: BaseRouteHandler) -> None:
    """A guard: somebody must be signed in. (Guards are coroutines: Litestar runs a plain function in a thread.)"""
    _require_user(connection)


def may(*permissions: str) -> Guard:
    """A guard: whoever is signed in must hold every one of ``permissions``."""

    async def guard(connection: ASGIConnection[Any, Any, Any, Any], _handler: BaseRouteHandler) -> None:
        user = _require_user(connection)
        for permission in permissions:
            if not user.may(permission):
                raise ForbiddenError(f"This needs the permission {permission}.")

    return guard


def _require_user(connection: ASGIConnection[Any, Any, Any, Any]) -> Actor:
    user: Actor | None = connection.scope.get("user")
    if user is None:
        raise connection.scope["state"].get(_ERROR) or UnauthenticatedError(
            "Sign in first: send Authorization: Bearer <token>, the login cookie or an API key."
        )
    return user
