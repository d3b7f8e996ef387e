"""Live over Daily: its webhooks, what makes up for them, and its API when it is slow, wrong or down."""

import asyncio
import json
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from tests.api.test_live import create, enter, token_of
from tests.support.daily import KEY, FakeDaily, at_daily, serving, signed
from tests.support.house import NOW
from tests.support.processes import command

from stoa.kernel.errors import StoaError
from stoa.live.daily._rest import DownError, RefusedError, Rest
from stoa.live.studio import Studio
from stoa.settings import Server, Settings

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def fake():
    with serving(FakeDaily()) as fake:
        yield fake


@asynccontextmanager
async def staged(house, fake):
    house.clock.set(NOW)
    house.fake, house.studio = fake, house.inside.part(Studio)
    house.provider = house.stage = at_daily(house, fake)
    house.daily = house.studio.provider
    async with house.client("ines.teacher") as teacher, house.client("lea.student") as student:
        house.teacher, house.student = teacher, student
        yield house
    await house.daily.stop()


@pytest.fixture
async def daily(empty_live_house, fake):
    async with staged(empty_live_house, fake) as house:
        yield house


@pytest.fixture
async def either(house, fake):
    """On SQLite and on PostgreSQL."""
    async with staged(house, fake) as built:
        yield built


async def call(house, *usernames, **more):
    """The name of a room with them in it."""
    room = (await create(house.teacher, **more))["roomName"]
    for username in usernames:
        async with house.client(username) as client:
            await enter(house, await token_of(client, room))
    return room


async def ledger(house, room):
    answer = await house.teacher.get(f"/live/sessions/{room}/participants")
    return [
        (one["name"].split()[0], one["joinedAt"][14:19], one["leftAt"] and one["leftAt"][14:19], one["wasKicked"])
        for one in answer.json()
    ]  # fmt: skip


async def status(house, room):
    return (await house.teacher.get(f"/live/sessions/{room}")).json()["status"]


async def recording(house, room):
    return (await house.teacher.get(f"/live/sessions/{room}/recording")).json()


def sid(house, username):
    who = house.ids[username]
    return next(one["session_id"] for one in house.fake.inside.values() if one["user_id"].startswith(who))


def event(kind, number=1, **payload):
    return {"version": "1.0.0", "type": kind, "id": f"e-{number}", "payload": payload, "event_ts": 0.5}


# --- rooms and tokens --------------------------------------------------------------------------------------------


async def test_a_room_is_private_and_a_token_is_for_one_user_in_it_and_for_a_minute(daily):
    room = (await create(daily.teacher, maxParticipants=5))["roomName"]
    _, entry = await daily.studio.admit(await daily.studio.read_token(await token_of(daily.student, room)))
    made = daily.fake.rooms[room]
    assert (made["privacy"], entry["url"]) == ("private", made["url"])
    assert made["config"] == {
        "max_participants": 5, "enable_recording": "cloud", "enforce_unique_user_ids": True,
        "eject_at_room_exp": True, "exp": int((daily.clock.now() + timedelta(hours=24)).timestamp()),
    }  # fmt: skip
    import jwt

    claims = jwt.decode(entry["token"], KEY, algorithms=["HS256"], options={"verify_exp": False})
    assert (claims["r"], claims["ud"], claims["u"]) == (room, daily.ids["lea.student"], "Lea Student")
    assert (claims["o"], claims["exp"] - claims["iat"]) == (False, 60)
    assert "p" not in claims


async def test_a_room_that_is_there_already_is_brought_up_to_date(daily):
    room = (await create(daily.teacher))["roomName"]
    daily.fake.rooms[room] = {
        "name": room,
        "url": "https://fake.daily.test/old",
        "config": {"max_participants": 1},
    }
    await enter(daily, await token_of(daily.student, room))
    assert "max_participants" not in daily.fake.rooms[room]["config"]
    assert daily.fake.rooms[room]["config"]["enable_recording"] == "cloud"


