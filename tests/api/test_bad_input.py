"""Whatever is sent, to whichever route: a documented status, the kind's own words, no 500, and nothing changes."""

import base64
import hashlib
import hmac
import json
from contextlib import contextmanager

import httpx
import jwt
import pytest
from tests.support.missions import MISSION_ID, put_mission
from tests.support.trading import put_market

from stoa import server as composition
from stoa.accounts import api as accounts
from stoa.kernel.ids import SeededIds
from stoa.missions.missionfile import mission_to, new_mission
from stoa.web import openapi

pytestmark = pytest.mark.anyio
KINDS = (accounts.KIND, *composition.KINDS)
METHODS = ("get", "post", "put", "patch", "delete")
MISSION = {
    key: value
    for key, value in mission_to(new_mission("Night Watch", ids=SeededIds("bad input"))).items()
    if key not in ("_id", "createdAt", "updatedAt", "launchedAt", "createdBy", "createdByUsername", "deleted")
}
BODIES = {
    ("post", "/auth/login"): {"username": "lea.student", "password": "a password"},
    ("post", "/auth/refresh"): {"refresh_token": "x"},
    ("put", "/auth/password"): {"current_password": "a password", "new_password": "another password"},
    ("post", "/auth/keys"): {"name": "grader", "expires_at": "2027-01-01T00:00:00Z"},
    ("post", "/api/v1/logins"): {"username": "lea.student", "password": "a password"},
    ("post", "/api/v1/users"): {
        "username": "new.person", "accessId": "student", "firstName": "New", "lastName": "Person",
        "password": "a password", "expressPermissionIds": ["users_read"], "needsPasswordReset": False,
    },
    ("put", "/api/v1/users"): {
        "_id": "f" * 24, "username": "new.person", "accessId": "student", "firstName": "New", "lastName": "Person",
        "password": "a password", "expressPermissionIds": ["users_read"], "needsPasswordReset": False,
    },
    ("put", "/api/v1/users/reset-password"): {"password": "a password"},
    ("post", "/schedule/sessions"): {
        "type": "RECURRING", "timelineId": "TIMELINE", "name": "Yoga", "description": "Gentle",
        "startDateTime": "2026-03-06T09:00:00Z", "endDateTime": "2026-03-06T10:00:00Z", "repeatCycleType": "WEEKLY",
        "recurringDayOfWeek": "FRIDAY", "interval": 1, "count": 3, "until": None, "exceptions": ["2026-03-13"],
        "overrides": [],
    },
    ("patch", "/schedule/sessions/{session_id}"): {
        "type": "RECURRING", "name": "Yoga", "description": "Gentle", "startDateTime": "2026-03-06T09:00:00Z",
        "endDateTime": "2026-03-06T10:00:00Z", "repeatCycleType": "WEEKLY", "recurringDayOfWeek": "FRIDAY",
        "interval": 1, "count": 3, "until": None, "exceptions": ["2026-03-13"], "overrides": [],
    },
    ("patch", "/schedule/sessions/removedAt"): ["nowhere"],
    ("post", "/schedule/timelines"): {"name": "Studio", "description": "Upstairs", "timezone": "UTC"},
    ("patch", "/schedule/timelines/{timeline_id}"): {"name": "Studio", "description": "Upstairs", "timezone": "UTC"},
    **{
        ("post", f"/api/v2/{name}"): {"path": ["/view", "tab"], "client": "c", "seq": 1, "visible_ms": 1}
        | ({"visible": True} if name == "keepalive" else {})
        for name in ("keepalive", "session-hide", "session_hide", "session_tracepath")
    },
    **{("post", f"/api/v1/sessions/{{session_id}}/{name}"): body for name, body in {
        "config-update": {"config": {"name": "Other", "autoAssign": False}},
        "kick": {"memberId": "nobody"},
        "ban": {"memberId": "nobody"},
        "unban": {"userId": "nobody"},
        "assign-force": {"memberId": "nobody", "forceId": "red"},
        "assign-role": {"memberId": "nobody", "roleId": "observer"},
        "open-node": {"nodeId": "node"},
        "execute-action": {"actionId": "action", "cheats": {"zeroCost": True}},
        "send-output": {"key": "pre-execution", "nodeId": "node"},
        "send-chat-message": {"channelId": "all", "message": "Hello"},
    }.items()},
    ("put", "/api/v1/sessions/{session_id}/invitations"): {"userIds": ["nobody"]},
    ("post", "/api/v1/sessions/launch"): {
        "missionId": "f" * 24, "name": "Night watch", "accessibility": "public", "autoAssign": True,
        "infiniteResources": False, "effectsEnabled": True, "capacity": 7,
    },
    ("post", "/api/v1/missions"): MISSION,
    ("put", "/api/v1/missions"): MISSION | {"_id": MISSION_ID},
    ("post", "/api/v1/missions/copy"): {"originalId": "f" * 24, "copyName": "Copy"},
    ("post", "/trading/sessions"): {
        "instrument_id": 1, "timeframe": "H1", "speed": "1x", "start_ts": "2017-01-02T00:00:00Z",
        "end_ts": "2017-01-04T00:00:00Z", "initial_balance": 10_000.0, "leverage": 100, "spread_pts": 20,
        "slippage_pts": 5, "commission_per_fill": 7.0, "name": "Mine",
    },
    ("put", "/trading/sessions/{session_id}"): {
        "session_status": "RUNNING", "speed": "2x", "end_ts": "2017-01-05T00:00:00Z", "name": "Mine",
    },
    ("post", "/trading/sessions/{session_id}/advance"): {"bars": 1},
    ("post", "/trading/sessions/{session_id}/seek"): {"to": "2017-01-02T05:00:00Z", "confirm": False},
    ("post", "/trading/sessions/{session_id}/fork"): {"at": "2017-01-02T05:00:00Z"},
    ("post", "/trading/positions"): {
        "session_id": 1, "side": "BUY", "quantity_lots": 0.1, "sl_price": 1.0, "tp_price": 1.5, "fill": "now",
    },
    ("put", "/trading/positions/{position_id}"): {"position_status": "OPEN", "sl_price": 1.0, "tp_price": 1.5},
    ("post", "/trading/orders"): {
        "session_id": 1, "order_type": "LIMIT", "side": "BUY", "quantity_lots": 0.1, "price": 1.0, "sl_price": 0.9,
        "tp_price": 1.5, "fill": "now",
    },
    ("put", "/trading/orders/{order_id}"): {"sl_price": 0.9, "tp_price": 1.5},
    ("post", "/trading/transactions"): {
        "user_id": 2, "transaction_type": "ADJUSTMENT", "amount": 1.5, "balance_after": 2.5, "session_id": 1,
        "position_id": 1,
    },
    ("post", "/trading/reports"): {"session_id": 1, "summary_json": {}, "equity_curve_json": {}},
    ("put", "/trading/reports/{report_id}"): {"summary_json": {}, "equity_curve_json": {}},
    ("post", "/trading/instruments"): {
        "symbol": "GBPUSD", "display_name": "Pound", "pip_size": 0.0001, "enabled": True, "step": 0.00001,
        "contract_size": 100_000, "liquidation_level": 50,
    },
    ("put", "/trading/instruments/{instrument_id}"): {
        "symbol": "EURUSD", "display_name": "Euro", "pip_size": 0.0001, "enabled": True, "step": 0.00001,
        "contract_size": 100_000, "liquidation_level": 50,
    },
    ("post", "/api/v1/target-environments/migrate/effect-args"): {
        "targetId": "nowhere", "environmentId": "METIS", "effectEnvVersion": "0.2.0", "effectArgs": {},
    },
    ("post", "/live/sessions"): {
        "courseId": "course", "startsAt": "2026-12-26T15:00:00.000Z", "recordingEnabled": True, "maxParticipants": 50,
    },
    ("put", "/live/sessions/{session_id}/status"): {"status": "live"},
    ("post", "/live/sessions/{session_name}/participants/{user_id}/permissions"): {
        "micAllowed": False, "cameraAllowed": False, "banned": False,
    },
    ("post", "/live/courses"): {"title": "Algebra", "_id": "algebra"},
    ("put", "/live/courses/{course_id}/enrolments"): {"userIds": ["nobody"]},
}  # fmt: skip
"""A whole and valid body of every operation that takes one."""


