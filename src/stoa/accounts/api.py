"""Accounts over HTTP: parse, authorise, call one use case, render."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from litestar import Response, delete, get, post, put
from litestar.datastructures import Cookie
from litestar.params import FromPath, JSONBody
from litestar.types import ControllerRouterHandler

from stoa.accounts import service, store
from stoa.accounts.authenticate import KeyRing, StoredAuthenticator
from stoa.accounts.desk import Desk, Pass, SessionOf, in_no_session
from stoa.accounts.model import LoginKind
from stoa.accounts.passwords import Passwords
from stoa.accounts.tokens import Lifetimes, Party
from stoa.accounts.wire import (
    DIALECT,
    AccountBody,
    BegunLoginBody,
    ChangePasswordBody,
    CreateKeyBody,
    CreateUserBody,
    CurrentLoginBody,
    ErrorBody,
    KeyBody,
    LoginBody,
    NewKeyBody,
    RefreshBody,
    ResetPasswordBody,
    TokensBody,
    UpdateUserBody,
    UserBody,
)
from stoa.kernel.clock import Clock
from stoa.kernel.ids import Ids
from stoa.platform.storage import Storage
from stoa.web.auth import LOGIN_COOKIE, may, signed_in
from stoa.web.body import Json
from stoa.web.errors import documented
from stoa.web.house import Request, house_of
from stoa.web.kind import Kind
from stoa.web.values import utc

# Signing in: /auth


@post(
    "/auth/login", status_code=200, dto=Json[LoginBody], return_dto=None,
    responses=documented(400, 401, 403, 413, body=ErrorBody),
)  # fmt: skip
async def login(request: Request, data: JSONBody[LoginBody]) -> Response[TokensBody]:
    """Tokens for a username and a password, and the login cookie. Each call begins a login of its own.

    Five wrong passwords within 300 seconds lock the account for 900: 403, with Retry-After.
    """
    given = await _desk(request).sign_in(data.username, data.password)
    return _with_cookie(request, given, TokensBody.of(given))


@post(
    "/auth/refresh", status_code=200, dto=Json[RefreshBody], return_dto=None,
    responses=documented(400, 401, 413, body=ErrorBody),
)  # fmt: skip
async def refresh(request: Request, data: JSONBody[RefreshBody]) -> Response[TokensBody]:
    """New tokens for a refresh token, which is good once: used again, it ends its login."""
    given = await _desk(request).refresh(data.refresh_token)
    return _with_cookie(request, given, TokensBody.of(given))


@post(
    "/auth/logout", guards=[signed_in], status_code=204, responses=documented(401, body=ErrorBody, s204=None),
)  # fmt: skip
async def logout(request: Request) -> Response[None]:
    """Ends the login of the token or cookie that was sent: none of its tokens is good any more."""
    await _desk(request).log_out(request.user)
    return Response(None, status_code=204, cookies=[_no_cookie(request)])


@get("/auth/me", guards=[signed_in], responses=documented(401, body=ErrorBody))
async def me(request: Request) -> AccountBody:
    """Who is signed in, with everything that he may do."""
    return AccountBody.of(await house_of(request).storage.read(service.own_user, actor=request.user))


@put(
    "/auth/password", guards=[signed_in], status_code=204, dto=Json[ChangePasswordBody], return_dto=None,
    responses=documented(400, 401, 403, 413, body=ErrorBody),
)  # fmt: skip
async def change_password(request: Request, data: JSONBody[ChangePasswordBody]) -> None:
    """Changes one's own password and ends one's other logins. A wrong current password counts as at a login."""
    await _desk(request).change_password(request.user, current=data.current_password, new=data.new_password)


@post(
    "/auth/keys", guards=[signed_in], status_code=201, dto=Json[CreateKeyBody], return_dto=None,
    responses=documented(400, 401, 403, 413, body=ErrorBody),
)  # fmt: skip
async def create_key(request: Request, data: JSONBody[CreateKeyBody]) -> NewKeyBody:
    """An API key that may do what its owner may. Its secret is told this once."""
    service.check_is_login(request.user)
    house = house_of(request)
    key, secret = await house.storage.write(
        service.issue_key,
        user_id=request.user.id,
        name=data.name,
        expires_at=None if data.expires_at is None else utc(data.expires_at, "expires_at"),
        ids=house.ids,
        now=house.clock.now(),
    )
    return NewKeyBody.made(key, secret)


@get("/auth/keys", guards=[signed_in], responses=documented(401, body=ErrorBody))
async def list_keys(request: Request) -> list[KeyBody]:
    """One's own API keys, without their secrets."""
    keys = await house_of(request).storage.read(service.list_keys, actor=request.user)
    return [KeyBody.of(key) for key in keys]