@pytest.mark.parametrize("how", ["gone", "expired"])
async def test_a_room_that_is_gone_can_be_closed(daily, how):
    room = await call(daily, recordingEnabled=False)
    await daily.daily.open_room(room, max_participants=None)
    if how == "gone":
        daily.fake.rooms.clear()
    else:
        daily.fake.rooms[room]["config"]["exp"] = 1
    assert (await daily.teacher.delete(f"/live/sessions/{room}")).status_code == 200
    assert daily.fake.rooms == {}


async def test_permissions_that_changed_after_the_token_hold(daily):
    room = await call(daily, "ines.teacher")
    await daily.studio.admit(await daily.studio.read_token(await token_of(daily.student, room)))
    path = f"/live/sessions/{room}/participants/{daily.ids['lea.student']}/permissions"
    await daily.teacher.post(path, json={"micAllowed": False})
    await daily.stage.answer(room, daily.ids["lea.student"], 1, "")
    one = daily.fake.inside[sid(daily, "lea.student")]
    assert one["can_send"] == ["video", "screenVideo", "customVideo"]
    await daily.teacher.post(path, json={"micAllowed": True, "cameraAllowed": False})
    assert one["can_send"] == ["audio", "screenAudio", "customAudio"]
    await daily.teacher.post(path, json={"cameraAllowed": True})
    assert one["can_send"] is True


async def test_who_was_kicked_is_not_let_back_even_if_daily_forgot(daily):
    room, who = await call(daily, "lea.student"), daily.ids["lea.student"]
    old = daily.fake.tokens[room, who]
    assert (await daily.teacher.post(f"/live/sessions/{room}/participants/{who}/kick")).status_code == 200
    with pytest.raises(Exception, match="banned"):
        daily.fake.join(old)
    daily.fake.banned.clear()
    daily.fake.join(old)
    await daily.stage.deliver()
    assert daily.fake.inside == {}
    assert all(kicked for _, _, _, kicked in await ledger(daily, room))
    await enter(daily, await token_of(daily.student, room))
    assert next(iter(daily.fake.inside.values()))["user_id"] == f"{who}-1"


# --- webhooks ----------------------------------------------------------------------------------------------------


async def test_bad_webhooks_change_nothing(daily):
    room = await call(daily, "lea.student")
    session_id, now = sid(daily, "lea.student"), daily.fake.now
    user = daily.ids["lea.student"]
    left = event(
        "participant.left", room=room, session_id=session_id, user_id=user, joined_at=now, duration=5
    )
    secret, before = daily.stage.secret, daily.dump()

    async def post(body, headers, expected):
        async with daily.client() as client:
            answer = await client.post("/live/webhooks/daily", content=body, headers=headers)
        assert answer.status_code == expected, answer.text
        if expected in (400, 401):
            assert set(answer.json()) == {"error"}
        after = daily.dump()
        for dump in (before, after):
            dump.pop("live_daily_events", None)
        assert after == before

    body, right = signed(left, secret, at=now)
    await post(body, {}, 401)
    await post(body, signed(left, b"another secret", at=now)[1], 401)
    await post(body + b" ", right, 401)
    await post(body, right | {"x-webhook-timestamp": str(int(now) + 1)}, 401)
    await post(body, right | {"x-webhook-timestamp": "soon"}, 401)
    await post(body, right | {"x-webhook-signature": "ÿ".encode("latin-1")}, 401)
    await post(*signed(left, secret, at=now - 301), 401)
    await post(*signed(left, secret, at=now + 301), 401)
    for garbage in (
        b"",
        b"[]",
        b"{",
        b"\xff\xfe",
        b'"text"',
        b"[" * 50_000,
        b'{"id": 1, "type": "x", "payload": {}}',
    ):
        await post(*signed(garbage, secret, at=now), 400)
    for number, odd in enumerate([
        event("meeting.exploded", room=room),
        event("participant.left", room=room),
        event("participant.left", **left["payload"] | {"duration": -1}),
        event("participant.left", **left["payload"] | {"joined_at": 1e300}),
        event("participant.left", **left["payload"] | {"room": "another"}),
        event("participant.left", **left["payload"] | {"room": "nul\0nul"}),
        event("participant.left", **left["payload"] | {"session_id": "x" * 37}),
        event("participant.joined", **left["payload"] | {"session_id": "new", "user_id": "nobody"}),
        event("participant.joined", **left["payload"] | {"session_id": "new", "user_id": None}),
        event("recording.started", recording_id="r", instance_id="unknown"),
        event("recording.ready-to-download", recording_id="r", room_name=room, start_ts=now, duration=5),
        event("recording.error", instance_id="unknown", room_name=room),
    ]):  # fmt: skip
        await post(*signed(odd | {"id": f"odd-{number}"}, secret, at=now), 200)
    await post(
        *signed(event("meeting.ended", room=room, end_ts=now, pad="x" * 1_000_000), secret, at=now), 413
    )
    await post(b'{"test":"test"}', {}, 200)
    await post(*signed(b'{"test": "test"}', secret, at=now), 200)
    in_millis, headers = signed(left, secret, at=now * 1000)
    async with daily.client() as client:
        assert (
            await client.post("/live/webhooks/daily", content=in_millis, headers=headers)
        ).status_code == 200
    assert (await ledger(daily, room))[0][2] == "00:05"