def _operations():
    for kind in KINDS:
        document = json.loads(json.dumps(openapi.document([kind], title="", about=""), default=str))
        for path, item in document["paths"].items():
            for method in METHODS:
                if method in item:
                    yield kind.name, method, path, item[method], document


OPERATIONS = list(_operations())
TAKING_JSON = [
    each for each in OPERATIONS if "application/json" in each[3].get("requestBody", {}).get("content", {})
]
GUARDED = [each for each in OPERATIONS if each[3].get("security") != []]
WITH_PATH = [each for each in OPERATIONS if "{" in each[2]]


def named(each):
    return f"{each[1].upper()} {each[2]}"


def each_of(operations):
    return pytest.mark.parametrize("operation", operations, ids=named)


@pytest.fixture(scope="module")
async def house(shared_house):
    async with shared_house.client("ada.admin") as client:
        await client.post("/api/v2/sessionstart")
        timeline = await client.post("/schedule/timelines", json={"name": "Studio"})
        body = BODIES["post", "/schedule/sessions"] | {"timelineId": timeline.json()["data"]["id"]}
        session = await client.post("/schedule/sessions", json=body)
    shared_house.timeline = timeline.json()["data"]["id"]
    shared_house.session = session.json()["data"]["id"]
    shared_house.signing_key()
    put_mission(shared_house.storage.engine)
    await trade(shared_house)
    return shared_house