@delete(
    "/auth/keys/{key_id:str}",
    guards=[signed_in],
    status_code=204,
    responses=documented(401, 404, body=ErrorBody),
)
async def delete_key(request: Request, key_id: FromPath[str]) -> None:
    """From now on the key is no good."""
    await house_of(request).storage.write(
        service.delete_key, key_id, actor=request.user, tell=_desk(request).tell
    )


# One login an account: /api/v1/logins


@post(
    "/api/v1/logins", status_code=200, dto=Json[LoginBody], return_dto=None,
    responses=documented(400, 401, 403, 409, 413, body=ErrorBody),
)  # fmt: skip
async def begin_login(request: Request, data: JSONBody[LoginBody]) -> Response[BegunLoginBody]:
    """Begins the account's one login and sets its cookie.

    409 while the account is logged in elsewhere, unless the header ``forceful: true`` ends that login. 403, with
    Retry-After, while too many wrong passwords keep the account locked.
    """
    terms = service.Terms(
        LoginKind.SINGLE,
        forceful=request.headers.get("forceful", "").strip().lower() == "true",
        replaces=request.user.login_id if request.user else None,
    )
    given = await _desk(request).sign_in(data.username, data.password, terms)
    current = await _current_login(request, given)
    return _with_cookie(request, given, BegunLoginBody(current))


@get("/api/v1/logins", responses=documented(body=ErrorBody))
async def current_login(request: Request) -> Response[CurrentLoginBody | None]:
    """The login that the request came with, or null."""
    if request.user is None:
        return Response(None, media_type="application/json; charset=utf-8")
    house, desk = house_of(request), _desk(request)
    user = await house.storage.read(service.own_user, actor=request.user)
    session_id = await house.storage.read(desk.session_of, request.user.id)
    return Response(CurrentLoginBody(UserBody.of(user), session_id))


@delete("/api/v1/logins", status_code=200, responses=documented(body=ErrorBody), media_type="text/plain")
async def end_login(request: Request) -> Response[str]:
    """Ends the login that the request came with. Nobody being logged in is no error."""
    if request.user is None:
        return Response("OK", media_type="text/plain")
    await _desk(request).log_out(request.user)
    return Response("OK", media_type="text/plain", cookies=[_no_cookie(request)])


# Users: /api/v1/users


@post(
    "/api/v1/users", guards=[may("users_write_students")], status_code=200, dto=Json[CreateUserBody],
    return_dto=None, responses=documented(400, 401, 403, 409, 413, body=ErrorBody),
)  # fmt: skip
async def create_user(request: Request, data: JSONBody[CreateUserBody]) -> UserBody:
    """Makes a user. Without ``users_write`` only students; nobody grants more than he has himself."""
    return UserBody.of(await _desk(request).create_user(request.user, data.to_new_user(), data.password))


@get("/api/v1/users", guards=[may("users_read_students")], responses=documented(401, 403, body=ErrorBody))
async def list_users(request: Request) -> list[UserBody]:
    """Everybody that one may see: without ``users_read`` only students."""
    users = await house_of(request).storage.read(service.visible_users, actor=request.user)
    return [UserBody.of(user) for user in users]


@get(
    "/api/v1/users/{user_id:str}", guards=[may("users_read_students")],
    responses=documented(400, 401, 403, 404, body=ErrorBody),
)  # fmt: skip
async def read_user(request: Request, user_id: FromPath[str]) -> UserBody:
    return UserBody.of(await house_of(request).storage.read(service.read_user, user_id, actor=request.user))


