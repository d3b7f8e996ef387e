"""One suite for every provider: the document's routes and the ledger are the same, whoever carries the media.

``test_live`` runs over a provider that carries nothing, in place of the embedded one. What it asks and any provider
has to answer is asked of the others here. A provider joins the suite with a stage: ``answer`` (their media is there),
``leave``, ``inside`` and ``make_file``.
"""

# ruff: noqa: F401, F811 - tests and fixtures of another module run here, too

from datetime import timedelta

import pytest
from tests.api.test_live import (
    FIELDS,
    create,
    enter,
    nobody,
    other,
    student,
    teacher,
    test_a_full_room_lets_nobody_more_in,
    test_a_registered_course_says_who_creates_and_who_enters,
    test_a_session_comes_back_as_documented,
    test_a_token_is_good_once_and_for_a_minute,
    test_an_ended_session_gives_no_token,
    test_elsewhere_an_unknown_name_is_404,
    test_recording_that_was_not_enabled_is_400,
    test_the_ledger_counts_every_interval,
    test_who_comes_back_takes_no_second_place,
    token_of,
)
from tests.support.daily import FakeDaily, at_daily, serving
from tests.support.studio import FakeProvider

from stoa.live import service
from stoa.live.studio import Studio

pytestmark = pytest.mark.anyio
EVERY = ["embedded", "daily"]
every_provider = pytest.mark.parametrize("provider", EVERY)


@pytest.fixture
def provider():
    """Of the tests that are ``test_live``'s, too."""
    return "daily"


@pytest.fixture(scope="module")
def fake():
    with serving(FakeDaily()) as fake:
        yield fake


class EmbeddedStage(FakeProvider):
    def __init__(self, house):
        super().__init__(house.clock)
        self.house = house

    async def start_recording(self, room, recording_id):
        await super().start_recording(room, recording_id)
        self.recording_id = recording_id

    async def make_file(self):
        """What the composing process says in the end; ``test_recordings`` has it at work."""
        await self.house.storage.write(service.composed, self.recording_id, None, now=self.house.clock.now())


@pytest.fixture
async def house(provider, fake, empty_live_house):
    house = empty_live_house
    house.studio = house.inside.part(Studio)
    if provider == "embedded":
        house.provider = EmbeddedStage(house)
        object.__setattr__(house.studio, "provider", house.provider)
        await house.provider.start(house.studio.told)
    else:
        house.provider = at_daily(house, fake)
    yield house
    await house.studio.provider.stop()


@every_provider
async def test_the_eight_routes_and_what_they_do(house, teacher, other, nobody):
    """From the first to the last word of the document, in one class."""
    made = await create(teacher, maxParticipants=50)
    room, base = made["roomName"], f"/live/sessions/{made['roomName']}"
    assert set(made) == FIELDS
    assert (await nobody.get(base)).json() == made
    assert (await nobody.get(f"/live/sessions/instructor/{house.ids['ines.teacher']}")).json() == [made]
    assert (await teacher.get(f"{base}/recording")).json() == {
        "message": "This session has not been recorded"
    }
    await enter(house, await token_of(teacher, room))
    for path, word in (("start-recording", "record"), ("stop-recording", "stop recording")):
        refused = await other.post(f"{base}/{path}")
        assert refused.json() == {"message": f"Not authorized to {word} session:{room}"}
    started = await teacher.post(f"{base}/start-recording")
    assert started.status_code == 200, started.text
    assert started.json() == {
        "recordingId": started.json()["recordingId"], "startedAt": "2026-03-02T12:00:00.000Z",
    }  # fmt: skip
    assert (await nobody.get(base)).json()["status"] == "live"
    running = (await teacher.get(f"{base}/recording")).json()
    assert running == started.json() | {
        "stoppedAt": None, "duration": None, "status": "in-progress", "downloadLink": None, "accessLink": None,
    }  # fmt: skip
    assert (await teacher.post(f"{base}/start-recording")).status_code == 409
    house.clock.advance(timedelta(hours=1))
    stopped = (await teacher.post(f"{base}/stop-recording")).json()
    assert stopped == {
        "recordingId": started.json()["recordingId"], "stoppedAt": "2026-03-02T13:00:00.000Z", "duration": 3600,
    }  # fmt: skip
    after = (await nobody.get(base)).json()
    assert (after["status"], after["endsAt"]) == ("ended", "2026-03-02T13:00:00.000Z")
    await house.provider.make_file()
    told = (await teacher.get(f"{base}/recording")).json()
    link = told.pop("downloadLink")
    assert link.startswith("http")
    assert told == started.json() | {
        "stoppedAt": "2026-03-02T13:00:00.000Z", "duration": 3600, "status": "finished",
        "accessLink": {"url": link, "expiresAt": "2026-03-02T14:00:00.000Z"},
    }  # fmt: skip
    (details,) = (await teacher.get(f"{base}/recordings")).json()
    assert (details["status"], details["progress"]) == ("finished", 1)
    refused = await other.get(f"{base}/recording")
    assert refused.json() == {"message": f"Not authorized to access recording for session:{room}"}
    assert (await teacher.post(f"{base}/stop-recording")).status_code == 409
    gone = (await teacher.delete(base)).json()
    assert gone == after | {"updatedAt": gone["updatedAt"]}
    answer = await nobody.get(base)
    assert (answer.status_code, answer.json()) == (500, "Session not found")
    assert house.provider.inside == {}