async def trade(house):
    """Instrument, session, position, order, transaction and report number 1: what the bodies speak of."""
    put_market(house)
    async with house.client("ada.admin") as client:
        for path, body in (
            ("sessions", BODIES["post", "/trading/sessions"]),
            ("sessions/1/advance", {"bars": 10}),
            ("positions", BODIES["post", "/trading/positions"] | {"sl_price": None, "tp_price": None}),
            ("orders", BODIES["post", "/trading/orders"]),
            ("reports", BODIES["post", "/trading/reports"]),
        ):
            answer = await client.post(f"/trading/{path}", json=body)
            assert answer.status_code in (200, 201), answer.text


@pytest.fixture
async def admin(house):
    async with house.client("ada.admin") as client:
        yield client


@pytest.fixture(autouse=True)
def nothing_changes(house):
    before = house.dump()
    yield
    after = house.dump()
    assert {name for name in before if before[name] != after[name]} <= {"accounts_failures", "login_failures"}


def address(house, path, **parts):
    """The path with what exists in its places: so that only the input of the test is wrong."""
    known = {"timeline_id": house.timeline, "session_id": house.session, "user_id": house.ids["lea.student"]}
    if path.startswith("/trading"):
        names = ("session", "user", "instrument", "position", "order", "transaction", "report")
        known = {f"{name}_id": 1 for name in names}
    known |= {
        "key_id": "nowhere",
        "mission_id": "nowhere",
        "file_id": "nowhere",
        "file_name": "x.metis",
        "session_name": "nowhere",
        "instructor_id": "nobody",
        "course_id": "nowhere",
        "recording_id": "nowhere",
    } | parts
    return path.format(**known)


def sentence(kind, body):
    """What a body in the kind's dialect says, and the fields that it names."""
    if kind == "schedule":
        assert set(body) == {"data", "meta"}
        assert body["data"] is None
        return body["meta"]["message"], [error["field"] for error in body["meta"]["errors"]]
    if kind == "activity":
        assert set(body) == {"name", "description"}
        return body["description"], []
    if kind == "trading":
        assert {"error"} <= set(body) <= {"error", "details"}
        return body["error"], [detail["field"] for detail in body.get("details", [])]
    if kind == "live":
        assert set(body) in ({"error"}, {"message"})
        return body.get("error") or body["message"], []
    assert set(body) == {"error"}
    return body["error"]["message"], [error["field"] for error in body["error"].get("errors", [])]


@contextmanager
def given(what):
    """A failure says which input it was."""
    try:
        yield
    except Exception as error:
        error.add_note(f"given {what!r:.200}")
        raise


def refused(operation, answer, *statuses, field=None):
    kind, _, _, documented, _ = operation
    if kind == "trading" and 400 in statuses:
        statuses = (*statuses, 422)  # what breaks the schema
    assert answer.status_code in statuses, f"{answer.status_code} {answer.text[:300]}"
    assert str(answer.status_code) in documented["responses"]
    assert answer.headers["content-type"].startswith("application/json")
    text, fields = sentence(kind, answer.json())
    assert text, answer.text
    if field is not None:
        assert field in text, text
        assert kind in ("activity", "live") or any(each.startswith(field) for each in fields), answer.text
    return text


# --- bodies ------------------------------------------------------------------------------------------------------

BROKEN = {
    "nothing": b"",
    "half": b'{"a": 1',
    "two": b"{} {}",
    "comma": b'{"a": 1,}',
    "word": b"hello",
    "not a number": b'{"a": NaN}',
    "no UTF-8": b'{"a": "\xff\xfe"}',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "half a pair": b'{"a": "\\ud800"}',
    "deep list": b"[" * 200_000,
    "deep object": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "a text": b'"text"',
    "a number": b"7",
    "null": b"null",
    "a list of numbers": b"[1, 2]",
}