@put(
    "/api/v1/users", guards=[may("users_write_students")], status_code=200, dto=Json[UpdateUserBody],
    return_dto=None, responses=documented(400, 401, 403, 404, 409, 413, body=ErrorBody),
)  # fmt: skip
async def update_user(request: Request, data: JSONBody[UpdateUserBody]) -> UserBody:
    """Changes what is sent of the user ``_id``. A new password ends that user's logins."""
    user = await _desk(request).update_user(request.user, data.id, data.to_change(), data.new_password)
    return UserBody.of(user)


@put(
    "/api/v1/users/reset-password", guards=[signed_in], status_code=200, dto=Json[ResetPasswordBody],
    return_dto=None, responses=documented(400, 401, 403, 413, body=ErrorBody), media_type="text/plain",
)  # fmt: skip
async def reset_password(request: Request, data: JSONBody[ResetPasswordBody]) -> str:
    """Sets one's own password and ends one's other logins."""
    await _desk(request).reset_own_password(request.user, data.password)
    return "OK"


@delete(
    "/api/v1/users/{user_id:str}", guards=[may("users_write_students")], status_code=200, media_type="text/plain",
    responses=documented(400, 401, 403, 404, body=ErrorBody),
)  # fmt: skip
async def delete_user(request: Request, user_id: FromPath[str]) -> str:
    """Deletes softly: what the user made keeps its author. The user's logins and API keys end."""
    house = house_of(request)
    await house.storage.write(
        service.delete_user, user_id, actor=request.user, now=house.clock.now(), tell=_desk(request).tell
    )
    return "OK"


def _desk(request: Request) -> Desk:
    return house_of(request).part(Desk)


async def _current_login(request: Request, given: Pass) -> CurrentLoginBody:
    user = given.signed_in.user
    session_id = await house_of(request).storage.read(_desk(request).session_of, user.id)
    return CurrentLoginBody(UserBody.of(user), session_id)


def _with_cookie(request: Request, given: Pass, body: TokensBody | BegunLoginBody) -> Response:  # type: ignore[type-arg]
    """Tokens must not be kept by anything between here and the client."""
    lifetime = int(_desk(request).lifetimes.login.total_seconds())
    cookie = replace(_cookie(request), value=given.cookie, max_age=lifetime)
    return Response(body, cookies=[cookie], headers={"cache-control": "no-store"})


def _no_cookie(request: Request) -> Cookie:
    return replace(_cookie(request), value="", max_age=0)


def _cookie(request: Request) -> Cookie:
    secure = request.scope["scheme"] == "https"
    return Cookie(LOGIN_COOKIE, path="/", httponly=True, samesite="lax", secure=secure)


HANDLERS: list[ControllerRouterHandler] = [
    login, refresh, logout, me, change_password, create_key, list_keys, delete_key,
    begin_login, current_login, end_login,
    create_user, list_users, read_user, update_user, reset_password, delete_user,
]  # fmt: skip

KIND = Kind(
    name="accounts",
    title="Accounts",
    about="Users, logins and API keys: one way in for every kind.",
    prefix="",
    paths=DIALECT.paths,
    handlers=HANDLERS,
    dialect=DIALECT,
    tables=store.metadata,
)


def kind(
    storage: Storage,
    clock: Clock,
    ids: Ids,
    *,
    cache_seconds: float = 1.0,
    issuer: str = "stoa",
    lifetimes: Lifetimes | None = None,
    passwords: Passwords | None = None,
    session_of: SessionOf = in_no_session,
) -> tuple[Kind, StoredAuthenticator]:
    """The room over ``storage``, and who finds out for the others who asks.

    ``session_of`` is how /api/v1/logins/ learns which mission session a user is in.
    """
    party, lifetimes = Party(issuer, issuer), lifetimes or Lifetimes()
    keys = KeyRing(storage, clock, ids, lifetimes=lifetimes)
    authenticator = StoredAuthenticator(storage, clock, keys, party=party, cache_seconds=cache_seconds)
    desk = Desk(
        storage,
        clock,
        ids,
        passwords or Passwords(),
        keys,
        party=party,
        lifetimes=lifetimes,
        session_of=session_of,
        listeners=[authenticator.forget],
    )
    return replace(KIND, parts={Desk: desk}), authenticator


def lifetimes_of(*, access_minutes: int, login_days: int) -> Lifetimes:
    return Lifetimes(timedelta(minutes=access_minutes), timedelta(days=login_days))