@every_provider
async def test_who_is_kicked_is_out_and_back_with_a_new_token_alone(house, teacher, student):
    room, who = (await create(teacher))["roomName"], house.ids["lea.student"]
    path = f"/live/sessions/{room}/participants/{who}"
    old = await token_of(student, room)
    await enter(house, await token_of(student, room))
    house.clock.advance(timedelta(seconds=10))
    assert (await teacher.post(f"{path}/kick")).status_code == 200
    assert (room, who) not in house.provider.inside
    with pytest.raises(Exception, match="void"):
        await enter(house, old)
    await enter(house, await token_of(student, room))
    assert (room, who) in house.provider.inside
    assert (await teacher.post(f"{path}/permissions", json={"banned": True})).json()["banned"] is True
    assert (room, who) not in house.provider.inside
    assert (await student.post(f"/live/sessions/{room}/token")).status_code == 403
    ledger = (await teacher.get(f"/live/sessions/{room}/participants")).json()
    assert [(one["wasKicked"], one["leftAt"] is None) for one in ledger] == [(True, False), (True, False)]
    assert ledger[0]["totalSeconds"] == 10


@every_provider
async def test_permissions_hold_after_coming_back(house, teacher, student):
    room, who = (await create(teacher))["roomName"], house.ids["lea.student"]
    await enter(house, await token_of(student, room))
    path = f"/live/sessions/{room}/participants/{who}/permissions"
    answer = await teacher.post(path, json={"micAllowed": False})
    assert answer.json() == {
        "userId": who, "role": "student", "micAllowed": False, "cameraAllowed": True, "banned": False,
    }  # fmt: skip
    (interval,) = (await teacher.get(f"/live/sessions/{room}/participants")).json()
    assert interval["micAllowed"] is False
    assert (await enter(house, await token_of(student, room))).member.mic_allowed is False


@every_provider
async def test_who_got_a_token_and_did_not_come_was_never_in(house, teacher, student):
    room = (await create(teacher))["roomName"]
    await house.studio.admit(await house.studio.read_token(await token_of(student, room)))
    assert (await teacher.get(f"/live/sessions/{room}/participants")).json() == []


@every_provider
async def test_a_removed_or_ended_sessions_room_is_empty(house, teacher, student):
    removed, ended = [await create(teacher, recordingEnabled=False) for _ in range(2)]
    for made in (removed, ended):
        await enter(house, await token_of(student, made["roomName"]))
    house.clock.advance(timedelta(minutes=1))
    assert (await teacher.delete(f"/live/sessions/{removed['roomName']}")).status_code == 200
    answer = await teacher.put(f"/live/sessions/{ended['_id']}/status", json={"status": "ended"})
    assert answer.json()["status"] == "ended"
    assert house.provider.inside == {}
    for made in (removed, ended):
        (interval,) = (await teacher.get(f"/live/sessions/{made['roomName']}/participants")).json()
        assert interval["totalSeconds"] == 60