def test_every_body_has_its_example():
    assert {(method, path) for _, method, path, _, _ in TAKING_JSON} == set(BODIES)


@each_of(TAKING_JSON)
async def test_a_body_that_is_none_is_400(house, admin, operation):
    _, method, path, _, _ = operation
    headers = {"content-type": "application/json"}
    for name, body in BROKEN.items():
        answer = await admin.request(method, address(house, path), content=body, headers=headers)
        with given(name):
            refused(operation, answer, 400)


@each_of(TAKING_JSON)
async def test_no_content_type_makes_sense_of_nonsense(house, admin, operation):
    _, method, path, _, _ = operation
    for content_type in (None, "", "text/plain", "text/html; charset=latin-1", "x", "multipart/form-data"):
        headers = {} if content_type is None else {"content-type": content_type}
        answer = await admin.request(method, address(house, path), content=b"a=1&b=2", headers=headers)
        with given(content_type):
            refused(operation, answer, 400)


def _fields():
    for operation in TAKING_JSON:
        body = BODIES[operation[1], operation[2]]
        if isinstance(body, dict):
            for name in body:
                yield pytest.param(operation, name, id=f"{named(operation)} {name}")


ODD = [
    7,
    -1,
    0.5,
    2**70,
    1e300,
    True,
    "",
    "\0",
    "nonsense",
    "x" * 5_000,
    [],
    [[]],
    [None],
    {},
    {"a": {}},
    None,
]
TIMES = [
    "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999999999Z", "2026-02-30T00:00:00Z",
    "2026-03-06T09:00:00", "10000-01-01T00:00:00Z", "2026-03-06T25:00:00Z", "2026-03-06T09:00:00+99:99", "-1", 1e10,
]  # fmt: skip


def allowed_types(operation, name):
    """The JSON types that the document gives to a field of the body."""
    document = operation[4]
    schema = operation[3]["requestBody"]["content"]["application/json"]["schema"]
    schema = _resolved(document, schema)["properties"][name]
    return _types(document, schema)


def _resolved(document, schema):
    if "$ref" in schema:
        return document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    return schema


def _types(document, schema):
    schema = _resolved(document, schema)
    if "type" in schema:
        return {schema["type"]} if isinstance(schema["type"], str) else set(schema["type"])
    return set().union(*(_types(document, each) for each in schema.get("oneOf", schema.get("anyOf", []))))


def json_type(value):
    for kind, name in (
        (bool, "boolean"),
        (str, "string"),
        (int, "integer"),
        (float, "number"),
        (list, "array"),
    ):
        if isinstance(value, kind):
            return name
    return "null" if value is None else "object"


@pytest.mark.parametrize(("operation", "field"), _fields())
async def test_a_value_of_another_type_is_400_and_named(house, admin, operation, field):
    _, method, path, _, _ = operation
    allowed = allowed_types(operation, field)
    if "number" in allowed:
        allowed |= {"integer"}
    for value in ODD:
        if json_type(value) in allowed or (value == 1e300 and "integer" in allowed):
            continue
        answer = await admin.request(method, address(house, path), json=BODIES[method, path] | {field: value})
        refused(operation, answer, 400, field=field)


@pytest.mark.parametrize(("operation", "field"), _fields())
async def test_a_number_beyond_all_bounds_is_400(house, admin, operation, field):
    _, method, path, _, _ = operation
    # Nothing is a number too, in the end.
    broken = {"/api/v1/missions": {"name": ""}, "/trading/sessions": {"leverage": 0}}.get(path, {})
    text = json.dumps(BODIES[method, path] | broken | {field: "NUMBER"})
    for number in ("1e999", "-1e999", "9" * 400, "1e-999999"):
        content = text.replace('"NUMBER"', number).encode()
        answer = await admin.request(method, address(house, path), content=content)
        with given(number):
            refused(operation, answer, 400)


@pytest.mark.parametrize(("operation", "field"), _fields())
async def test_an_odd_value_is_taken_or_refused_and_never_a_500(house, admin, operation, field):
    """Those that the rules allow would be stored: so the body has another field that is wrong, or nobody to change."""
    _, method, path, documented, _ = operation
    for value in [*ODD, *TIMES]:
        body = BODIES[method, path] | {field: value}
        if (method, path) == ("post", "/schedule/sessions") and field != "timelineId":
            body["timelineId"] = "nowhere"
        elif (method, path) in STORING:
            body |= STORING[method, path] if field not in STORING[method, path] else {}
            if field in STORING[method, path] and value != "\0":
                continue
        answer = await admin.request(method, address(house, path, **NOBODYS), json=body)
        assert str(answer.status_code) in documented["responses"], f"{field}={value!r}: {answer.text}"
        assert 400 <= answer.status_code < 500, f"{field}={value!r}: {answer.status_code} {answer.text}"
        sentence(operation[0], answer.json())


