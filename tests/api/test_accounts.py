"""Accounts as a client sees them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import httpx
import jwt
import pytest
from litestar import Litestar
from litestar.datastructures import State

from stoa.accounts import demo, kind, service, store
from stoa.accounts.model import ADMIN_ID, SYSTEM_ID, NewUser
from stoa.accounts.passwords import Passwords
from stoa.kernel.actor import AccessLevel
from stoa.kernel.clock import ManualClock
from stoa.kernel.ids import SystemIds
from stoa.platform.storage import open_storage
from stoa.platform.telemetry import Metrics
from stoa.web.auth import Authentication
from stoa.web.errors import Dialects
from stoa.web.house import House
from stoa.web.middleware import Door

pytestmark = pytest.mark.anyio
AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
PASSWORDS = Passwords(passes=1, memory_kib=64, lanes=1)
PASSWORD = "right password"
HASH = PASSWORDS.hash(PASSWORD)
PEOPLE = {
    "lea.petit": AccessLevel.STUDENT,
    "sam.young": AccessLevel.STUDENT,
    "ines.moreau": AccessLevel.INSTRUCTOR,
    "second.admin": AccessLevel.ADMIN,
    "gone.away": AccessLevel.REVOKED,
}


class Stand:
    """A server of accounts alone, restarted at will, and clients of it."""

    def __init__(self, url, clock):
        self.url = url
        self.clock = clock
        self.clients = []
        self.storage = None

    async def start(self):
        if self.storage is not None:
            await self.storage.close()
        self.storage = open_storage(self.url)
        ids = SystemIds()
        room, self.authenticator = kind(
            self.storage, self.clock, ids, passwords=PASSWORDS, session_of=lambda _connection, _user: None
        )
        dialects = Dialects([room.placed_dialect(alone=False)])
        app = Litestar(
            [room.router(alone=False)],
            openapi_config=None,
            state=State({"house": House(self.storage, self.clock, ids, parts=room.parts)}),
            exception_handlers={Exception: dialects.handle},
        )
        inner = Authentication(app, self.authenticator)
        self.app = Door(inner, dialects=dialects, ids=ids, metrics=Metrics())
        return self

    async def serve(self, *call):
        """The app of now: a client outlives a restart."""
        await self.app(*call)

    def client(self, token=None, *, base_url="http://stoa.test", **headers):
        if token:
            headers["Authorization"] = f"Bearer {token}"
        transport = httpx.ASGITransport(app=self.serve)
        made = httpx.AsyncClient(transport=transport, base_url=base_url, headers=headers)
        self.clients.append(made)
        return made

    async def login(self, username, password=PASSWORD):
        answer = await self.client().post("/auth/login", json={"username": username, "password": password})
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def signed_in(self, username):
        return self.client((await self.login(username))["access_token"])

    async def close(self):
        for client in self.clients:
            await client.aclose()
        await self.storage.close()


def populate(connection, ids):
    service.ensure_admin(connection, ids=ids, now=AT, password_hash=HASH)
    return {
        username: service.add_user(
            connection, NewUser(username, "Some", "Body", access), password_hash=HASH, ids=ids, now=AT
        ).id
        for username, access in PEOPLE.items()
    }


@pytest.fixture
def clock():
    return ManualClock(AT)


@pytest.fixture
async def stand(tmp_path, clock, anyio_backend):
    made = await Stand(f"sqlite:///{tmp_path}/stoa.db", clock).start()
    store.metadata.create_all(made.storage.engine)
    made.ids = await made.storage.write(populate, SystemIds())
    yield made
    await made.close()


def error_of(answer, status):
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert error["status"] == status
    assert error["message"].endswith((".", ")")), error
    return SimpleNamespace(
        message=error["message"], fields=[fault["field"] for fault in error.get("errors", [])]
    )


# Signing in


async def test_a_login_answers_tokens_the_user_and_a_cookie(stand):
    client = stand.client()
    answer = await client.post("/auth/login", json={"username": "Lea.Petit", "password": PASSWORD})
    body = answer.json()
    assert set(body) == {"access_token", "refresh_token", "token_type", "expires_in", "user"}
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 900)
    assert body["user"]["username"] == "lea.petit"
    assert "assword" not in str(body["user"]).replace("needsPasswordReset", "")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("stoa_login=")
    attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert {"httponly", "samesite=lax", "path=/", "max-age=604800"} <= attributes
    assert "secure" not in attributes
    assert answer.headers["cache-control"] == "no-store"
    assert (await client.get("/auth/me")).json() == body["user"]


async def test_behind_tls_the_cookie_is_secure(stand):
    client = stand.client(base_url="https://stoa.test")
    answer = await client.post("/auth/login", json={"username": "lea.petit", "password": PASSWORD})
    assert "; secure" in answer.headers["set-cookie"].lower()


async def test_every_proof_says_the_same_user(stand):
    tokens = await stand.login("lea.petit")
    client = stand.client(tokens["access_token"])
    secret = (await client.post("/auth/keys", json={"name": "grader"})).json()["secret"]
    for proof in (
        {"Authorization": f"Bearer {tokens['access_token']}"},
        {"authorization": f"bearer {tokens['access_token']}"},
        {"Authorization": f"Bearer {secret}"},
        {"X-API-Key": secret},
    ):
        assert (await stand.client(**proof).get("/auth/me")).json()["_id"] == stand.ids["lea.petit"]


async def test_nobody_is_told_to_sign_in(stand):
    for method, path in (
        ("GET", "/auth/me"),
        ("POST", "/auth/logout"),
        ("PUT", "/auth/password"),
        ("GET", "/auth/keys"),
        ("POST", "/auth/keys"),
        ("DELETE", "/auth/keys/x"),
        ("GET", "/api/v1/users/"),
        ("POST", "/api/v1/users/"),
        ("PUT", "/api/v1/users/"),
        ("PUT", "/api/v1/users/reset-password"),
        ("GET", f"/api/v1/users/{ADMIN_ID}"),
        ("DELETE", f"/api/v1/users/{ADMIN_ID}"),
    ):
        answer = await stand.client().request(method, path, json={})
        error_of(answer, 401)
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("path", ["/auth/login", "/api/v1/logins/"])
async def test_a_wrong_password_and_an_unknown_user_are_told_the_same(stand, path):
    answers = [
        await stand.client().post(path, json={"username": username, "password": password})
        for username, password in (
            ("lea.petit", "wrong"),
            ("nobody.here", PASSWORD),
            ("x", ""),
            ("é" * 300, "\x01" * 3000),
        )
    ]
    assert {error_of(answer, 401).message for answer in answers} == {"The username or the password is wrong."}


@pytest.mark.parametrize("path", ["/auth/login", "/api/v1/logins/"])
@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b'{"username": "lea.petit"}', "password"),
        (b'{"password": "x"}', "username"),
        (b'{"username": 7, "password": "x"}', "username"),
        (b'{"username": "lea.petit", "password": null}', "password"),
        (b'{"username": "lea\\u0000petit", "password": "x"}', "username"),
        (b'{"username": "system", "password": "x"}', "username"),
        (b"[]", ""),
        (b"{", None),
        (b"", None),
        (b"\xff\xfe", None),
        (b'{"username": "\\ud800", "password": "x"}', None),
    ],
)
async def test_a_malformed_body_is_named(stand, path, body, field):
    answer = await stand.client().post(path, content=body, headers={"content-type": "application/json"})
    error = error_of(answer, 400)
    if field is not None:
        assert error.fields == [field]


@pytest.mark.parametrize("path", ["/auth/login", "/api/v1/logins/"])
async def test_a_locked_account_is_403_and_says_how_long(stand, clock, path):
    async def attempt(password):
        return await stand.client().post(path, json={"username": "lea.petit", "password": password})

    for _ in range(5):
        error_of(await attempt("wrong"), 401)
    answer = await attempt(PASSWORD)
    error_of(answer, 403)
    assert answer.headers["retry-after"] == "900"
    clock.advance(timedelta(seconds=899))
    assert (await attempt(PASSWORD)).headers["retry-after"] == "1"
    clock.advance(timedelta(seconds=1))
    assert (await attempt(PASSWORD)).status_code == 200


async def test_a_lock_does_not_end_a_login(stand):
    client = await stand.signed_in("lea.petit")
    for _ in range(6):
        await stand.client().post("/auth/login", json={"username": "lea.petit", "password": "wrong"})
    assert (await client.get("/auth/me")).status_code == 200


async def test_revoked_access_is_403(stand):
    answer = await stand.client().post("/auth/login", json={"username": "gone.away", "password": PASSWORD})
    error_of(answer, 403)


async def test_logging_out_ends_every_token_of_the_login(stand):
    tokens, other = await stand.login("lea.petit"), await stand.signed_in("lea.petit")
    client = stand.client(tokens["access_token"])
    assert (await client.get("/auth/me")).status_code == 200
    assert (await client.post("/auth/logout")).status_code == 204
    error_of(await client.get("/auth/me"), 401)
    refreshed = await stand.client().post("/auth/refresh", json={"refresh_token": tokens["refresh_token"]})
    error_of(refreshed, 401)
    assert (await other.get("/auth/me")).status_code == 200


async def test_logging_out_takes_the_cookie_away(stand):
    client = stand.client()
    await client.post("/auth/login", json={"username": "lea.petit", "password": PASSWORD})
    stolen = dict(client.cookies)
    answer = await client.post("/auth/logout")
    assert answer.status_code == 204
    assert "max-age=0" in answer.headers["set-cookie"].lower()
    thief = stand.client()
    thief.cookies.update(stolen)
    error_of(await thief.get("/auth/me"), 401)


async def test_a_refresh_rotates_and_its_reuse_ends_the_login(stand, clock):
    first = await stand.login("lea.petit")
    clock.advance(timedelta(minutes=15))
    error_of(await stand.client(first["access_token"]).get("/auth/me"), 401)
    answer = await stand.client().post("/auth/refresh", json={"refresh_token": first["refresh_token"]})
    second = answer.json()
    assert second["refresh_token"] != first["refresh_token"]
    client = stand.client(second["access_token"])
    assert (await client.get("/auth/me")).status_code == 200
    again = await stand.client().post("/auth/refresh", json={"refresh_token": first["refresh_token"]})
    assert "used before" in error_of(again, 401).message
    error_of(await client.get("/auth/me"), 401)


async def test_of_two_refreshes_at_once_one_is_answered(stand):
    token = (await stand.login("lea.petit"))["refresh_token"]
    answers = await asyncio.gather(
        *(stand.client().post("/auth/refresh", json={"refresh_token": token}) for _ in range(2))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 401]


async def test_a_restart_ends_no_login(stand):
    client = await stand.signed_in("lea.petit")
    await stand.start()
    assert (await client.get("/auth/me")).json()["username"] == "lea.petit"


async def test_a_token_outlives_a_rotation_of_keys(stand, clock):
    client = await stand.signed_in("lea.petit")
    await stand.storage.write(service.rotate, ids=SystemIds(), now=clock.now())
    assert (await client.get("/auth/me")).status_code == 200
    clock.advance(timedelta(minutes=1))
    newer = (await stand.login("lea.petit"))["access_token"]
    older = client.headers["authorization"].removeprefix("Bearer ")
    assert jwt.get_unverified_header(newer)["kid"] != jwt.get_unverified_header(older)["kid"]
    assert (await client.get("/auth/me")).status_code == 200
    assert (await stand.client(newer).get("/auth/me")).status_code == 200


async def test_another_nodes_new_key_is_found(stand, tmp_path, clock):
    await stand.login("lea.petit")
    clock.advance(timedelta(seconds=2))
    await stand.storage.write(service.rotate, ids=SystemIds(), now=clock.now())
    other = await Stand(stand.url, clock).start()
    token = (await other.login("lea.petit"))["access_token"]
    await other.close()
    assert (await stand.client(token).get("/auth/me")).status_code == 200


@pytest.mark.parametrize(
    "proof",
    [
        "none",
        "other key",
        "refresh",
        "cookie",
        "tampered",
        "expired",
        "garbage",
        "empty",
        "unknown key",
        "binary",
    ],
)
async def test_a_bad_token_is_401_and_changes_nothing(stand, clock, proof):
    tokens = await stand.login("lea.petit")
    good = tokens["access_token"]
    claims = jwt.decode(good, options={"verify_signature": False})
    header = jwt.get_unverified_header(good)
    if proof == "expired":
        clock.advance(timedelta(minutes=15))
    bad = {
        "none": lambda: jwt.encode(claims, None, algorithm="none", headers=header | {"alg": "none"}),
        "other key": lambda: jwt.encode(claims, "k" * 43, algorithm="HS256", headers=header),
        "refresh": lambda: tokens["refresh_token"],
        "cookie": lambda: "stoa_" + "x" * 43,
        "tampered": lambda: good[:-10] + ("A" if good[-10] != "A" else "B") + good[-9:],
        "expired": lambda: good,
        "garbage": lambda: "a.b.c",
        "empty": lambda: "",
        "unknown key": lambda: jwt.encode(claims, "k" * 43, algorithm="HS256", headers=header | {"kid": "x"}),
        "binary": lambda: b"\xff\xfe\x80".decode("latin-1"),
    }[proof]()
    client = stand.client()
    client.headers = httpx.Headers([(b"authorization", f"Bearer {bad}".encode("latin-1"))])
    error_of(await client.get("/auth/me"), 401)
    error_of(await client.put("/api/v1/users/reset-password", json={"password": "another one"}), 401)
    await stand.login("lea.petit")


@pytest.mark.parametrize(
    "cookie",
    [
        "stoa_login=",
        "stoa_login=x",
        "stoa_login",
        'stoa_login="',
        "=;stoa_login=\x7f",
        "stoa_login=a.b.c; stoa_login=d",
    ],
)
async def test_a_bad_cookie_is_nobody(stand, cookie):
    client = stand.client(Cookie=cookie)
    error_of(await client.get("/auth/me"), 401)
    answer = await client.get("/api/v1/logins/")
    assert (answer.status_code, answer.text) == (200, "null")


# A write with the cookie must come from here


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 204),
        ({"Sec-Fetch-Site": "same-origin"}, 204),
        ({"Origin": "http://stoa.test"}, 204),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "http://evil.test"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
async def test_a_cookie_does_not_write_for_another_site(stand, headers, status):
    client = stand.client()
    await client.post("/auth/login", json={"username": "lea.petit", "password": PASSWORD})
    body = {"current_password": PASSWORD, "new_password": "a new password"}
    answer = await client.put("/auth/password", json=body, headers=headers)
    assert answer.status_code == status
    again = await stand.client().post("/auth/login", json={"username": "lea.petit", "password": PASSWORD})
    assert again.status_code == (401 if status == 204 else 200)


async def test_a_bearer_token_writes_from_anywhere(stand):
    client = await stand.signed_in("lea.petit")
    answer = await client.post(
        "/auth/keys", json={"name": "widget"}, headers={"Origin": "http://elsewhere.test"}
    )
    assert answer.status_code == 201


# Passwords


async def test_a_new_password_ends_the_other_logins(stand):
    kept, other = await stand.signed_in("lea.petit"), await stand.signed_in("lea.petit")
    assert (await other.get("/auth/me")).status_code == 200
    body = {"current_password": PASSWORD, "new_password": "a new password"}
    assert (await kept.put("/auth/password", json=body)).status_code == 204
    assert (await kept.get("/auth/me")).status_code == 200
    error_of(await other.get("/auth/me"), 401)
    await stand.login("lea.petit", "a new password")


async def test_a_password_change_needs_the_current_one(stand):
    client = await stand.signed_in("lea.petit")
    wrong = {"current_password": "wrong", "new_password": "a new password"}
    for _ in range(5):
        error_of(await client.put("/auth/password", json=wrong), 401)
    error_of(await client.put("/auth/password", json=wrong), 403)


@pytest.mark.parametrize("password", ["short", "x" * 51])
async def test_a_new_password_has_8_to_50_characters(stand, password):
    client = await stand.signed_in("lea.petit")
    body = {"current_password": PASSWORD, "new_password": password}
    assert error_of(await client.put("/auth/password", json=body), 400).fields == ["new_password"]
    reset = await client.put("/api/v1/users/reset-password", json={"password": password})
    assert error_of(reset, 400).fields == ["password"]
    await stand.login("lea.petit")


async def test_one_resets_ones_own_password(stand):
    client, other = await stand.signed_in("lea.petit"), await stand.signed_in("lea.petit")
    answer = await client.put("/api/v1/users/reset-password", json={"password": "a new password"})
    assert answer.status_code == 200
    assert (await client.get("/auth/me")).status_code == 200
    error_of(await other.get("/auth/me"), 401)
    await stand.login("lea.petit", "a new password")


# API keys


async def test_a_key_is_shown_once_and_deleted(stand):
    client = await stand.signed_in("lea.petit")
    body = {"name": "grader", "expires_at": "2026-04-01T00:00:00+02:00"}
    made = (await client.post("/auth/keys", json=body)).json()
    assert made["secret"].startswith("stoa_")
    assert made["expires_at"] == "2026-03-31T22:00:00.000Z"
    listed = (await client.get("/auth/keys")).json()
    assert listed == [{name: value for name, value in made.items() if name != "secret"}]
    keyed = stand.client(made["secret"])
    assert (await keyed.get("/auth/me")).status_code == 200
    other = await stand.signed_in("sam.young")
    error_of(await other.delete(f"/auth/keys/{made['id']}"), 404)
    assert (await client.delete(f"/auth/keys/{made['id']}")).status_code == 204
    error_of(await keyed.get("/auth/me"), 401)
    error_of(await client.delete(f"/auth/keys/{made['id']}"), 404)


async def test_a_key_makes_no_keys_and_changes_no_password(stand):
    client = await stand.signed_in("lea.petit")
    keyed = stand.client((await client.post("/auth/keys", json={"name": "grader"})).json()["secret"])
    error_of(await keyed.post("/auth/keys", json={"name": "another"}), 403)
    error_of(await keyed.put("/api/v1/users/reset-password", json={"password": "a new password"}), 403)
    body = {"current_password": PASSWORD, "new_password": "a new password"}
    error_of(await keyed.put("/auth/password", json=body), 403)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "x" * 51}, "name"),
        ({"name": "x", "expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"name": "x", "expires_at": "2030-01-01T00:00:00"}, "expires_at"),
        ({"name": "x", "expires_at": "soon"}, "expires_at"),
        ({"name": "x", "expires_at": "9999-12-31T23:59:59-12:00"}, "expires_at"),
    ],
)
async def test_a_key_that_can_not_be_is_400(stand, body, field):
    client = await stand.signed_in("lea.petit")
    assert error_of(await client.post("/auth/keys", json=body), 400).fields == [field]


# One login an account


async def begin(client, **headers):
    return await client.post(
        "/api/v1/logins/", json={"username": "lea.petit", "password": PASSWORD}, headers=headers
    )


async def test_a_login_as_documented(stand):
    client = stand.client()
    answer = await begin(client)
    assert answer.status_code == 200
    login = answer.json()["login"]
    assert set(answer.json()) == {"login"}
    assert login["sessionId"] is None
    assert set(login["user"]) == {
        "_id", "username", "accessId", "expressPermissionIds", "firstName", "lastName", "needsPasswordReset",
        "createdAt", "updatedAt", "createdBy", "createdByUsername",
    }  # fmt: skip
    assert (await client.get("/api/v1/logins/")).json() == login


async def test_nobody_has_no_login(stand):
    answer = await stand.client().get("/api/v1/logins/")
    assert (answer.status_code, answer.json()) == (200, None)
    assert answer.headers["content-type"].startswith("application/json")
    assert (await stand.client().delete("/api/v1/logins/")).status_code == 200


async def test_the_second_login_is_409_unless_forceful(stand):
    first, second = stand.client(), stand.client()
    assert (await begin(first)).status_code == 200
    error_of(await begin(second), 409)
    error_of(await begin(second, forceful="false"), 409)
    assert (await first.get("/api/v1/logins/")).json() is not None
    assert (await begin(second, forceful="true")).status_code == 200
    assert (await first.get("/api/v1/logins/")).json() is None
    assert (await second.get("/api/v1/logins/")).json() is not None


async def test_logging_in_again_from_the_same_place_is_no_conflict(stand):
    client = stand.client()
    assert [(await begin(client)).status_code for _ in range(2)] == [200, 200]


async def test_a_wrong_password_is_401_even_when_logged_in_elsewhere(stand):
    await begin(stand.client())
    body = {"username": "lea.petit", "password": "wrong"}
    error_of(await stand.client().post("/api/v1/logins/", json=body), 401)


async def test_logging_out_makes_room(stand):
    first = stand.client()
    await begin(first)
    assert (await first.delete("/api/v1/logins/")).status_code == 200
    assert (await first.get("/api/v1/logins/")).json() is None
    assert (await begin(stand.client())).status_code == 200


async def test_of_forceful_logins_at_once_one_remains(stand):
    clients = [stand.client() for _ in range(4)]
    answers = await asyncio.gather(*(begin(client, forceful="true") for client in clients))
    assert {answer.status_code for answer in answers} == {200}
    current = [(await client.get("/api/v1/logins/")).json() for client in clients]
    assert sum(login is not None for login in current) == 1


# Users

NEW = {
    "username": "new.comer",
    "accessId": "student",
    "expressPermissionIds": [],
    "firstName": "New",
    "lastName": "Comer",
    "needsPasswordReset": False,
    "password": "a password",
}


async def test_a_user_is_made_read_changed_and_deleted(stand, clock):
    admin = await stand.signed_in("admin")
    made = (await admin.post("/api/v1/users/", json=NEW | {"needsPasswordReset": "yes"})).json()
    assert made["createdAt"] == made["updatedAt"] == "2026-03-02T09:30:00.000Z"
    assert (made["createdBy"], made["createdByUsername"]) == (ADMIN_ID, "admin")
    assert made["needsPasswordReset"] is True
    assert "password" not in made
    assert (await admin.get(f"/api/v1/users/{made['_id']}")).json() == made
    assert made in (await admin.get("/api/v1/users/")).json()
    clock.advance(timedelta(seconds=1))
    changed = await admin.put("/api/v1/users/", json={"_id": made["_id"], "lastName": "Goer", "unknown": 1})
    assert changed.json() == made | {"lastName": "Goer", "updatedAt": "2026-03-02T09:30:01.000Z"}
    await stand.login("new.comer", "a password")
    assert (await admin.delete(f"/api/v1/users/{made['_id']}")).status_code == 200
    error_of(await admin.get(f"/api/v1/users/{made['_id']}"), 404)
    error_of(await admin.delete(f"/api/v1/users/{made['_id']}"), 404)


async def test_an_instructor_keeps_to_students(stand):
    client = await stand.signed_in("ines.moreau")
    listed = (await client.get("/api/v1/users/")).json()
    assert {user["accessId"] for user in listed} == {"student"}
    assert (await client.get(f"/api/v1/users/{stand.ids['lea.petit']}")).status_code == 200
    assert (await client.post("/api/v1/users/", json=NEW)).status_code == 200
    for user_id in (ADMIN_ID, stand.ids["ines.moreau"], stand.ids["second.admin"]):
        error_of(await client.get(f"/api/v1/users/{user_id}"), 403)
        error_of(await client.put("/api/v1/users/", json={"_id": user_id, "firstName": "Eve"}), 403)
        error_of(await client.delete(f"/api/v1/users/{user_id}"), 403)
    for access in ("instructor", "admin", "system", "revokedAccess"):
        error_of(
            await client.post("/api/v1/users/", json=NEW | {"username": "other.one", "accessId": access}), 403
        )
        promoted = {"_id": stand.ids["lea.petit"], "accessId": access}
        error_of(await client.put("/api/v1/users/", json=promoted), 403)
    granted = {"_id": stand.ids["lea.petit"], "expressPermissionIds": ["users_write"]}
    assert "users_write" in error_of(await client.put("/api/v1/users/", json=granted), 403).message


async def test_a_student_sees_nobody(stand):
    client = await stand.signed_in("lea.petit")
    own = stand.ids["lea.petit"]
    error_of(await client.get("/api/v1/users/"), 403)
    error_of(await client.get(f"/api/v1/users/{own}"), 403)
    error_of(await client.get(f"/api/v1/users/{stand.ids['sam.young']}"), 403)
    error_of(await client.post("/api/v1/users/", json=NEW), 403)
    error_of(await client.put("/api/v1/users/", json={"_id": own, "accessId": "admin"}), 403)
    error_of(await client.delete(f"/api/v1/users/{stand.ids['sam.young']}"), 403)


@pytest.mark.parametrize(
    ("changed", "fields"),
    [
        ({"username": "abc"}, ["username"]),
        ({"username": "a b c d e"}, ["username"]),
        ({"password": "short"}, ["password"]),
        ({"firstName": ""}, ["firstName"]),
        ({"lastName": "x" * 51}, ["lastName"]),
        ({"accessId": "default"}, ["accessId"]),
        ({"accessId": "king"}, ["accessId"]),
        ({"accessId": 7}, ["accessId"]),
        ({"expressPermissionIds": ["fly"]}, ["expressPermissionIds"]),
        ({"expressPermissionIds": [7]}, ["expressPermissionIds[0]"]),
        ({"expressPermissionIds": "users_read"}, ["expressPermissionIds"]),
        ({"needsPasswordReset": "perhaps"}, ["needsPasswordReset"]),
        ({"needsPasswordReset": 2}, ["needsPasswordReset"]),
        ({"firstName": None}, ["firstName"]),
        ({"username": "x", "firstName": ""}, ["username", "firstName"]),
    ],
)
async def test_values_that_can_not_be_are_400_and_named(stand, changed, fields):
    admin = await stand.signed_in("admin")
    before = (await admin.get("/api/v1/users/")).json()
    error = error_of(await admin.post("/api/v1/users/", json=NEW | changed), 400)
    assert error.fields == fields
    assert all(field in error.message for field in fields)
    update = {"_id": stand.ids["lea.petit"], **changed}
    assert error_of(await admin.put("/api/v1/users/", json=update), 400).fields == fields
    assert (await admin.get("/api/v1/users/")).json() == before


@pytest.mark.parametrize("missing", ["username", "accessId", "firstName", "lastName", "password"])
async def test_what_a_new_user_needs(stand, missing):
    admin = await stand.signed_in("admin")
    body = {name: value for name, value in NEW.items() if name != missing}
    assert error_of(await admin.post("/api/v1/users/", json=body), 400).fields == [missing]


async def test_a_username_is_taken_once(stand):
    admin = await stand.signed_in("admin")
    error = error_of(await admin.post("/api/v1/users/", json=NEW | {"username": "LEA.petit"}), 409)
    assert error.fields == ["username"]
    moved = {"_id": stand.ids["sam.young"], "username": "lea.petit"}
    error_of(await admin.put("/api/v1/users/", json=moved), 409)


@pytest.mark.parametrize(
    ("user_id", "status"),
    [("f" * 24, 404), ("x", 400), ("0" * 25, 400), ("%F0%9F%98%80", 400), ("..%2Fadmin", 404), ("%FF", 400)],
)
async def test_an_id_that_is_nobodys(stand, user_id, status):
    admin = await stand.signed_in("admin")
    for method in ("GET", "DELETE"):
        error_of(await admin.request(method, f"/api/v1/users/{user_id}"), status)


async def test_the_protected_stay(stand):
    client = await stand.signed_in("second.admin")
    for user_id in (SYSTEM_ID, ADMIN_ID):
        error_of(await client.delete(f"/api/v1/users/{user_id}"), 403)
        error_of(await client.put("/api/v1/users/", json={"_id": user_id, "accessId": "student"}), 403)
    listed = (await client.get("/api/v1/users/")).json()
    assert SYSTEM_ID not in {user["_id"] for user in listed}


async def test_a_changed_permission_counts_at_once(stand):
    admin, student = await stand.signed_in("admin"), await stand.signed_in("lea.petit")
    error_of(await student.get("/api/v1/users/"), 403)
    granted = {"_id": stand.ids["lea.petit"], "expressPermissionIds": ["users_read"]}
    assert (await admin.put("/api/v1/users/", json=granted)).status_code == 200
    assert (await student.get("/api/v1/users/")).status_code == 200
    revoked = {"_id": stand.ids["lea.petit"], "accessId": "revokedAccess"}
    assert (await admin.put("/api/v1/users/", json=revoked)).status_code == 200
    error_of(await student.get("/api/v1/users/"), 401)


async def test_who_is_deleted_is_signed_out_at_once(stand):
    admin, student = await stand.signed_in("admin"), await stand.signed_in("lea.petit")
    assert (await student.get("/auth/me")).status_code == 200
    await admin.delete(f"/api/v1/users/{stand.ids['lea.petit']}")
    error_of(await student.get("/auth/me"), 401)


async def test_another_nodes_logout_is_noticed_within_the_caches_time(stand, clock):
    client = await stand.signed_in("lea.petit")
    other = await Stand(stand.url, clock).start()
    assert (await client.get("/auth/me")).status_code == 200
    elsewhere = other.client()
    elsewhere.headers["authorization"] = client.headers["authorization"]
    assert (await elsewhere.post("/auth/logout")).status_code == 204
    await other.close()
    clock.advance(timedelta(seconds=1))
    error_of(await client.get("/auth/me"), 401)


async def test_a_busy_client_costs_no_read_a_request(stand):
    client = await stand.signed_in("lea.petit")
    await client.get("/api/v1/users/")
    reads = []
    original = stand.storage.read

    async def counted(fn, *args, **kwargs):
        reads.append(fn)
        return await original(fn, *args, **kwargs)

    stand.storage.read = counted
    for _ in range(10):
        error_of(await client.get("/api/v1/users/"), 403)
    assert reads == []


async def test_the_demo_people_can_sign_in(stand, clock):
    sign_ins = await stand.storage.write(demo.seed, ids=SystemIds(), now=clock.now(), passwords=PASSWORDS)
    again = await stand.storage.write(demo.seed, ids=SystemIds(), now=clock.now(), passwords=PASSWORDS)
    assert sign_ins == again
    assert {"ines.moreau", "tom.baker", "lea.petit", "sam.young", "noor.haddad"} <= {
        name for name, _ in sign_ins
    }
    await stand.login("noor.haddad", demo.PASSWORD)