async def test_a_webhook_counts_once_however_often_it_comes(either):
    room = await call(either, "lea.student")
    either.clock.advance(timedelta(minutes=1))
    either.fake.leave(sid(either, "lea.student"))
    events = either.fake.taken()
    answers = await asyncio.gather(*(either.stage.post(one) for one in events * 5))
    assert {answer.status_code for answer in answers} == {200}
    assert await ledger(either, room) == [("Lea", "00:00", "01:00", False)]
    entries = [row for row in either.dump()["journal"] if "live.left" in row]
    assert len(entries) == 1


async def test_who_left_before_they_came_was_in_all_the_same(either):
    room = (await create(either.teacher))["roomName"]
    await either.studio.admit(await either.studio.read_token(await token_of(either.student, room)))
    either.fake.join(either.fake.tokens[room, either.ids["lea.student"]])
    either.clock.advance(timedelta(seconds=50))
    either.fake.leave(sid(either, "lea.student"))
    for one in reversed(either.fake.taken()):
        await either.stage.post(one)
    assert await ledger(either, room) == [("Lea", "00:00", "00:50", False)]
    assert await status(either, room) == "live"
    assert (await either.teacher.get(f"/live/sessions/{room}")).json()["endsAt"] is None


async def test_a_meeting_that_ended_long_ago_puts_nobody_out_who_came_since(daily):
    room = await call(daily, "lea.student")
    daily.clock.advance(timedelta(minutes=1))
    daily.fake.leave(sid(daily, "lea.student"))
    ended = daily.fake.taken()
    daily.clock.advance(timedelta(minutes=1))
    await enter(daily, await token_of(daily.student, room))
    for one in ended:
        await daily.stage.post(one)
    assert [left for _, _, left, _ in await ledger(daily, room)] == ["01:00", None]


async def test_old_events_are_forgotten(daily):
    await call(daily, "lea.student")
    from stoa.live import api as live_api

    for hours, left in ((71, 2), (2, 0)):
        daily.clock.advance(timedelta(hours=hours))
        await daily.studio.storage.write(live_api.sweep, now=daily.clock.now())
        assert len(daily.dump()["live_daily_events"]) == left


async def test_the_embedded_provider_takes_no_webhooks(tmp_path):
    from stoa import server
    from stoa.kernel.clock import SystemClock

    built = server.build(
        Settings(server=Server(data=str(tmp_path), database=f"sqlite:///{tmp_path}/x.db")),
        clock=SystemClock(),
    )
    import httpx

    transport = httpx.ASGITransport(app=built.app, client=("127.0.0.1", 9))
    async with httpx.AsyncClient(transport=transport, base_url="http://stoa.test") as client:
        answer = await client.post("/live/webhooks/daily", content=b'{"test":"test"}')
    assert (answer.status_code, set(answer.json())) == (404, {"message"})
    await built.storage.close()