NOBODYS = dict.fromkeys(
    ("session_id", "timeline_id", "instrument_id", "position_id", "order_id", "report_id"), "nowhere"
)
STORING = {
    ("post", "/trading/sessions"): {"leverage": 0},
    ("put", "/trading/sessions/{session_id}"): {"speed": "7x"},
    ("post", "/trading/positions"): {"quantity_lots": 0},
    ("post", "/trading/orders"): {"quantity_lots": 0},
    ("post", "/trading/transactions"): {"amount": "much"},
    ("post", "/trading/reports"): {"summary_json": 1},
    ("post", "/trading/instruments"): {"pip_size": 0},
    ("post", "/api/v1/users"): {"lastName": ""},
    ("post", "/schedule/timelines"): {"name": ""},
    ("post", "/auth/keys"): {"name": ""},
    **{(method, "/api/v1/missions"): {"name": ""} for method in ("post", "put")},
    ("post", "/live/sessions"): {"startsAt": ""},
    ("post", "/live/courses"): {"title": ""},
    **{("post", f"/api/v2/{name}"): {"path": ""} for name in ("keepalive", "session-hide", "session_hide", "session_tracepath")},
}  # fmt: skip


@each_of([each for each in TAKING_JSON if isinstance(BODIES[each[1], each[2]], dict)])
async def test_what_is_required_is_named_where_it_is_missing(house, admin, operation):
    _, method, path, documented, document = operation
    schema = _resolved(document, documented["requestBody"]["content"]["application/json"]["schema"])
    for field in schema.get("required", []):
        body = {name: value for name, value in BODIES[method, path].items() if name != field}
        answer = await admin.request(method, address(house, path), json=body)
        assert "required" in refused(operation, answer, 400, field=field)


def takes_files(operation):
    content = operation[3].get("requestBody", {}).get("content", {})
    return list(content) == ["multipart/form-data"] or "application/octet-stream" in content


@each_of([each for each in OPERATIONS if "requestBody" in each[3] and not takes_files(each)])
@pytest.mark.parametrize("chunked", [False, True], ids=["with its length", "chunked"])
async def test_a_body_of_ten_megabytes_is_413(house, admin, operation, chunked):
    _, method, path, _, _ = operation

    async def pieces():
        for _ in range(10):
            yield b" " * 2**20

    content = pieces() if chunked else b" " * (10 * 2**20)
    answer = await admin.request(method, address(house, path), content=content)
    refused(operation, answer, 413)


# --- paths and queries -------------------------------------------------------------------------------------------


ODD_PATHS = {
    ("get", "/live/sessions/{session_name}"): (500, "Session not found"),
    ("get", "/live/sessions/instructor/{instructor_id}"): (200, []),
}
"""What live's document says of a name that is unknown, where that is no 404."""


ODD_PIECES = [
    "%00", "a%00b", "%ff%fe", "%ed%a0%80", "%2e%2e", "..%2f..%2fetc%2fpasswd", "x" * 5_000, "'; DROP TABLE users; --",
    "%F0%9F%92%A9", "-1", "null", "f" * 24,
]  # fmt: skip
PIECES = (
    *("session_id", "timeline_id", "user_id", "key_id", "mission_id", "file_id", "session_name", "course_id"),
    *(
        "recording_id",
        "instructor_id",
        "instrument_id",
        "position_id",
        "order_id",
        "transaction_id",
        "report_id",
    ),
)


@each_of(WITH_PATH)
async def test_an_odd_piece_of_a_path_is_not_found(house, admin, operation):
    _, method, path, _, _ = operation
    outside = [401] if path.startswith("/api/v1/sessions/files") else []  # of any session
    for piece in ODD_PIECES:
        url = address(house, path, **dict.fromkeys(PIECES, piece))
        answer = await admin.request(method, url, json=BODIES.get((method, path)))
        with given(piece):
            if "%2f" in piece:
                assert answer.status_code in (400, 404, 405)
            elif (method, path) in ODD_PATHS and answer.status_code != 400:
                assert (answer.status_code, answer.json()) == ODD_PATHS[method, path]
            else:
                refused(operation, answer, 400, 404, *outside)


