"""Trading over HTTP, as the document says."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import event
from tests.support.trading import HOURS, put_market, session_body, walk

from stoa import server as composition
from stoa.platform.timers import Sweeper
from stoa.trading import due
from stoa.trading.model import Timeframe

pytestmark = pytest.mark.anyio
SERVED = ("trading",)
SECOND = timedelta(seconds=1)


@pytest.fixture
async def market(house):
    return put_market(house)


@pytest.fixture
async def lea(house):
    async with house.client("lea.student") as client:
        yield client


@pytest.fixture
async def tom(house):
    async with house.client("tom.teacher") as client:
        yield client


@pytest.fixture
async def ada(house):
    async with house.client("ada.admin") as client:
        yield client


def ok(answer, status=200):
    assert answer.status_code == status, answer.text
    return answer.json() if answer.content else None


def refused(answer, status, *words):
    assert answer.status_code == status, answer.text
    assert set(answer.json()) <= {"error", "details"}
    for word in words:
        assert word in answer.text
    return answer.json()


async def create(client, market, **more):
    return ok(await client.post("/trading/sessions", json=session_body(market, **more)), 201)


async def act(client, session, action, body=None, status=200):
    answer = await client.post(f"/trading/sessions/{session['id']}/{action}", json=body)
    return ok(answer, status)


async def started(client, market, **more):
    return await act(client, await create(client, market, **more), "start")


async def paused(client, market, bars=10, **more):
    return await act(client, await create(client, market, **more), "advance", {"bars": bars})


async def buy(client, session, lots=0.1, **more):
    body = {"session_id": session["id"], "side": "BUY", "quantity_lots": lots} | more
    return ok(await client.post("/trading/positions", json=body), 201)


async def account(client, session):
    return ok(await client.get(f"/trading/sessions/{session['id']}/account"))


async def rows(client, session, what):
    answer = ok(await client.get(f"/trading/sessions/{session['id']}/{what}?sort=id&order=asc&limit=100"))
    assert answer["total"] == len(answer[what])
    return answer[what]


async def balanced(client, session):
    """The sum of the transactions is the balance; each follows from the one before."""
    balance = Decimal(0)
    for row in await rows(client, session, "transactions"):
        balance += Decimal(str(row["amount"]))
        assert Decimal(str(row["balance_after"])) == balance
    assert Decimal(str((await account(client, session))["balance"])) == balance


# --- sessions ----------------------------------------------------------------------------------------------------


async def test_a_session_is_as_documented(house, market, lea):
    session = await create(lea, market)
    assert session == {
        "id": session["id"], "user_id": session["user_id"], "instrument_id": market, "timeframe": "H1",
        "session_status": "DRAFT", "speed": "1x", "start_ts": "2017-01-02T00:00:00Z", "end_ts": None,
        "initial_balance": 10000.0, "leverage": 100.0, "spread_pts": 20, "slippage_pts": 5,
        "commission_per_fill": 7.0, "created_at": "2026-03-02T12:00:00Z", "updated_at": "2026-03-02T12:00:00Z",
    }  # fmt: skip
    assert ok(await lea.get(f"/trading/sessions/{session['id']}")) == session
    assert ok(await lea.get("/trading/sessions")) == {
        "sessions": [session],
        "total": 1,
        "page": 1,
        "limit": 20,
    }


async def test_creation_books_the_deposit(market, lea):
    session = await create(lea, market, name="Mine")
    assert session["name"] == "Mine"
    (deposit,) = await rows(lea, session, "transactions")
    assert (deposit["transaction_type"], deposit["amount"], deposit["balance_after"]) == (
        "DEPOSIT",
        10000.0,
        10000.0,
    )
    assert deposit["position_id"] is None


WRONG = {
    "instrument_id": [0, -1, "1", 10**30, None, 1.5, 77],
    "timeframe": ["H3", "", None, 5, "h1"],
    "speed": ["4x", 1, None],
    "start_ts": ["yesterday", "2017-01-02", None, 5, "2016-12-30T00:00:00Z", "2030-01-01T00:00:00Z"],
    "end_ts": ["2017-01-01T00:00:00Z", "2017-01-02T00:00:00Z", 7],
    "initial_balance": [0, -1, "10000", None, 1e308, 1e13],
    "leverage": [0, -1, None, 1e308],
    "spread_pts": [-1, 0.5, None, 10**9],
    "slippage_pts": [-1, "5", None],
    "commission_per_fill": [-1, None, 1e308],
    "name": [7, "x" * 201],
}  # fmt: skip


@pytest.mark.parametrize("field", WRONG)
async def test_a_session_that_can_not_be_is_refused_and_its_field_named(house, market, lea, field):
    before = house.dump()
    for value in WRONG[field]:
        answer = await lea.post("/trading/sessions", json=session_body(market) | {field: value})
        assert answer.status_code in (400, 422), (value, answer.text)
        assert answer.json()["details"][0]["field"] == field, (value, answer.text)
        assert field in answer.json()["error"]
    assert house.dump() == before


async def test_an_end_that_leaves_no_candle_is_named(market, lea):
    for start, end in (("00:30", "01:00"), ("00:30", "00:45")):
        body = session_body(market, start_ts=f"2017-01-03T{start}:00Z", end_ts=f"2017-01-03T{end}:00Z")
        said = refused(await lea.post("/trading/sessions", json=body), 400)
        assert [each["field"] for each in said["details"]] == ["end_ts"]
    for leverage in (0.333333333333, 1e-9):
        refused(
            await lea.post("/trading/sessions", json=session_body(market, leverage=leverage)),
            400,
            "8 decimals",
        )


async def test_what_is_no_json_is_400_and_what_breaks_the_schema_422(market, lea):
    refused(await lea.post("/trading/sessions", content=b'{"instrument_id": NaN}'), 400)
    refused(await lea.post("/trading/sessions", content=b"{"), 400)
    assert refused(await lea.post("/trading/sessions"), 400) == {"error": "A JSON body is needed."}
    said = refused(await lea.post("/trading/sessions", json={}), 422, "instrument_id")
    assert said["details"] == [{"field": "instrument_id", "message": "is required."}]


async def test_a_disabled_instrument_is_not_played(market, lea, ada):
    ok(await ada.post(f"/trading/instruments/{market}/disable"))
    refused(await lea.post("/trading/sessions", json=session_body(market)), 400, "disabled")


ACTIONS = ("start", "pause", "resume", "stop", "archive")
STATUSES = {"DRAFT": (), "RUNNING": ("start",), "PAUSED": ("start", "pause"), "COMPLETED": ("start", "stop"),
            "ARCHIVED": ("start", "stop", "archive")}  # fmt: skip
LEADS = {
    ("DRAFT", "start"): "RUNNING", ("RUNNING", "pause"): "PAUSED", ("PAUSED", "resume"): "RUNNING",
    ("RUNNING", "stop"): "COMPLETED", ("PAUSED", "stop"): "COMPLETED", ("COMPLETED", "archive"): "ARCHIVED",
}  # fmt: skip


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("action", ACTIONS)
async def test_the_lifecycle_is_its_table(house, market, lea, status, action):
    session = await create(lea, market)
    for step in STATUSES[status]:
        session = await act(lea, session, step)
    assert session["session_status"] == status
    before = house.dump()
    answer = await lea.post(f"/trading/sessions/{session['id']}/{action}")
    if (status, action) in LEADS:
        assert ok(answer)["session_status"] == LEADS[status, action]
    else:
        refused(answer, 400)
        assert house.dump() == before


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("wanted", [*STATUSES, "NONSENSE"])
async def test_put_of_a_status_obeys_the_same_table(house, market, lea, status, wanted):
    session = await create(lea, market)
    for step in STATUSES[status]:
        session = await act(lea, session, step)
    before = house.dump()
    answer = await lea.put(f"/trading/sessions/{session['id']}", json={"session_status": wanted})
    ways = {leads for (at, _), leads in LEADS.items() if at == status}
    if wanted == "NONSENSE":
        refused(answer, 422, "session_status")
    elif wanted in ways or (wanted == status and status != "ARCHIVED"):
        assert ok(answer)["session_status"] == wanted
    else:
        refused(answer, 400)
        assert house.dump() == before


async def test_put_changes_speed_end_and_name(house, market, lea):
    session = await started(lea, market)
    house.clock.advance(5 * SECOND)
    body = {"speed": "10x", "end_ts": "2017-01-04T00:00:00Z", "name": "Faster"}
    changed = ok(await lea.put(f"/trading/sessions/{session['id']}", json=body))
    assert {name: changed[name] for name in body} == body
    assert changed["updated_at"] == "2026-03-02T12:00:05Z"
    house.clock.advance(2 * SECOND)
    assert (await account(lea, session))["bar"] == 25
    house.clock.advance(10 * SECOND)
    assert ok(await lea.get("/trading/sessions"))["sessions"][0]["session_status"] == "COMPLETED"
    assert (await account(lea, session))["bar"] == 47
    cleared = ok(await lea.put(f"/trading/sessions/{session['id']}", json={"name": None}))
    assert "name" not in cleared


async def test_a_draft_is_changed_and_then_played(house, market, lea):
    session = await create(lea, market)
    path = f"/trading/sessions/{session['id']}"
    changed = ok(await lea.put(path, json={"name": "Later", "speed": "5x", "end_ts": "2017-01-03T00:00:00Z"}))
    assert (changed["session_status"], changed["speed"]) == ("DRAFT", "5x")
    for end in ("2017-01-02T00:00:00Z", "2016-01-01T00:00:00Z"):
        refused(await lea.put(path, json={"end_ts": end}), 400, "end_ts")
    await act(lea, session, "start")
    house.clock.advance(timedelta(minutes=1))
    assert ok(await lea.get(path))["session_status"] == "COMPLETED"
    assert (await account(lea, session))["bar"] == 23
    await balanced(lea, session)


async def test_an_end_before_now_is_refused(house, market, lea):
    session = await started(lea, market)
    house.clock.advance(50 * SECOND)
    before = house.dump()
    for end in ("2017-01-02T05:00:00Z", "2016-01-01T00:00:00Z"):
        refused(await lea.put(f"/trading/sessions/{session['id']}", json={"end_ts": end}), 400, "end_ts")
    assert house.dump() == before


async def test_an_end_that_changes_what_decides_inside_a_bar_is_refused(house, lea):
    """Minutes are stored of the second half only: with them the account so far would be another one."""
    quarters = walk(HOURS * 4, timeframe=Timeframe.M15)
    minutes = walk(60, timeframe=Timeframe.M1, start=int(quarters.ts[HOURS * 2]))
    market = put_market(house, quarters, minutes)
    session = await create(lea, market, end_ts="2017-01-04T00:00:00Z")
    path = f"/trading/sessions/{session['id']}"
    for end in (None, "2017-01-04T00:00:00Z"):
        ok(await lea.put(path, json={"end_ts": end}))
    await act(lea, session, "advance", {"bars": 5})
    refused(await lea.put(path, json={"end_ts": None}), 400, "end_ts", "finer")
    assert (
        ok(await lea.put(path, json={"end_ts": "2017-01-05T00:00:00Z"}))["end_ts"] == "2017-01-05T00:00:00Z"
    )


@pytest.mark.parametrize("status", ["RUNNING", "PAUSED"])
async def test_an_end_that_is_reached_completes_at_once(house, market, lea, status):
    session = await started(lea, market)
    house.clock.advance(5 * SECOND)
    await buy(lea, session)
    if status == "PAUSED":
        await act(lea, session, "pause")
    path, now = f"/trading/sessions/{session['id']}", (await account(lea, session))["now"]
    ended = ok(await lea.put(path, json={"end_ts": now, "name": "Over"}))
    assert (ended["session_status"], ended["end_ts"]) == ("COMPLETED", now)
    assert ok(await lea.get(path)) == ended
    (position,) = await rows(lea, session, "positions")
    assert (position["position_status"], position["closed_at"]) == ("CLOSED", now)
    await balanced(lea, session)
    refused(await lea.put(path, json={"end_ts": None}), 400, "end_ts", "over")


async def test_what_begins_at_its_last_bar_is_complete_at_once(market, lea):
    one = await create(lea, market, end_ts="2017-01-02T01:00:00Z")
    begun = await act(lea, one, "start")
    assert (begun["session_status"], (await account(lea, one))["bar"]) == ("COMPLETED", 0)
    last = await act(lea, one, "fork", {"at": "2017-01-02T01:00:00Z"}, 201)
    assert last["session_status"] == "PAUSED"
    assert (await act(lea, last, "resume"))["session_status"] == "COMPLETED"
    extended = await act(lea, one, "fork", {"at": "2017-01-02T01:00:00Z"}, 201)
    body = {"end_ts": "2017-01-02T05:00:00Z", "session_status": "RUNNING"}
    extended = ok(await lea.put(f"/trading/sessions/{extended['id']}", json=body))
    assert extended["session_status"] == "RUNNING"


async def test_nothing_changes_in_an_archived_session_but_its_deletion(house, market, lea, ada):
    session = await paused(lea, market)
    position = await buy(lea, session)
    report = await act(lea, session, "generate-report")
    await act(lea, session, "stop")
    await act(lea, session, "archive")
    before, path = house.dump(), f"/trading/sessions/{session['id']}"
    for method, where, body in (
        ("put", path, {"name": "Other"}), ("put", path, {"speed": "2x"}),
        ("post", path + "/advance", {"bars": 1}), ("post", path + "/generate-report", None),
        ("post", path + "/seek", {"to": "2017-01-02T05:00:00Z", "confirm": True}),
        ("post", "/trading/positions", {"session_id": session["id"], "side": "BUY", "quantity_lots": 0.1}),
        ("put", f"/trading/positions/{position['id']}", {"sl_price": 1.0}),
        ("delete", f"/trading/positions/{position['id']}", None),
        ("delete", f"/trading/reports/{report['id']}", None),
        ("put", f"/trading/reports/{report['id']}", {"summary_json": {}}),
        ("post", "/trading/reports", {"session_id": session["id"], "summary_json": {}, "equity_curve_json": {}}),
    ):  # fmt: skip
        refused(await lea.request(method, where, json=body), 400)
    entered = {
        "user_id": session["user_id"],
        "transaction_type": "ADJUSTMENT",
        "amount": 1,
        "balance_after": 1,
    }
    for more in ({"session_id": session["id"]}, {"position_id": position["id"]}):
        refused(await ada.post("/trading/transactions", json=entered | more), 400, "archived")
    (deposit, *_) = await rows(lea, session, "transactions")
    refused(await ada.delete(f"/trading/transactions/{deposit['id']}"), 400, "archived")
    assert house.dump() == before
    ok(await lea.delete(path), 204)
    refused(await lea.get(path), 404)
    assert ok(await lea.get("/trading/positions"))["total"] == 0
    assert ok(await lea.get("/trading/transactions"))["total"] == 0
    assert ok(await lea.get("/trading/reports"))["total"] == 0


async def test_people_see_their_own_rows_and_administrators_all(market, lea, tom, ada):
    mine, his = await paused(lea, market), await paused(tom, market)
    position = await buy(tom, his)
    for client, count in ((lea, 1), (tom, 1), (ada, 2)):
        assert ok(await client.get("/trading/sessions"))["total"] == count
    assert ok(await lea.get("/trading/positions"))["total"] == 0
    assert ok(await ada.get("/trading/positions"))["positions"] == [position]
    path = f"/trading/sessions/{his['id']}"
    for method, where, body in (
        ("get", path, None), ("put", path, {"name": "x"}), ("delete", path, None), ("post", path + "/stop", None),
        ("get", path + "/positions", None), ("get", path + "/orders", None), ("get", path + "/transactions", None),
        ("get", path + "/reports", None), ("get", path + "/account", None), ("get", path + "/candles", None),
        ("post", path + "/generate-report", None), ("post", path + "/advance", {"bars": 1}),
        ("post", path + "/fork", {"at": "2017-01-02T05:00:00Z"}),
        ("get", f"/trading/positions/{position['id']}", None),
        ("post", f"/trading/positions/{position['id']}/close", None),
        ("put", f"/trading/positions/{position['id']}", {"sl_price": None}),
        ("delete", f"/trading/positions/{position['id']}", None),
        ("post", "/trading/positions", {"session_id": his["id"], "side": "BUY", "quantity_lots": 0.1}),
        ("get", f"/trading/users/{his['user_id']}/transactions", None),
    ):  # fmt: skip
        refused(await lea.request(method, where, json=body), 403)
    assert ok(await ada.get(path))["id"] == his["id"]
    assert (await act(ada, mine, "stop"))["session_status"] == "COMPLETED"


async def test_what_is_not_there_is_404(market, lea):
    for where in ("sessions/99", "positions/99", "orders/99", "transactions/99", "reports/99", "sessions/99/positions",
                  "sessions/99/transactions", "sessions/99/reports", "sessions/99/account"):  # fmt: skip
        refused(await lea.get(f"/trading/{where}"), 404)
    body = {"session_id": 99, "side": "BUY", "quantity_lots": 0.1}
    refused(await lea.post("/trading/positions", json=body), 404)


async def test_lists_are_paged_sorted_and_dated(house, market, lea):
    for n, speed in enumerate(("10x", "2x", "1x")):
        await create(lea, market, speed=speed, initial_balance=900.0 + 100 * n)
        house.clock.advance(60 * SECOND)

    async def listed(**query):
        answer = ok(await lea.get("/trading/sessions", params=query))
        return [each["id"] for each in answer["sessions"]]

    assert await listed() == [3, 2, 1]
    assert await listed(order="asc") == [1, 2, 3]
    assert await listed(sort="speed", order="asc") == [3, 2, 1]
    assert await listed(sort="initial_balance", order="asc") == [1, 2, 3]
    assert await listed(limit=2, page=2) == [1]
    assert await listed(page=9) == []
    assert await listed(start_date="2026-03-02T12:01:00Z") == [3, 2]
    assert await listed(end_date="2026-03-02T12:01:00Z") == [2, 1]
    assert await listed(start_date="2026-03-02", end_date="2026-03-02") == [3, 2, 1]
    assert await listed(start_date="2026-03-03") == await listed(end_date="2026-03-01") == []
    for query in ({"sort": "snapshot"}, {"sort": "id; DROP"}, {"order": "up"}, {"page": 0}, {"limit": 101},
                  {"start_date": "soon"}, {"limit": "x"}):  # fmt: skip
        refused(await lea.get("/trading/sessions", params=query), 422, next(iter(query)))


async def test_a_lists_status_is_right_without_anybody_looking_and_costs_one_query(house, market, lea):
    for _ in range(5):
        await started(lea, market)
    counted = []
    engine = house.storage._read_engine if hasattr(house.storage, "_read_engine") else house.storage.engine
    event.listen(engine, "before_cursor_execute", lambda *args: counted.append(args[2]))
    for seconds, status in ((0, "RUNNING"), (HOURS - 2, "RUNNING"), (1, "COMPLETED")):
        house.clock.advance(seconds * SECOND)
        counted.clear()
        listed = ok(await lea.get("/trading/sessions?sort=session_status"))["sessions"]
        assert {each["session_status"] for each in listed} == {status}
        assert (
            sum("FROM trading_" in statement for statement in counted) == 2
        )  # the rows, and how many there are
    assert {each["end_ts"] for each in listed} == {"2017-01-18T16:00:00Z"}


async def test_every_sort_is_an_own_field(market, lea, ada):
    session = await paused(lea, market)
    position = await buy(lea, session)
    order = ok(await lea.post("/trading/orders", json={"session_id": session["id"], "order_type": "LIMIT", "side": "BUY",
                                                       "quantity_lots": 0.1, "price": 1.0}), 201)  # fmt: skip
    (deposit, *_) = await rows(lea, session, "transactions")
    for what, one in (
        ("sessions", session),
        ("positions", position),
        ("orders", order),
        ("transactions", deposit),
    ):
        for field in one:
            if field != "account":
                ok(await lea.get(f"/trading/{what}?sort={field}"))


# --- time --------------------------------------------------------------------------------------------------------


async def test_time_goes_by_the_clock(house, market, lea):
    session = await started(lea, market, speed="2x")
    assert (await account(lea, session))["bar"] == 0
    house.clock.advance(timedelta(seconds=3.5))
    assert (await account(lea, session))["bar"] == 7
    await act(lea, session, "pause")
    house.clock.advance(100 * SECOND)
    assert (await account(lea, session))["bar"] == 7
    await act(lea, session, "resume")
    house.clock.advance(SECOND)
    now = await account(lea, session)
    assert (now["bar"], now["now"]) == (9, "2017-01-02T10:00:00Z")


async def test_steps(market, lea):
    session = await create(lea, market)
    early = {"to": "2017-01-01T23:59:59Z"}
    refused(await lea.post(f"/trading/sessions/{session['id']}/advance", json=early), 400, "to")
    moved = await act(lea, session, "advance", {"bars": 3})
    assert (moved["session_status"], moved["account"]["bar"]) == ("PAUSED", 2)
    moved = await act(lea, session, "advance", {"to": "2017-01-03T00:59:59Z"})
    assert (moved["account"]["bar"], moved["account"]["now"]) == (23, "2017-01-03T00:00:00Z")
    for body in ({}, {"bars": 1, "until": "fill"}, {"bars": 0}, {"bars": -1}, {"until": "moon"}, {"to": "soon"},
                 {"bars": 1.5}):  # fmt: skip
        refused(await lea.post(f"/trading/sessions/{session['id']}/advance", json=body), 422)
    before = "2017-01-02T05:00:00Z"
    refused(await lea.post(f"/trading/sessions/{session['id']}/advance", json={"to": before}), 400, "to")
    await act(lea, session, "resume")
    refused(await lea.post(f"/trading/sessions/{session['id']}/advance", json={"bars": 1}), 400)


async def test_a_step_to_the_end_completes(market, lea):
    session = await paused(lea, market)
    await buy(lea, session)
    moved = await act(lea, session, "advance", {"bars": 10_000})
    assert (moved["session_status"], moved["account"]["bar"]) == ("COMPLETED", HOURS - 1)
    (position,) = await rows(lea, session, "positions")
    assert position["position_status"] == "CLOSED"
    assert position["closed_at"] == moved["end_ts"] == "2017-01-18T16:00:00Z"
    await balanced(lea, session)


async def test_until_the_next_fill(market, lea):
    session = await paused(lea, market)
    price = (await account(lea, session))["price"]
    position = await buy(lea, session, tp_price=round(price + 0.002, 5), sl_price=round(price - 0.002, 5))
    moved = await act(lea, session, "advance", {"until": "fill"})
    closed = ok(await lea.get(f"/trading/positions/{position['id']}"))
    assert closed["position_status"] == "CLOSED"
    assert closed["closed_at"] == moved["account"]["now"]
    assert moved["account"]["open_positions"] == 0


async def test_going_back_gives_the_exact_account_of_then(house, market, lea):
    session = await paused(lea, market, bars=20)
    first = await buy(lea, session)
    moved = await act(lea, session, "advance", {"bars": 20})
    then, held, booked = (
        moved["account"],
        await rows(lea, session, "positions"),
        await rows(lea, session, "transactions"),
    )
    await act(lea, session, "advance", {"bars": 5})
    await act_on(lea, first, "close")
    await buy(lea, session, 0.3)
    await act(lea, session, "advance", {"bars": 30})
    await act(lea, session, "generate-report")
    before = house.dump()
    back = f"/trading/sessions/{session['id']}/seek"
    refused(await lea.post(back, json={"to": then["now"]}), 409, "confirm")
    for to in ("2018-01-01T00:00:00Z", "2016-01-01T00:00:00Z"):
        refused(await lea.post(back, json={"to": to, "confirm": True}), 400, "to")
    assert house.dump() == before
    sought = ok(await lea.post(back, json={"to": then["now"], "confirm": True}))
    assert sought["account"] == then
    assert await rows(lea, session, "transactions") == booked
    (again,) = await rows(lea, session, "positions")
    assert again == held[0] | {"updated_at": again["updated_at"]}
    assert await rows(lea, session, "reports") == []
    await buy(lea, session, 0.2)
    await balanced(lea, session)


async def act_on(client, position, action, status=200):
    return ok(await client.post(f"/trading/positions/{position['id']}/{action}"), status)


async def test_a_completed_session_can_go_back(market, lea):
    session = await paused(lea, market, bars=20)
    await buy(lea, session)
    await act(lea, session, "advance", {"bars": 20})
    await act(lea, session, "stop")
    back = await act(lea, session, "seek", {"to": "2017-01-02T22:00:00Z", "confirm": True})
    assert (back["session_status"], back["end_ts"], back["account"]["open_positions"]) == ("PAUSED", None, 1)
    await balanced(lea, session)


@pytest.mark.parametrize("end", [False, True])
async def test_what_has_not_come_is_neither_gone_back_to_nor_copied(house, market, lea, end):
    session = await paused(lea, market)
    if end:
        await act(lea, session, "advance", {"bars": HOURS})
    now = (await account(lea, session))["now"]
    before, path = house.dump(), f"/trading/sessions/{session['id']}"
    for moment in (now.replace(":00:00Z", ":00:01Z"), "2017-01-18T16:00:01Z", "2030-01-01T00:00:00Z"):
        refused(await lea.post(path + "/seek", json={"to": moment, "confirm": True}), 400, "to")
        refused(await lea.post(path + "/fork", json={"at": moment}), 400, "at")
    assert house.dump() == before
    await act(lea, session, "fork", {"at": now}, 201)


async def test_a_fork_is_the_session_up_to_then(market, lea, ada):
    session = await paused(lea, market, bars=20)
    await buy(lea, session)
    then = (await act(lea, session, "advance", {"bars": 20}))["account"]
    await act(lea, session, "advance", {"bars": 1})
    await buy(lea, session, 0.5)
    await act(lea, session, "advance", {"bars": 20})
    before = await account(lea, session)
    copy = await act(lea, session, "fork", {"at": then["now"]}, 201)
    assert copy["id"] != session["id"]
    assert copy["session_status"] == "PAUSED"
    assert copy["account"] == then | {"session_id": copy["id"]}
    assert len(await rows(lea, copy, "positions")) == 1
    await balanced(lea, copy)
    await act(lea, copy, "advance", {"bars": 20})
    await balanced(lea, copy)
    assert await account(lea, session) == before
    now = await act(ada, session, "fork", {"at": before["now"]}, 201)
    assert now["account"] == before | {"session_id": now["id"]}
    refused(
        await lea.post(f"/trading/sessions/{session['id']}/fork", json={"at": "2018-01-01T00:00:00Z"}),
        400,
        "at",
    )


# --- positions and orders ----------------------------------------------------------------------------------------


async def test_the_server_fills_whatever_price_is_sent(market, lea):
    session = await paused(lea, market)
    price = Decimal(str((await account(lea, session))["price"]))
    position = await buy(lea, session, entry_price=7.0, candle_id=10**9)
    assert Decimal(str(position["entry_price"])) == price + Decimal("0.00025")
    assert (position["spread_cost"], position["slippage_cost"], position["commission_cost"]) == (
        2.0,
        0.5,
        7.0,
    )
    closed = await act_on(lea, position, "close")
    assert Decimal(str(closed["exit_price"])) == price - Decimal("0.00005")
    assert closed["realized_pnl"] == -3.0
    kinds = [each["transaction_type"] for each in await rows(lea, session, "transactions")]
    assert kinds == ["DEPOSIT", "COMMISSION", "PNL", "COMMISSION"]
    await balanced(lea, session)


@pytest.mark.parametrize(("field", "values"), {
    "quantity_lots": [0, -1, 1e308, 1e9, 0.001, "1", None, 0.015],
    "side": ["HOLD", None, 1],
    "sl_price": [-1, 0, "x", 1e308, 50.0, 1.000001],
    "tp_price": [-1, 0, "x", 1e308, 0.5, 1.000001],
    "session_id": ["x", None, 0, -1, 10**30],
    "fill": ["later"],
}.items())  # fmt: skip
async def test_a_position_that_can_not_be_changes_nothing(house, market, lea, field, values):
    session = await paused(lea, market)
    before = house.dump()
    for value in values:
        body = {"session_id": session["id"], "side": "BUY", "quantity_lots": 0.1} | {field: value}
        if body.get("sl_price", 1) is None or body.get("tp_price", 1) is None:
            continue
        said = refused(await lea.post("/trading/positions", json=body), (await _status(value)))
        assert said["details"][0]["field"] == field, (value, said)
    assert house.dump() == before


async def _status(value):
    """What the schema knows is 422; what only the market knows is 400."""
    return 400 if value in (1e9, 0.001, 0.015, 50.0, 0.5, 1.000001) else 422


async def test_margin(house, market, lea):
    session = await paused(lea, market)
    before = house.dump()
    said = refused(
        await lea.post(
            "/trading/positions", json={"session_id": session["id"], "side": "BUY", "quantity_lots": 100}
        ),
        400,
    )
    assert said == {"error": "insufficient margin"}
    assert house.dump() == before


async def test_only_running_and_paused_sessions_trade(house, market, lea):
    for status in ("DRAFT", "COMPLETED", "ARCHIVED"):
        session = await create(lea, market)
        for step in STATUSES[status]:
            session = await act(lea, session, step)
        before = house.dump()
        body = {"session_id": session["id"], "side": "BUY", "quantity_lots": 0.1}
        refused(await lea.post("/trading/positions", json=body), 400)
        assert house.dump() == before


async def test_orders_after_the_end_are_refused(house, market, lea):
    session = await started(lea, market)
    house.clock.advance(timedelta(days=1))
    body = {"session_id": session["id"], "side": "BUY", "quantity_lots": 0.1}
    refused(await lea.post("/trading/positions", json=body), 400)
    assert await rows(lea, session, "positions") == []


async def test_levels_are_set_and_cleared(market, lea):
    session = await paused(lea, market)
    position = await buy(lea, session)
    path = f"/trading/positions/{position['id']}"
    changed = ok(
        await lea.put(path, json={"sl_price": 1.0, "tp_price": 1.5, "realized_pnl": 99, "exit_price": 2})
    )
    assert (changed["sl_price"], changed["tp_price"], changed["realized_pnl"]) == (1.0, 1.5, 0.0)
    changed = ok(await lea.put(path, json={"tp_price": None}))
    assert (changed["sl_price"], changed["tp_price"]) == (1.0, None)
    refused(await lea.put(path, json={"sl_price": 9.0}), 400, "sl_price")
    closed = ok(await lea.put(path, json={"position_status": "CLOSED", "exit_price": 9}))
    assert (closed["position_status"], closed["sl_price"]) == ("CLOSED", 1.0)
    refused(await lea.put(path, json={"position_status": "OPEN"}), 400)
    refused(await lea.put(path, json={"sl_price": 1.0}), 400)
    refused(await lea.post(path + "/close"), 400)


async def test_a_margin_call_by_hand(market, lea):
    session = await paused(lea, market)
    position = await buy(lea, session)
    assert (await act_on(lea, position, "liquidate"))["position_status"] == "LIQUIDATED"
    refused(await lea.post(f"/trading/positions/{position['id']}/liquidate"), 400)
    await balanced(lea, session)


async def test_of_two_who_close_at_once_one_does(market, lea):
    session = await started(lea, market)
    position = await buy(lea, session)
    path = f"/trading/positions/{position['id']}/close"
    answers = await asyncio.gather(*(lea.post(path) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [200, 400, 400, 400, 400, 400]
    assert len(await rows(lea, session, "transactions")) == 4
    await balanced(lea, session)


async def test_a_deleted_position_is_closed_and_its_money_stays(market, lea):
    session = await paused(lea, market)
    position = await buy(lea, session)
    ok(await lea.delete(f"/trading/positions/{position['id']}"), 204)
    refused(await lea.get(f"/trading/positions/{position['id']}"), 404)
    assert await rows(lea, session, "positions") == []
    assert (await account(lea, session))["open_positions"] == 0
    await act(lea, session, "advance", {"bars": 5})
    assert await rows(lea, session, "positions") == []
    await balanced(lea, session)


async def test_a_deleted_position_that_is_open_again_is_seen(market, lea):
    session = await paused(lea, market)
    position = await buy(lea, session)
    await act(lea, session, "advance", {"bars": 5})
    ok(await lea.delete(f"/trading/positions/{position['id']}"), 204)
    back = await act(lea, session, "seek", {"to": "2017-01-02T12:00:00Z", "confirm": True})
    assert back["account"]["open_positions"] == 1
    (again,) = await rows(lea, session, "positions")
    assert (again["id"], again["position_status"]) == (position["id"], "OPEN")


async def place(client, session, kind, price, status=201, **more):
    body = {
        "session_id": session["id"],
        "order_type": kind,
        "side": "BUY",
        "quantity_lots": 0.1,
        "price": price,
    }
    return ok(await client.post("/trading/orders", json=body | more), status)


async def test_an_order_is_filled_while_nobody_looks(house, market, lea):
    session = await started(lea, market)
    house.clock.advance(10 * SECOND)
    bars = walk()
    level = int(bars.low[11:60].min()) + 20 + 1
    order = await place(lea, session, "LIMIT", level / 1e5)
    assert (order["order_status"], order["placed_at"]) == ("PENDING", "2017-01-02T11:00:00Z")
    house.clock.advance(60 * SECOND)
    filled = ok(await lea.get("/trading/orders"))["orders"][0]
    assert filled["order_status"] == "FILLED"
    (position,) = ok(await lea.get("/trading/positions"))["positions"]
    assert (position["id"], position["entry_price"]) == (filled["position_id"], level / 1e5)
    assert position["created_at"] < "2026-03-02T12:01:10Z"
    await balanced(lea, session)


async def test_an_order_that_is_rejected_is_so_at_its_bar(house, market, lea):
    session = await started(lea, market, leverage=1)
    house.clock.advance(10 * SECOND)
    lowest = int(walk().low[11:60].min()) + 20
    order = await place(lea, session, "LIMIT", (lowest + 1) / 1e5, quantity_lots=9)
    house.clock.advance(60 * SECOND)
    rejected = ok(await lea.get(f"/trading/orders/{order['id']}"))
    assert (rejected["order_status"], rejected["position_id"]) == ("REJECTED", None)
    assert rejected["closed_at"] < (await account(lea, session))["now"]
    assert await rows(lea, session, "positions") == []


async def test_timers_write_what_nobody_asks_for(house, market, lea):
    session = await started(lea, market)
    await buy(lea, session)
    house.clock.advance(timedelta(days=1))
    assert await Sweeper(house.storage, house.clock, due.handlers(house.inside)).sweep() == 1
    with house.storage.engine.connect() as connection:
        from stoa.trading import store

        row = store.get_session(connection, session["id"])
    assert (row.anchor.status, row.completes_at) == ("COMPLETED", None)
    assert await Sweeper(house.storage, house.clock, due.handlers(house.inside)).sweep() == 0


async def test_orders_are_changed_and_cancelled(house, market, lea):
    session = await paused(lea, market)
    order = await place(lea, session, "LIMIT", 1.0)
    path = f"/trading/orders/{order['id']}"
    assert ok(await lea.put(path, json={"sl_price": 0.9, "tp_price": 1.1}))["sl_price"] == 0.9
    assert ok(await lea.put(path, json={"tp_price": None}))["tp_price"] is None
    ok(await lea.delete(path), 204)
    assert ok(await lea.get(path))["order_status"] == "CANCELLED"
    refused(await lea.delete(path), 400)
    refused(await lea.put(path, json={"sl_price": 0.9}), 400)
    before = house.dump()
    body = {"session_id": session["id"], "order_type": "LIMIT", "side": "BUY", "quantity_lots": 0.1}
    refused(await lea.post("/trading/orders", json=body), 422, "price")
    refused(await lea.post("/trading/orders", json=body | {"price": 1.0000001}), 400, "price")
    refused(await lea.post("/trading/orders", json=body | {"price": -1}), 422, "price")
    assert house.dump() == before


async def test_the_next_open_fills_an_order_that_waits(market, lea):
    session = await paused(lea, market)
    body = {"session_id": session["id"], "side": "SELL", "quantity_lots": 0.1, "fill": "next_open"}
    order = ok(await lea.post("/trading/positions", json=body), 201)
    assert (order["order_type"], order["order_status"], order["price"]) == ("MARKET", "PENDING", None)
    await act(lea, session, "advance", {"bars": 1})
    (position,) = await rows(lea, session, "positions")
    opened = int(walk().open[10])
    assert position["entry_price"] == (opened - 5) / 1e5
    (order,) = await rows(lea, session, "orders")
    assert (order["order_status"], order["position_id"]) == ("FILLED", position["id"])


# --- transactions ------------------------------------------------------------------------------------------------


async def test_administrators_enter_and_delete_transactions(market, lea, ada):
    session = await paused(lea, market)
    await buy(lea, session)
    body = {"user_id": session["user_id"], "transaction_type": "ADJUSTMENT", "amount": 12.5, "balance_after": 99.0,
            "session_id": session["id"]}  # fmt: skip
    for unread in (body, {}):
        refused(await lea.post("/trading/transactions", json=unread), 403)
    hers = await account(lea, session)
    entered = ok(await ada.post("/trading/transactions", json=body), 201)
    assert {name: entered[name] for name in body} == body
    assert await account(lea, session) == hers
    await act(lea, session, "advance", {"bars": 5})
    ok(await lea.get(f"/trading/transactions/{entered['id']}"))
    refused(await lea.delete(f"/trading/transactions/{entered['id']}"), 403)
    ok(await ada.delete(f"/trading/transactions/{entered['id']}"), 204)
    refused(await lea.get(f"/trading/transactions/{entered['id']}"), 404)
    await balanced(lea, session)
    for field, value in (("user_id", 999), ("transaction_type", "GIFT"), ("amount", 1e308), ("amount", "1")):
        refused(
            await ada.post("/trading/transactions", json=body | {field: value}),
            400 if value == 999 else 422,
            field,
        )
    refused(await ada.post("/trading/transactions", json=body | {"session_id": 99}), 404)
    refused(await ada.post("/trading/transactions", json=body | {"position_id": 99}), 404)
    refused(await ada.get("/trading/users/999/transactions"), 404)
    mine = ok(await lea.get(f"/trading/users/{session['user_id']}/transactions"))
    assert mine["total"] == 2


# --- reports -----------------------------------------------------------------------------------------------------


async def test_a_report_tells_of_what_was_traded_by_now(market, lea):
    session = await paused(lea, market, name="<b>Bold</b>")
    refused(await lea.post(f"/trading/sessions/{session['id']}/generate-report"), 400, "no data")
    position = await buy(lea, session)
    await act(lea, session, "advance", {"bars": 5})
    await act_on(lea, position, "close")
    report = await act(lea, session, "generate-report")
    assert report["summary_json"]["total_trades"] == 1
    assert report["equity_curve_json"]["timestamps"][-1] <= (await account(lea, session))["now"]
    await act(lea, session, "advance", {"bars": 50})
    assert ok(await lea.get(f"/trading/reports/{report['id']}")) == report
    page = await lea.get(f"/trading/reports/{report['id']}/page")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "&lt;b&gt;Bold" in page.text
    assert "<script" not in page.text
    table = await lea.get(f"/trading/reports/{report['id']}/trades.csv")
    assert table.headers["content-type"] == "text/csv; charset=utf-8"
    assert len(table.text.splitlines()) == 2
    assert ok(await lea.get("/trading/reports"))["total"] == 1


async def test_reports_are_written_changed_and_deleted_by_hand(market, lea):
    session = await paused(lea, market)
    body = {"session_id": session["id"], "summary_json": {"a": 1}, "equity_curve_json": {"balances": []}}
    report = ok(await lea.post("/trading/reports", json=body), 201)
    path = f"/trading/reports/{report['id']}"
    assert ok(await lea.put(path, json={"summary_json": {"b": 2}}))["summary_json"] == {"b": 2}
    assert ok(await lea.get(path))["equity_curve_json"] == {"balances": []}
    refused(await lea.get(path + "/page"), 400)
    ok(await lea.delete(path), 204)
    refused(await lea.get(path), 404)


# --- candles -----------------------------------------------------------------------------------------------------


async def test_candles_end_at_the_sessions_now(market, lea, ada):
    session = await paused(lea, market, bars=10)
    shown = ok(await lea.get(f"/trading/sessions/{session['id']}/candles?order=asc"))
    assert (shown["total"], len(shown["candles"])) == (10, 10)
    newest = ok(await lea.get(f"/trading/sessions/{session['id']}/candles?limit=3"))["candles"]
    assert newest == shown["candles"][:-4:-1]
    part = ok(
        await lea.get(
            f"/trading/sessions/{session['id']}/candles?from=2017-01-02T08:00:00Z&to=2018-01-01T00:00:00Z"
        )
    )
    assert part["total"] == 2
    for path in (
        f"/trading/sessions/{session['id']}/candles?",
        f"/trading/instruments/{market}/candles?timeframe=H1&",
    ):
        assert ok(await lea.get(path + "from=2017-01-02&to=2017-01-02"))["total"] == 10
        assert ok(await lea.get(path + "from=2017-01-03"))["total"] == 0
    stored = ok(await lea.get(f"/trading/instruments/{market}/candles?timeframe=H1"))
    assert stored["total"] == 10
    assert ok(await ada.get(f"/trading/instruments/{market}/candles?timeframe=H1"))["total"] == HOURS


async def test_a_timeframe_is_built_from_a_finer_one(market, lea):
    session = await create(lea, market, timeframe="D1")
    moved = await act(lea, session, "advance", {"bars": 2})
    (newest, oldest) = ok(await lea.get(f"/trading/sessions/{session['id']}/candles"))["candles"]
    bars = walk()
    assert oldest["high"] == int(bars.high[:24].max()) / 1e5
    assert newest["close"] == int(bars.close[47]) / 1e5 == moved["account"]["price"]


async def test_an_instrument_that_is_played_stays(market, lea, ada):
    await create(lea, market)
    refused(await ada.delete(f"/trading/instruments/{market}"), 400)


async def test_alone_it_is_served_at_the_root(sqlite_house):
    market = put_market(sqlite_house)
    built = composition.build(sqlite_house.settings, only="trading", clock=sqlite_house.clock)
    async with replace(sqlite_house, app=built.app).client("lea.student") as client:
        session = ok(await client.post("/sessions", json=session_body(market)), 201)
        assert ok(await client.get("/sessions"))["sessions"] == [session]
        assert ok(await client.post(f"/sessions/{session['id']}/start"))["session_status"] == "RUNNING"
        assert ok(await client.get(f"/sessions/{session['id']}/transactions"))["total"] == 1
        assert refused(await client.get("/sessions/99"), 404) == {"error": "Session not found"}
        assert (await client.get("/trading/sessions")).status_code == 404
    await built.storage.close()