# --- looks -------------------------------------------------------------------------------------------------------


async def test_lost_webhooks_are_made_up_for(either):
    room = (await create(either.teacher))["roomName"]
    await either.studio.admit(await either.studio.read_token(await token_of(either.student, room)))
    either.fake.join(either.fake.tokens[room, either.ids["lea.student"]])
    either.fake.taken()
    either.clock.advance(timedelta(seconds=20))
    await either.daily.watch.look()
    assert await ledger(either, room) == [("Lea", "00:00", None, False)]
    assert await status(either, room) == "live"
    either.clock.advance(timedelta(minutes=4))
    either.fake.leave(sid(either, "lea.student"))
    either.fake.taken()
    either.clock.advance(timedelta(seconds=20))
    await either.daily.watch.look()
    assert await ledger(either, room) == [("Lea", "00:00", "04:20", False)]


async def test_who_came_a_moment_ago_is_not_missed(daily):
    room = await call(daily, "lea.student")
    kept, daily.fake.inside = daily.fake.inside, {}  # it does not show them yet
    daily.clock.advance(timedelta(seconds=30))
    await daily.daily.watch.look()
    assert (await ledger(daily, room))[0][2] is None
    daily.clock.advance(timedelta(seconds=60))
    await daily.daily.watch.look()
    assert (await ledger(daily, room))[0][2] == "01:30"
    daily.fake.inside = kept  # it was wrong
    daily.clock.advance(timedelta(seconds=30))
    await daily.daily.watch.look_at_room(room)
    assert (await ledger(daily, room))[0][2] == "01:30"
    daily.clock.advance(timedelta(seconds=30))
    await daily.daily.watch.look_at_room(room)
    assert (await ledger(daily, room))[0][2] is None


async def test_who_is_on_no_list_since_it_was_cut_short_is_not_missed(daily):
    room = await call(daily, "ines.teacher", "lea.student")
    daily.fake.most_listed = 1
    daily.clock.advance(timedelta(minutes=5))
    await daily.daily.watch.look()
    assert [left for _, _, left, _ in await ledger(daily, room)] == [None, None]


async def test_a_place_that_nobody_takes_lapses(daily):
    room = (await create(daily.teacher, maxParticipants=1))["roomName"]
    await daily.studio.admit(await daily.studio.read_token(await token_of(daily.student, room)))
    assert (await daily.teacher.post(f"/live/sessions/{room}/token")).status_code == 409
    daily.clock.advance(timedelta(seconds=75))
    await daily.daily.watch.look()
    assert (await daily.teacher.post(f"/live/sessions/{room}/token")).status_code == 409
    daily.clock.advance(timedelta(seconds=15))
    await daily.daily.watch.look()
    assert (await daily.teacher.post(f"/live/sessions/{room}/token")).status_code == 200
    daily.fake.asked.clear()
    await daily.daily.watch.look()
    assert daily.fake.asked == []  # nothing goes on


async def test_a_class_that_all_left_ends_when_nobody_comes_back(daily):
    room = await call(daily, "lea.student", startsAt="2026-03-02T11:55:00Z")
    daily.clock.advance(timedelta(minutes=10))
    await daily.stage.leave(room, daily.ids["lea.student"])
    daily.clock.advance(timedelta(minutes=4))
    await daily.daily.watch.look()
    assert await status(daily, room) == "live"
    await enter(daily, await token_of(daily.student, room))
    daily.clock.advance(timedelta(minutes=4))
    await daily.daily.watch.look()
    assert await status(daily, room) == "live"
    await daily.stage.leave(room, daily.ids["lea.student"])
    daily.clock.advance(timedelta(minutes=5))
    await daily.daily.watch.look()
    ended = (await daily.teacher.get(f"/live/sessions/{room}")).json()
    assert (ended["status"], ended["endsAt"]) == ("ended", "2026-03-02T12:18:00.000Z")
    assert daily.fake.rooms == {}