def _parameters():
    for operation in OPERATIONS:
        for parameter in operation[3].get("parameters", []):
            if parameter["in"] == "query":
                yield pytest.param(operation, parameter["name"], id=f"{named(operation)} {parameter['name']}")


NEEDED = {
    "from": "2026-03-01T00:00:00Z", "to": "2026-03-08T00:00:00Z", "owners[]": "x", "group_by": "page",
    "scope": "this", "occurrence": "2026-03-06", "timeframe": "H1",
}  # fmt: skip


def query(operation, *more):
    """Every parameter that is needed, and ``more``."""
    parameters = [each["name"] for each in operation[3]["parameters"] if each["in"] == "query"]
    changed = {name for name, _ in more}
    needed = [(name, NEEDED[name]) for name in parameters if name in NEEDED and name not in changed]
    return "&".join(f"{name}={value}" for name, value in [*needed, *more])


def takes_anything(name):
    return name in ("timelineId", "owners[]", "usernames[]", "courseId", "key", "active", "q", "enabled")


ODD_VALUES = [
    "%00", "a%00", "%ff%fe", "%ed%a0%80", "1e999", "-1e999", str(2**70), str(-(2**70)), "nan", "inf", "x" * 5_000,
    "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00%2b14:00", "2026-02-30", "[]", "%F0%9F%92%A9", "0x10", "_1", "true",
]  # fmt: skip


@pytest.mark.parametrize(("operation", "parameter"), _parameters())
async def test_an_odd_query_is_named(house, admin, operation, parameter):
    _, method, path, documented, _ = operation
    for value in ODD_VALUES:
        url = f"{address(house, path, session_id='nowhere')}?{query(operation, (parameter, value))}"
        answer = await admin.request(method, url, json={} if method == "patch" else None)
        with given(value):
            if "%00" in value or answer.status_code in (400, 422):
                refused(operation, answer, 400, field=parameter)
                continue
            number = parameter in ("started_after", "stopped_before", "skip", "take", "limit", "after")
            day = documented["operationId"] == "stats" and parameter in (
                "from",
                "to",
            )  # takes the date of a time
            fine = (
                takes_anything(parameter)
                or (number and value.lstrip("-").isdigit())
                or (day and "T" in value)
            )
            assert fine or answer.status_code == 404, f"{answer.status_code}: {answer.text[:200]}"
            assert str(answer.status_code) in documented["responses"]


@pytest.mark.parametrize(("operation", "parameter"), _parameters())
async def test_a_query_key_given_twice_is_no_500(house, admin, operation, parameter):
    _, method, path, documented, _ = operation
    value = NEEDED.get(parameter, "1")
    url = f"{address(house, path, session_id='nowhere')}?{query(operation, (parameter, value), (parameter, value))}"
    answer = await admin.request(method, url, json={} if method == "patch" else None)
    assert str(answer.status_code) in documented["responses"]
    assert answer.status_code < 500


@pytest.mark.parametrize(
    ("path", "parameter"),
    [
        ("/api/v2/sessions", "usernames[]"),
        ("/api/v2/stats", "usernames[]"),
        ("/schedule/free-busy", "owners[]"),
    ],
)
async def test_ten_thousand_filters_are_400(house, admin, path, parameter):
    operation = next(each for each in OPERATIONS if each[2] == path)
    many = [(parameter, f"u{number}") for number in range(10_000)]
    answer = await longer_than_httpx_allows(house, admin, path, query(operation, *many))
    refused(operation, answer, 400, field=parameter)


async def longer_than_httpx_allows(house, client, path, query_string):
    """A GET whose query is too long for the client that the other tests use."""
    sent = []
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http", "path": path,
        "raw_path": path.encode(), "root_path": "", "query_string": query_string.encode(), "client": ("127.0.0.1", 9),
        "headers": [(b"host", b"stoa.test"), (b"authorization", client.headers["authorization"].encode())],
        "server": ("stoa.test", 80), "state": {},
    }  # fmt: skip

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    await house.app(scope, receive, send)
    content = b"".join(message.get("body", b"") for message in sent)
    return httpx.Response(sent[0]["status"], headers=sent[0]["headers"], content=content)


