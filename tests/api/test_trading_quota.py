"""How many sessions one person may have under way."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.support.trading import put_market, session_body

from stoa.settings import Trading

pytestmark = pytest.mark.anyio
SERVED = ("trading",)
MOST = 2


@pytest.fixture
def settings(settings):
    return replace(settings, trading=Trading(active_sessions=MOST))


class Person:
    def __init__(self, client, market):
        self.client, self.market = client, market

    async def draft(self):
        answer = await self.client.post("/trading/sessions", json=session_body(self.market))
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    async def asked(self, session, action, body=None):
        return await self.client.post(f"/trading/sessions/{session}/{action}", json=body)

    async def does(self, session, action, body=None):
        answer = await self.asked(session, action, body)
        assert answer.status_code < 300, answer.text


@pytest.fixture
async def lea(house):
    async with house.client("lea.student") as client:
        yield Person(client, put_market(house))


async def test_what_would_be_one_too_many_is_403_and_changes_nothing(house, lea):
    running, paused, over, draft = [await lea.draft() for _ in range(4)]
    for session, action in (
        (over, "start"),
        (over, "stop"),
        (running, "start"),
        (paused, "start"),
        (paused, "pause"),
    ):
        await lea.does(session, action)
    before = house.dump()
    moment = {"to": "2017-01-02T01:00:00Z", "confirm": True}
    for answer in (
        await lea.asked(draft, "start"),
        await lea.asked(draft, "advance", {"bars": 1}),
        await lea.client.put(f"/trading/sessions/{draft}", json={"session_status": "RUNNING", "speed": "5x"}),
        await lea.asked(over, "seek", moment),
        await lea.asked(over, "fork", {"at": moment["to"]}),
        await lea.client.post("/trading/sessions", json=session_body(lea.market)),
    ):
        assert answer.status_code == 403, answer.text
        assert str(MOST) in answer.json()["error"]
    assert house.dump() == before
    assert (await lea.asked(running, "start")).status_code == 400, "what can not be is said first"
    for session, action in ((running, "pause"), (running, "resume"), (paused, "resume")):
        await lea.does(session, action)
    await lea.does(running, "stop")
    await lea.does(draft, "start")


async def test_what_the_clock_has_completed_does_not_count(house, lea):
    for _ in range(MOST):
        await lea.does(await lea.draft(), "start")
    assert (await lea.client.post("/trading/sessions", json=session_body(lea.market))).status_code == 403
    house.clock.advance(timedelta(hours=1))
    await lea.does(await lea.draft(), "start")


async def test_of_many_that_begin_at_once_so_many_do(lea):
    drafts = [await lea.draft() for _ in range(6)]
    answers = await asyncio.gather(*(lea.asked(draft, "start") for draft in drafts))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 403, 403, 403, 403]


async def test_administrators_have_as_many_as_they_like(house, lea):
    drafts = [await lea.draft() for _ in range(MOST + 1)]
    async with house.client("ada.admin") as client:
        ada = Person(client, lea.market)
        for session in (*drafts, *[await ada.draft() for _ in range(MOST + 1)]):
            await ada.does(session, "start")