async def test_who_tries_the_room_before_the_class_does_not_end_it(daily):
    room = await call(daily, "lea.student", startsAt="2026-03-02T12:30:00Z")
    await daily.stage.leave(room, daily.ids["lea.student"])
    daily.clock.advance(timedelta(minutes=40))
    await daily.daily.watch.look()
    assert await status(daily, room) == "live"


async def test_after_a_restart_everybody_is_where_they_were(daily):
    room = await call(daily, "lea.student", "ines.teacher")
    await daily.teacher.post(f"/live/sessions/{room}/start-recording")
    standing = await daily.daily.start(daily.studio.told)
    daily.fake.asked.clear()
    await daily.studio.resume(list(standing))
    assert [left for _, _, left, _ in await ledger(daily, room)] == [None, None]
    assert daily.fake.asked == []


# --- recordings --------------------------------------------------------------------------------------------------


async def test_a_recording_bears_dailys_name_whether_it_is_told_or_looked_up(daily):
    for lag, told in ((0, False), (2, False), (99, True)):
        room = await call(daily, "ines.teacher")
        daily.fake.list_lag = lag
        starting = asyncio.create_task(daily.teacher.post(f"/live/sessions/{room}/start-recording"))
        while told and not (
            taken := [one for one in daily.fake.taken() if one["type"] == "recording.started"]
        ):
            await asyncio.sleep(0.01)
        if told:
            assert (await daily.stage.post(taken[0])).status_code == 200
        started = (await starting).json()
        assert started["recordingId"] == daily.fake.recordings[0]["id"]
        daily.fake.taken()


async def test_a_name_that_comes_late_changes_nothing_that_was_said(daily, monkeypatch):
    from stoa.live.daily import _provider

    monkeypatch.setattr(_provider, "_NAME_PAUSES", (0.01, 0.01))
    daily.fake.list_lag = 99
    room = await call(daily, "ines.teacher")
    started = (await daily.teacher.post(f"/live/sessions/{room}/start-recording")).json()
    await daily.stage.deliver()
    daily.clock.advance(timedelta(minutes=2))
    stopped = (await daily.teacher.post(f"/live/sessions/{room}/stop-recording")).json()
    await daily.stage.make_file()
    told = await recording(daily, room)
    assert started["recordingId"] == stopped["recordingId"] == told["recordingId"]
    assert daily.fake.recordings[0]["id"] in told["downloadLink"]


async def test_with_nobody_in_the_call_nothing_is_recorded(daily):
    room = (await create(daily.teacher))["roomName"]
    path = f"/live/sessions/{room}/start-recording"
    answer = await daily.teacher.post(path)
    assert (answer.status_code, answer.json()) == (500, {"error": "Failed to start session recording"})
    assert await status(daily, room) == "scheduled"
    await enter(daily, await token_of(daily.teacher, room))
    assert (await daily.teacher.post(path)).status_code == 200


async def test_of_two_starts_at_once_one_reaches_daily(either):
    room = await call(either, "ines.teacher")
    path = f"/live/sessions/{room}/start-recording"
    answers = await asyncio.gather(*(either.teacher.post(path) for _ in range(2)))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert len(either.fake.recordings) == 1


async def test_a_file_is_processed_until_it_is_ready_and_its_length_is_dailys(daily):
    room = await call(daily, "ines.teacher")
    await daily.teacher.post(f"/live/sessions/{room}/start-recording")
    daily.clock.advance(timedelta(seconds=90))
    await daily.teacher.post(f"/live/sessions/{room}/stop-recording")
    waiting = await recording(daily, room)
    assert (waiting["status"], waiting["duration"], waiting["accessLink"]) == ("processing", 90, None)
    daily.fake.make_file(duration=88, tell=False)
    daily.fake.taken()
    await daily.daily.watch.look()
    done = await recording(daily, room)
    assert (done["status"], done["duration"], done["stoppedAt"]) == (
        "finished",
        88,
        "2026-03-02T12:01:28.000Z",
    )
    daily.fake.asked.clear()
    await daily.daily.watch.look()
    assert daily.fake.asked == []