@pytest.mark.parametrize(
    "cursor",
    ["!", "%F0%9F%92%A9", "A", "bnVsbA", "W10", "WzEsMiwzXQ", "W251bGwsbnVsbCxudWxsXQ", "x" * 399,
     base64.urlsafe_b64encode(b"[" * 280).decode().rstrip("="),
     base64.urlsafe_b64encode(b"[" * 9_000).decode().rstrip("="),
     base64.urlsafe_b64encode(json.dumps([2**70, "a", "b"]).encode()).decode().rstrip("="),
     base64.urlsafe_b64encode(json.dumps([1, "a\0", "b"]).encode()).decode().rstrip("="),
     base64.urlsafe_b64encode(json.dumps([1, "a\0"]).encode()).decode().rstrip("="),
     base64.urlsafe_b64encode(b'[1, "\\ud800"]').decode().rstrip("="),
     base64.urlsafe_b64encode(b'[1, "\\ud800", "a"]').decode().rstrip("="),
     base64.urlsafe_b64encode(b'[NaN, "a"]').decode().rstrip("="),
     base64.urlsafe_b64encode(b"[" + b"9" * 5000 + b', "a"]').decode().rstrip("=")],
    ids=lambda cursor: cursor[:12],
)  # fmt: skip
@pytest.mark.parametrize(
    "path", ["/api/v2/sessions", "/schedule/occurrences", "/schedule/sessions/{session_id}/occurrences"]
)
async def test_a_cursor_that_no_answer_gave_is_400(house, admin, path, cursor):
    operation = next(each for each in OPERATIONS if each[2] == path)
    url = f"{address(house, path)}?{query(operation, ('limit', '5') if 'v2' in path else ('x', 'y'), ('cursor', cursor))}"
    refused(operation, await admin.get(url), 400, field="cursor")


# --- who asks ----------------------------------------------------------------------------------------------------


def b64(value):
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


async def proofs(house):
    """Every proof that is no good, by its name."""
    async with house.client("ada.admin") as admin:
        made = await admin.get("/auth/me")
        assert made.status_code == 200
    now = int(house.clock.now().timestamp())
    claims = {
        "iss": "stoa", "aud": "stoa", "sub": house.ids["ada.admin"], "sid": "a", "jti": "j", "iat": now, "exp": now + 900,
    }  # fmt: skip
    kid, secret = house.signing_key()

    def token(key=secret, claims=claims, typ="at+jwt", algorithm="HS256", **header):
        return jwt.encode(claims, key, algorithm=algorithm, headers={"kid": kid, "typ": typ} | header)

    good = token()
    head = {"alg": "none", "typ": "at+jwt", "kid": kid}
    return {
        "alg none": f"{b64(head)}.{b64(claims)}.",
        "alg None": f"{b64(head | {'alg': 'None'})}.{b64(claims)}.",
        "alg none, signed": f"{b64(head)}.{b64(claims)}.{good.split('.')[2]}",
        "another key": token(key="k" * 43),
        "another algorithm": token(algorithm="HS512"),
        "expired": token(claims=claims | {"iat": now - 1000, "exp": now - 100}),
        "not yet": token(claims=claims | {"nbf": now + 900}),
        "a refresh token": token(typ="rt+jwt"),
        "a cookie": token(typ="lc+jwt"),
        "no typ": token(typ="JWT"),
        "another issuer": token(claims=claims | {"iss": "elsewhere"}),
        "another audience": token(claims=claims | {"aud": "elsewhere"}),
        "no such login": good,
        "no subject": token(claims={name: claims[name] for name in claims if name != "sub"}),
        "an expiry that is no number": token(claims=claims | {"iat": "now"}),
        "an expiry beyond time": token(claims=claims | {"exp": 2**70}),
        "unknown key": token(kid="nowhere"),
        "a key that is a path": token(kid="../../etc/passwd"),
        "a key that is a list": _signed(head | {"alg": "HS256", "kid": [kid]}, claims, secret),
        "no object": _signed(head | {"alg": "HS256"}, [], secret),
        "deep": _signed(b'{"alg":"HS256","typ":"at+jwt","a":' + b"[" * 2_000, claims, secret),
        "an unknown API key": "stoa_" + "x" * 43,
        "nothing": "",
        "words": "let me in",
        "very long": "x" * 30_000,
    }


def _signed(header, claims, secret):
    signed = f"{b64(header)}.{b64(claims)}"
    key = secret if isinstance(secret, bytes) else secret.encode()
    return f"{signed}.{b64(hmac.digest(key, signed.encode(), hashlib.sha256))}"


@each_of(GUARDED)
async def test_a_bad_proof_is_401(house, operation):
    _, method, path, _, _ = operation
    for name, proof in (await proofs(house)).items():
        async with house.client(authorization=f"Bearer {proof}") as stranger:
            answer = await stranger.request(method, address(house, path), json=BODIES.get((method, path)))
        assert answer.status_code == 401, f"{name}: {answer.status_code} {answer.text}"
        assert answer.headers["www-authenticate"] == "Bearer"
        refused(operation, answer, 401)


NO_PROOFS = (
    *({}, {"authorization": "Basic YWRhOnB3"}, {"authorization": "Bearer"}, {"x-api-key": "x"}),
    *({"cookie": "stoa_login=x"}, {"cookie": 'stoa_login="'}),
)


@each_of(GUARDED)
async def test_nobody_is_401_whatever_the_body(house, operation):
    _, method, path, _, _ = operation
    for headers in NO_PROOFS:
        async with house.client(**headers) as nobody:
            answer = await nobody.request(method, address(house, path), content=b"{")
        with given(headers):
            refused(operation, answer, 401)


@each_of([each for each in OPERATIONS if each not in GUARDED])
async def test_what_needs_no_proof_says_so_and_takes_a_bad_one(house, operation):
    _, method, path, documented, _ = operation
    async with house.client(authorization="Bearer nonsense") as nobody:
        answer = await nobody.request(method, address(house, path), content=b"{")
    assert str(answer.status_code) in documented["responses"]
    assert answer.status_code != 401


@pytest.mark.parametrize("who", ["lea.student", "tom.teacher"])
async def test_another_users_things_are_not_ones_own(house, who):
    """Somebody else's id in a path: 403 or 404, whatever is asked of it."""
    async with house.client(who) as client:
        asked = [
            await client.patch(f"/schedule/sessions/{house.session}", json={"name": "Mine"}),
            await client.patch(
                f"/schedule/sessions/{house.session}?scope=this&occurrence=2026-03-06", json={}
            ),
            await client.delete(f"/schedule/sessions/{house.session}"),
            await client.patch(f"/schedule/sessions/{house.session}/removedAt"),
            await client.patch("/schedule/sessions/removedAt", json=[house.session]),
            await client.patch(f"/schedule/timelines/{house.timeline}", json={"name": "Mine"}),
            await client.delete(f"/schedule/timelines/{house.timeline}"),
            await client.post(f"/schedule/timelines/{house.timeline}/calendar-link"),
            await client.get(f"/schedule/timelines/{house.timeline}/calendar.ics?key=x"),
            await client.delete(f"/api/v1/users/{house.ids['ada.admin']}"),
            await client.put("/api/v1/users", json={"_id": house.ids["ada.admin"], "firstName": "Mine"}),
            await client.delete(f"/auth/keys/{house.keys['ada.admin']}"),
        ]
    assert {answer.status_code for answer in asked} <= {403, 404}, [answer.text for answer in asked]


# --- methods and addresses ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted({each[2] for each in OPERATIONS}))
async def test_a_method_that_is_not_there_is_405_and_says_which_are(house, admin, path):
    kind = next(each[0] for each in OPERATIONS if each[2] == path)
    known = {each[1] for each in OPERATIONS if each[2] == path}
    for method in ({*METHODS, "trace", "connect", "brew", "head"} - known) - (
        {"head"} if "get" in known else set()
    ):
        answer = await admin.request(method.upper(), address(house, path), content=b"{")
        assert answer.status_code == 405, f"{method}: {answer.status_code} {answer.text}"
        assert known <= {each.strip().lower() for each in answer.headers["allow"].split(",")}
        if method != "head":
            assert sentence(kind, answer.json())[0]


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/schedule/nowhere", "accounts"), ("/schedule/sessions/a/b/c", "schedule"), ("/api/v2/nowhere", "activity"),
     ("/api/v1/users/a/b", "accounts"), ("/nowhere", "accounts"), ("/%ff", "accounts"), ("/%00", "accounts"),
     ("/schema/nowhere", "accounts"), ("/schema/nowhere/openapi.json", "accounts"),
     ("/schema/ui/../../pyproject.toml", "accounts"), ("/schema/ui/%2e%2e/%2e%2e/__init__.py", "accounts"),
     ("/schema/ui/%00", "accounts"), ("/" + "x" * 20_000, "accounts")],
    ids=lambda value: value[:30],
)  # fmt: skip
async def test_an_address_that_is_none_is_404(admin, path, kind):
    answer = await admin.get(httpx.URL(scheme="http", host="stoa.test", raw_path=path.encode()))
    assert answer.status_code in (400, 404)
    assert sentence(kind, answer.json())[0]