async def test_a_recording_that_daily_ended_by_itself_is_finished_and_the_class_goes_on(daily):
    room = await call(daily, "ines.teacher")
    await daily.teacher.post(f"/live/sessions/{room}/start-recording")
    daily.clock.advance(timedelta(hours=5))
    daily.fake.make_file(duration=15_000)
    await daily.stage.deliver()
    assert (await recording(daily, room))["status"] == "finished"
    assert await status(daily, room) == "live"
    assert (await daily.teacher.post(f"/live/sessions/{room}/start-recording")).status_code == 200


async def test_a_recording_that_broke_has_failed(daily):
    room = await call(daily, "ines.teacher")
    await daily.teacher.post(f"/live/sessions/{room}/start-recording")
    daily.fake.break_recording()
    await daily.stage.deliver()
    assert (await recording(daily, room))["status"] == "failed"
    assert (await daily.teacher.post(f"/live/sessions/{room}/stop-recording")).status_code == 409


async def test_a_recording_of_which_nothing_comes_is_given_up(daily):
    room = await call(daily, "ines.teacher")
    await daily.teacher.post(f"/live/sessions/{room}/start-recording")
    await daily.teacher.post(f"/live/sessions/{room}/stop-recording")
    for hours, expected in ((5, "processing"), (2, "failed")):
        daily.clock.advance(timedelta(hours=hours))
        await daily.daily.watch.look()
        assert (await recording(daily, room))["status"] == expected


async def test_a_link_that_can_not_be_had_is_500(daily):
    room = await call(daily, "ines.teacher")
    await daily.teacher.post(f"/live/sessions/{room}/start-recording")
    daily.clock.advance(timedelta(seconds=9))
    await daily.teacher.post(f"/live/sessions/{room}/stop-recording")
    await daily.stage.make_file()
    daily.fake.recordings.clear()
    answer = await daily.teacher.get(f"/live/sessions/{room}/recording")
    assert (answer.status_code, answer.json()) == (500, {"error": "Failed to get session recording"})


# --- when Daily is slow, wrong or down ---------------------------------------------------------------------------


async def test_what_daily_puts_off_is_asked_again_when_it_says(daily):
    room = await call(daily, "lea.student")
    daily.fake.troubles = [(429, 0.2), 503, None]
    began = asyncio.get_running_loop().time()
    assert (await daily.daily.rest.get(f"/rooms/{room}/presence"))["total_count"] == 1
    assert asyncio.get_running_loop().time() - began >= 0.2
    daily.fake.troubles = [(429, 60)]
    daily.fake.asked.clear()
    with pytest.raises(RefusedError):
        await daily.daily.rest.get(f"/rooms/{room}/presence")
    assert len(daily.fake.asked) == 1


async def test_a_start_that_may_have_been_done_is_not_asked_twice(daily):
    room = await call(daily, "ines.teacher")
    daily.fake.asked.clear()
    daily.fake.troubles = [None, 500]
    daily.daily._rooms.clear()
    daily.fake.rooms.pop(room)
    answer = await daily.teacher.post(f"/live/sessions/{room}/start-recording")
    assert (answer.status_code, answer.json()) == (500, {"error": "Failed to start session recording"})
    asked = [path.rpartition("/")[2] for _, path in daily.fake.asked]
    assert asked == ["rooms", "start", "stop"]


async def test_while_daily_is_down_it_is_left_alone(daily):
    room = await call(daily, "lea.student")
    daily.fake.troubles, daily.fake.asked = [500] * 15, []
    for _ in range(7):
        with pytest.raises(DownError) as failure:
            await daily.daily.rest.post("/rooms/x", twice_is_once=False)
        assert isinstance(failure.value, StoaError)
        assert "Daily" not in failure.value.message
    assert len(daily.fake.asked) == 5
    path = f"/live/sessions/{room}/participants/{daily.ids['lea.student']}/kick"
    answer = await daily.teacher.post(path)
    assert (answer.status_code, answer.json()) == (500, {"error": "Failed to remove the participant"})
    daily.clock.advance(timedelta(seconds=30))
    daily.fake.troubles = []
    assert (await daily.teacher.post(path)).status_code == 200
    assert daily.fake.inside == {}


async def test_what_does_not_listen_or_is_not_let_in_is_500_with_the_cause_in_the_log_alone(daily):
    room = (await create(daily.teacher))["roomName"]
    for address in ("http://127.0.0.1:9/v1", daily.fake.url):
        daily.daily.rest = Rest(address, "another key", daily.clock)
        answer = await daily.teacher.delete(f"/live/sessions/{room}")
        assert (answer.status_code, answer.json()) == (500, {"error": "Failed to delete session"})


async def test_who_can_not_be_given_a_daily_token_has_no_place(daily):
    room = (await create(daily.teacher, maxParticipants=1))["roomName"]
    daily.fake.troubles = [None, 500, 500, 500]
    with pytest.raises(DownError):
        await enter(daily, await token_of(daily.student, room))
    await enter(daily, await token_of(daily.teacher, room))
    assert len(daily.fake.inside) == 1


# --- the webhook itself ------------------------------------------------------------------------------------------


async def test_the_webhook_is_registered_once_and_waked_when_it_failed(daily):
    posted = []
    daily.fake._post = lambda url, body, headers: posted.append((url, json.loads(body))) or 200
    watch = daily.daily.watch
    watch._webhook = "https://stoa.test/live/webhooks/daily"
    daily.fake.hooks["other"] = {"uuid": "other", "url": "https://elsewhere.test", "state": "FAILED"}
    await watch.look_after_webhook()
    (hook,) = [one for one in daily.fake.hooks.values() if one["uuid"] != "other"]
    assert posted == [("https://stoa.test/live/webhooks/daily", {"test": "test"})]
    assert len(hook["eventTypes"]) == 7
    hook["state"] = "FAILED"
    await watch.look_after_webhook()
    assert hook["state"] == "FAILED"  # it was looked at a moment ago
    daily.clock.advance(timedelta(minutes=5))
    await watch.look_after_webhook()
    assert (hook["state"], len(daily.fake.hooks), daily.fake.hooks["other"]["state"]) == (
        "ACTIVE",
        2,
        "FAILED",
    )


async def test_a_client_that_knows_the_document_alone_joins_at_daily_with_its_token(daily):
    room = (await create(daily.teacher))["roomName"]
    answer = await daily.student.post(f"/live/sessions/{room}/token")
    assert (answer.status_code, set(answer.json())) == (200, {"token"})
    assert daily.fake.join(answer.json()["token"])
    await daily.provider.deliver()
    (one,) = (await daily.teacher.get(f"/live/sessions/{room}/participants")).json()
    assert one["userId"] == daily.ids["lea.student"]
    daily.fake.troubles = [500] * 15
    refused = await daily.student.post(f"/live/sessions/{room}/token")
    assert (refused.status_code, refused.json()) == (500, {"error": "Failed to get session token"})
    refused = await daily.student.post(f"/live/sessions/{room}/token", params={"client": "other"})
    assert refused.status_code == 400


async def test_check_live_says_whether_daily_lets_us_in(fake):
    def checked(key):
        return command(
            "check", "live", STOA_LIVE_PROVIDER="daily", STOA_LIVE_DAILY_KEY=key, STOA_LIVE_DAILY_API=fake.url
        )

    fake.troubles.clear()
    good = await asyncio.to_thread(checked, KEY)
    assert good.returncode == 0, good.stdout
    assert f"Daily at {fake.url}" in good.stdout.replace("\n", "")
    refused = await asyncio.to_thread(checked, "another")
    assert refused.returncode == 1
    assert "STOA_LIVE_DAILY_KEY" in refused.stdout
