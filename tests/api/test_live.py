"""The live document and rules over HTTP, on SQLite and PostgreSQL, with a provider that carries nothing."""

import asyncio
import csv
import io
from datetime import timedelta

import jwt
import pytest
from tests.support.studio import FakeProvider

from stoa.kernel.clock import to_millis
from stoa.live import service
from stoa.live.media import messages as m
from stoa.live.studio import Studio
from stoa.platform import journal

pytestmark = pytest.mark.anyio
SERVED = ("live",)
FIELDS = {
    "_id", "courseId", "roomName", "status", "startsAt", "endsAt", "createdBy", "recordingEnabled", "maxParticipants",
    "createdAt", "updatedAt",
}  # fmt: skip
CLASS = {"courseId": "course-uuid-123", "startsAt": "2026-12-26T15:00:00.000Z", "recordingEnabled": True}


@pytest.fixture
async def house(house, tmp_path):
    studio = house.inside.part(Studio)
    house.provider = FakeProvider(house.clock, tmp_path / "tracks")
    object.__setattr__(studio, "provider", house.provider)
    house.studio = studio
    await house.provider.start(studio.told)
    return house


@pytest.fixture
async def teacher(house):
    async with house.client("ines.teacher") as client:
        yield client


@pytest.fixture
async def student(house):
    async with house.client("lea.student") as client:
        yield client


@pytest.fixture
async def other(house):
    async with house.client("tom.teacher") as client:
        yield client


@pytest.fixture
async def nobody(house):
    async with house.client() as client:
        yield client


async def create(client, **more):
    answer = await client.post("/live/sessions", json=CLASS | more)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def token_of(client, room):
    answer = await client.post(f"/live/sessions/{room}/token", params={"client": "stoa"})
    assert answer.status_code == 200, answer.text
    return answer.json()["token"]


async def enter(house, token, **how):
    """In, with media."""
    admitted, _ = await house.studio.admit(await house.studio.read_token(token), **how)
    if not admitted.resumed:
        await house.provider.answer(admitted.session.room_name, admitted.member.user_id, 1, "")
    return admitted


# --- the document ------------------------------------------------------------------------------------------------


async def test_a_session_comes_back_as_documented(house, teacher, nobody):
    made = await create(teacher, maxParticipants=50)
    assert set(made) == FIELDS
    assert made["status"] == "scheduled"
    assert made["startsAt"] == "2026-12-26T15:00:00.000Z"
    assert made["endsAt"] is None
    assert made["createdBy"] == house.ids["ines.teacher"]
    assert (made["recordingEnabled"], made["maxParticipants"]) == (True, 50)
    found = await nobody.get(f"/live/sessions/{made['roomName']}")
    assert (found.status_code, found.json()) == (200, made)


async def test_what_was_not_said_is_as_documented(teacher):
    answer = await teacher.post("/live/sessions", json={"courseId": "c", "startsAt": CLASS["startsAt"]})
    assert answer.json()["recordingEnabled"] is False
    assert answer.json()["maxParticipants"] is None


@pytest.mark.parametrize("body", [{}, {"courseId": "c"}, {"startsAt": CLASS["startsAt"]},
                                  {"courseId": "", "startsAt": CLASS["startsAt"]},
                                  {"courseId": None, "startsAt": CLASS["startsAt"]},
                                  {"courseId": "c", "startsAt": None}], ids=str)  # fmt: skip
async def test_both_are_required(teacher, body):
    answer = await teacher.post("/live/sessions", json=body)
    assert answer.status_code == 400
    assert answer.json() == {"error": "courseId and startsAt are required"}


async def test_an_unknown_name_is_the_documented_oddity(nobody):
    answer = await nobody.get("/live/sessions/nowhere")
    assert answer.status_code == 500
    assert answer.json() == "Session not found"


@pytest.mark.parametrize(("method", "path"), [
    ("DELETE", "nowhere"), ("POST", "nowhere/start-recording"), ("POST", "nowhere/stop-recording"),
    ("GET", "nowhere/recording"), ("POST", "nowhere/token"), ("GET", "nowhere/participants"),
])  # fmt: skip
async def test_elsewhere_an_unknown_name_is_404(teacher, method, path):
    answer = await teacher.request(method, f"/live/sessions/{path}")
    assert answer.status_code == 404
    assert answer.json() == {"message": "Session not found"}


async def test_nobody_is_401(nobody):
    answer = await nobody.post("/live/sessions", json=CLASS)
    assert answer.status_code == 401
    assert answer.json() == {"error": "Authentication required"}


async def test_a_student_creates_nothing(student):
    answer = await student.post("/live/sessions", json=CLASS)
    assert answer.status_code == 403
    assert set(answer.json()) == {"message"}


async def test_an_instructors_sessions_come_soonest_first(house, teacher, other, nobody):
    late = await create(teacher, startsAt="2026-12-28T15:00:00Z")
    soon = await create(teacher, startsAt="2026-12-27T15:00:00Z")
    await create(other)
    answer = await nobody.get(f"/live/sessions/instructor/{house.ids['ines.teacher']}")
    assert answer.json() == [soon, late]
    assert (await nobody.get("/live/sessions/instructor/nobody")).json() == []


async def test_deleting_ends_and_forgets(house, teacher, other, nobody):
    made = await create(teacher)
    room = made["roomName"]
    refused = await other.delete(f"/live/sessions/{room}")
    assert refused.status_code == 403
    assert refused.json() == {"message": f"Not authorized to delete session:{room}"}
    house.clock.advance(timedelta(hours=2))
    answer = await teacher.delete(f"/live/sessions/{room}")
    assert answer.status_code == 200
    assert answer.json()["status"] == "ended"
    assert answer.json()["endsAt"] == "2026-03-02T14:00:00.000Z"
    assert ("close_room", room) in house.provider.asked
    assert (await nobody.get(f"/live/sessions/{room}")).status_code == 500
    assert (await teacher.delete(f"/live/sessions/{room}")).status_code == 404
    assert (await nobody.get(f"/live/sessions/instructor/{house.ids['ines.teacher']}")).json() == []


async def test_a_room_that_can_not_be_closed_keeps_its_session(house, teacher, nobody):
    room = (await create(teacher))["roomName"]
    house.provider.failing = {"close_room"}
    answer = await teacher.delete(f"/live/sessions/{room}")
    assert (answer.status_code, answer.json()) == (500, {"error": "Failed to delete session"})
    assert (await nobody.get(f"/live/sessions/{room}")).status_code == 200


async def test_a_recording_as_documented(house, teacher, other, nobody):
    room = (await create(teacher))["roomName"]
    base = f"/live/sessions/{room}"
    assert (await teacher.get(f"{base}/recording")).json() == {
        "message": "This session has not been recorded"
    }
    for path, word in (("start-recording", "record"), ("stop-recording", "stop recording")):
        refused = await other.post(f"{base}/{path}")
        assert (refused.status_code, refused.json()) == (
            403,
            {"message": f"Not authorized to {word} session:{room}"},
        )
    started = await teacher.post(f"{base}/start-recording")
    assert started.status_code == 200
    assert started.json() == {
        "recordingId": started.json()["recordingId"],
        "startedAt": "2026-03-02T12:00:00.000Z",
    }
    assert (await nobody.get(base)).json()["status"] == "live"
    running = (await teacher.get(f"{base}/recording")).json()
    assert (running["status"], running["downloadLink"], running["duration"]) == ("in-progress", None, None)
    assert (await teacher.post(f"{base}/start-recording")).status_code == 409
    house.clock.advance(timedelta(hours=1))
    stopped = await teacher.post(f"{base}/stop-recording")
    assert stopped.json() == {
        "recordingId": started.json()["recordingId"], "stoppedAt": "2026-03-02T13:00:00.000Z", "duration": 3600,
    }  # fmt: skip
    after = (await nobody.get(base)).json()
    assert (after["status"], after["endsAt"]) == ("ended", "2026-03-02T13:00:00.000Z")
    made = (await teacher.get(f"{base}/recording")).json()
    assert (made["status"], made["downloadLink"], made["accessLink"]) == ("processing", None, None)
    await house.storage.write(
        service.composed, started.json()["recordingId"], "live/recordings/1/video.mp4", now=house.clock.now()
    )
    told = (await teacher.get(f"{base}/recording")).json()
    assert set(told) == {
        "recordingId",
        "startedAt",
        "stoppedAt",
        "duration",
        "status",
        "downloadLink",
        "accessLink",
    }
    assert (told["status"], told["duration"]) == ("finished", 3600)
    assert told["accessLink"] == {"url": told["downloadLink"], "expiresAt": "2026-03-02T14:00:00.000Z"}
    refused = await other.get(f"{base}/recording")
    assert refused.json() == {"message": f"Not authorized to access recording for session:{room}"}
    assert (await teacher.post(f"{base}/stop-recording")).status_code == 409
    assert (await teacher.post(f"{base}/start-recording")).status_code == 409


async def test_recording_that_was_not_enabled_is_400(teacher):
    room = (await create(teacher, recordingEnabled=False))["roomName"]
    answer = await teacher.post(f"/live/sessions/{room}/start-recording")
    assert answer.status_code == 400
    assert answer.json() == {"message": "Recording is not enabled for this session"}


async def test_a_provider_that_fails_starts_nothing(house, teacher, nobody):
    room = (await create(teacher))["roomName"]
    house.provider.failing = {"start_recording"}
    answer = await teacher.post(f"/live/sessions/{room}/start-recording")
    assert (answer.status_code, answer.json()) == (500, {"error": "Failed to start session recording"})
    assert (await nobody.get(f"/live/sessions/{room}")).json()["status"] == "scheduled"
    house.provider.failing = {"stop_recording"}
    assert (await teacher.post(f"/live/sessions/{room}/start-recording")).status_code == 200
    answer = await teacher.post(f"/live/sessions/{room}/stop-recording")
    assert (answer.status_code, answer.json()) == (500, {"error": "Failed to stop session recording"})


async def test_of_two_starts_at_once_one_is_taken(teacher):
    room = (await create(teacher))["roomName"]
    answers = await asyncio.gather(
        *(teacher.post(f"/live/sessions/{room}/start-recording") for _ in range(2))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]


async def test_a_deleted_sessions_recordings_are_kept(house, teacher):
    room = (await create(teacher))["roomName"]
    await teacher.post(f"/live/sessions/{room}/start-recording")
    house.clock.advance(timedelta(seconds=90))
    await teacher.delete(f"/live/sessions/{room}")
    kept = (await teacher.get(f"/live/sessions/{room}/recordings")).json()
    assert [(one["status"], one["duration"]) for one in kept] == [("processing", 90)]


async def test_a_disk_that_is_full_is_told_to_the_room(house, teacher):
    made = await create(teacher)
    await house.studio.told(
        m.RecordingFailed(made["roomName"], to_millis(house.clock.now()), "No space left")
    )
    await house.studio.told(m.RecordingFailed("nowhere", 0, "No space left"))
    entries = await house.storage.read(journal.read, service.stream_of(made["_id"]), after=0, limit=10)
    assert [(one.type, one.data) for one in entries] == [
        ("live.recording_failed", {"reason": "No space left"})
    ]


async def test_a_status_is_set_by_the_id(house, teacher, other, nobody):
    made = await create(teacher)
    path = f"/live/sessions/{made['_id']}/status"
    answer = await teacher.put(path, json={"status": "over"})
    assert answer.status_code == 400
    assert answer.json() == {"error": "Invalid status. Must be one of: scheduled, live, ended"}
    assert (await other.put(path, json={"status": "live"})).status_code == 403
    assert (await teacher.put(path, json={"status": "live"})).json()["status"] == "live"
    assert (await teacher.put(path, json={"status": "scheduled"})).status_code == 409
    ended = (await teacher.put(path, json={"status": "ended"})).json()
    assert (ended["status"], ended["endsAt"]) == ("ended", "2026-03-02T12:00:00.000Z")
    assert ("close_room", made["roomName"]) in house.provider.asked
    assert (await teacher.put("/live/sessions/nowhere/status", json={"status": "live"})).status_code == 404


# --- courses -----------------------------------------------------------------------------------------------------


async def test_a_registered_course_says_who_creates_and_who_enters(house, teacher, other, student):
    course = (await teacher.post("/live/courses", json={"_id": "algebra", "title": "Algebra"})).json()
    assert course["instructorId"] == house.ids["ines.teacher"]
    assert (await other.post("/live/sessions", json=CLASS | {"courseId": "algebra"})).status_code == 403
    assert (await other.post("/live/courses", json={"_id": "algebra", "title": "Mine"})).status_code == 409
    room = (await create(teacher, courseId="algebra"))["roomName"]
    for stranger in (student, other):
        refused = await stranger.post(f"/live/sessions/{room}/token")
        assert refused.status_code == 403
        assert set(refused.json()) == {"message"}
    assert (await student.get("/live/courses/algebra")).status_code == 404
    enrolled = {"userIds": [house.ids["lea.student"]]}
    assert (await other.put("/live/courses/algebra/enrolments", json=enrolled)).status_code == 404
    assert (await teacher.put("/live/courses/algebra/enrolments", json=enrolled)).json()[
        "userIds"
    ] == enrolled["userIds"]
    assert [one["_id"] for one in (await student.get("/live/courses")).json()] == ["algebra"]
    assert (await student.put("/live/courses/algebra/enrolments", json=enrolled)).status_code == 403
    token = await token_of(student, room)
    await teacher.put("/live/courses/algebra/enrolments", json={"userIds": []})
    with pytest.raises(Exception, match="Not authorized to join"):
        await enter(house, token)
    assert (await teacher.delete("/live/courses/algebra")).status_code == 200
    assert (await student.post(f"/live/sessions/{room}/token")).status_code == 200


@pytest.mark.parametrize("name", ["", " ", "a/b", ".."])
async def test_a_course_that_no_address_could_name_is_refused(teacher, name):
    refused = await teacher.post("/live/courses", json={"_id": name, "title": "Algebra"})
    assert refused.status_code == 400
    assert refused.json()["error"].startswith("_id")
    assert (await teacher.get("/live/courses")).json() == []


async def test_a_student_does_not_see_who_else_is_enrolled(house, teacher, student):
    course = (await teacher.post("/live/courses", json={"title": "Algebra"})).json()["_id"]
    both = sorted([house.ids["lea.student"], house.ids["tom.teacher"]])
    await teacher.put(f"/live/courses/{course}/enrolments", json={"userIds": both})
    assert (await teacher.get(f"/live/courses/{course}")).json()["userIds"] == both
    assert (await student.get(f"/live/courses/{course}")).json()["userIds"] == [house.ids["lea.student"]]
    assert [one["userIds"] for one in (await student.get("/live/courses")).json()] == [
        [house.ids["lea.student"]]
    ]


async def test_nobody_takes_a_course_that_others_have_sessions_of(teacher, other):
    await create(teacher, courseId="geometry")
    assert (await other.post("/live/courses", json={"_id": "geometry", "title": "Mine"})).status_code == 409
    assert (await teacher.post("/live/courses", json={"_id": "geometry", "title": "Mine"})).status_code == 201


# --- tokens ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("who", "owner", "role"), [("ines.teacher", True, "instructor"), ("ada.admin", True, "instructor"),
                                                    ("tom.teacher", False, "instructor"), ("lea.student", False, "student")])  # fmt: skip
async def test_a_token_says_who_where_and_as_what(house, teacher, who, owner, role):
    room = (await create(teacher))["roomName"]
    async with house.client(who) as client:
        token = await token_of(client, room)
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["sub"] == house.ids[who]
    assert (claims["room"], claims["role"], claims["is_owner"]) == (room, role, owner)
    assert claims["exp"] - claims["iat"] == 60
    assert claims["jti"]
    assert claims["name"]


async def test_a_token_is_good_once_and_for_a_minute(house, teacher, student):
    room = (await create(teacher))["roomName"]
    token = await token_of(student, room)
    await enter(house, token)
    with pytest.raises(Exception, match="used already"):
        await enter(house, token)
    late = await token_of(student, room)
    house.clock.advance(timedelta(seconds=60))
    with pytest.raises(Exception, match="expired"):
        await enter(house, late)


async def test_a_token_of_another_make_lets_nobody_in(house, teacher):
    room = (await create(teacher))["roomName"]
    kid, secret = house.signing_key()
    claims = jwt.decode(await token_of(teacher, room), options={"verify_signature": False})
    access = jwt.encode(claims, secret, algorithm="HS256", headers={"kid": kid, "typ": "at+jwt"})
    foreign = jwt.encode(claims, "k" * 43, algorithm="HS256", headers={"kid": kid, "typ": "join+jwt"})
    none = jwt.encode(claims, None, algorithm="none", headers={"kid": kid, "typ": "join+jwt"})
    for token in (access, foreign, none, "", "a.b.c", "x" * 9_000):
        with pytest.raises(Exception, match="no good here"):
            await house.studio.read_token(token)
    answer = await teacher.get(
        "/live/sessions/instructor/x", headers={"authorization": f"Bearer {await token_of(teacher, room)}"}
    )
    assert answer.status_code == 200  # it needs no proof; but nobody is signed in by such a token:
    refused = await teacher.get(
        "/live/courses", headers={"authorization": f"Bearer {await token_of(teacher, room)}"}
    )
    assert refused.status_code == 401


async def test_an_ended_session_gives_no_token(teacher, student):
    made = await create(teacher)
    await teacher.put(f"/live/sessions/{made['_id']}/status", json={"status": "ended"})
    answer = await student.post(f"/live/sessions/{made['roomName']}/token")
    assert (answer.status_code, answer.json()) == (409, {"message": "This session has ended"})


async def test_a_full_room_lets_nobody_more_in(house, teacher, student, other):
    room = (await create(teacher, maxParticipants=1))["roomName"]
    two = await token_of(student, room), await token_of(other, room)
    came = await asyncio.gather(*(enter(house, token) for token in two), return_exceptions=True)
    assert sorted(type(one).__name__ for one in came) == ["Admitted", "RoomFullError"]
    answer = await teacher.post(f"/live/sessions/{room}/token")
    assert (answer.status_code, answer.json()) == (409, {"message": "This session is full"})


async def test_who_comes_back_takes_no_second_place(house, teacher, student):
    room = (await create(teacher, maxParticipants=1))["roomName"]
    await enter(house, await token_of(student, room))
    house.clock.advance(timedelta(seconds=1))
    again = await enter(house, await token_of(student, room))
    assert not again.resumed
    assert (await enter(house, await token_of(student, room), resume=True)).resumed
    ledger = (await teacher.get(f"/live/sessions/{room}/participants")).json()
    assert [one["leftAt"] is None for one in ledger] == [False, True]


async def test_a_place_that_the_provider_refuses_is_free_again(house, teacher, student):
    room = (await create(teacher, maxParticipants=1))["roomName"]
    house.provider.failing = {"join"}
    with pytest.raises(OSError, match="join failed"):
        await enter(house, await token_of(student, room))
    house.provider.failing = set()
    await enter(house, await token_of(teacher, room))


# --- participants ------------------------------------------------------------------------------------------------


async def test_the_ledger_counts_every_interval(house, teacher, student):
    room = (await create(teacher))["roomName"]
    who = house.ids["lea.student"]
    await enter(house, await token_of(student, room))
    house.clock.advance(timedelta(seconds=30))
    await house.provider.leave(room, who, reason="dead")
    house.clock.advance(timedelta(seconds=30))
    await enter(house, await token_of(student, room))
    house.clock.advance(timedelta(seconds=5))
    first, second = (await teacher.get(f"/live/sessions/{room}/participants")).json()
    assert (first["joinedAt"], first["leftAt"]) == ("2026-03-02T12:00:00.000Z", "2026-03-02T12:00:30.000Z")
    assert (second["joinedAt"], second["leftAt"]) == ("2026-03-02T12:01:00.000Z", None)
    assert {first["totalSeconds"], second["totalSeconds"]} == {35}
    assert first["role"] == "student"
    assert (await student.get(f"/live/sessions/{room}/participants")).status_code == 403
    answer = await teacher.get(f"/live/sessions/{room}/participants.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["totalSeconds"] for row in rows] == ["35", "35"]
    assert (await student.get(f"/live/sessions/{room}/participants.csv")).status_code == 403


async def test_who_only_had_a_place_was_never_in(house, teacher, student):
    room = (await create(teacher))["roomName"]
    await house.studio.admit(await house.studio.read_token(await token_of(student, room)))
    assert (await teacher.get(f"/live/sessions/{room}/participants")).json() == []
    await house.provider.leave(room, house.ids["lea.student"], reason="unconnected")
    assert (await teacher.get(f"/live/sessions/{room}/participants")).json() == []


async def test_who_is_kicked_is_out_and_back_with_no_old_token(house, teacher, student):
    room = (await create(teacher))["roomName"]
    who = house.ids["lea.student"]
    path = f"/live/sessions/{room}/participants/{who}"
    assert (await teacher.post(f"{path}/kick")).status_code == 404
    old = await token_of(student, room)
    await enter(house, await token_of(student, room))
    assert (await student.post(f"{path}/kick")).status_code == 403
    house.clock.advance(timedelta(seconds=10))
    assert (await teacher.post(f"{path}/kick")).status_code == 200
    assert (room, who) not in house.provider.inside
    (interval,) = (await teacher.get(f"/live/sessions/{room}/participants")).json()
    assert interval["wasKicked"] is True
    assert interval["totalSeconds"] == 10
    with pytest.raises(Exception, match="void"):
        await enter(house, old)
    await enter(house, await token_of(student, room))
    assert (await teacher.post(f"{path}/permissions", json={"banned": True})).json()["banned"] is True
    assert (room, who) not in house.provider.inside
    assert (await student.post(f"/live/sessions/{room}/token")).status_code == 403
    await teacher.post(f"{path}/permissions", json={"banned": False})
    assert (await student.post(f"/live/sessions/{room}/token")).status_code == 200


async def test_who_is_kicked_while_they_come_is_not_let_in(house, teacher, student):
    room = (await create(teacher))["roomName"]
    who = house.ids["lea.student"]
    await house.studio.admit(await house.studio.read_token(await token_of(student, room)))
    house.provider.failing = {"eject"}  # it comes too early to find anybody
    await teacher.post(f"/live/sessions/{room}/participants/{who}/kick")
    house.provider.failing = set()
    await house.provider.answer(room, who, 1, "")
    assert (room, who) not in house.provider.inside
    assert (await teacher.get(f"/live/sessions/{room}/participants")).json() == []


async def test_permissions_hold_now_and_after_coming_back(house, teacher, student):
    room = (await create(teacher))["roomName"]
    who = house.ids["lea.student"]
    await enter(house, await token_of(student, room))
    answer = await teacher.post(
        f"/live/sessions/{room}/participants/{who}/permissions", json={"micAllowed": False}
    )
    assert answer.json() == {
        "userId": who,
        "role": "student",
        "micAllowed": False,
        "cameraAllowed": True,
        "banned": False,
    }
    assert house.provider.asked[-1] == ("permit", room, who, False, True)
    (interval,) = (await teacher.get(f"/live/sessions/{room}/participants")).json()
    assert interval["micAllowed"] is False
    assert (await enter(house, await token_of(student, room))).member.mic_allowed is False


async def test_a_room_whose_worker_died_is_left_by_everybody(house, teacher, student):
    rooms = [(await create(teacher))["roomName"] for _ in range(2)]
    for room in rooms:
        await enter(house, await token_of(student, room))
    await house.studio.told(m.RoomLost(rooms[0], to_millis(house.clock.now())))
    ledgers = [(await teacher.get(f"/live/sessions/{room}/participants")).json() for room in rooms]
    assert [one["leftAt"] is None for (one,) in ledgers] == [False, True]


async def test_after_a_restart_who_is_gone_is_out_and_what_ran_is_recorded(house, teacher, student):
    room = (await create(teacher))["roomName"]
    await enter(house, await token_of(student, room))
    await enter(house, await token_of(teacher, room))
    await teacher.post(f"/live/sessions/{room}/start-recording")
    house.provider.asked.clear()
    await house.studio.resume([m.RoomStanding(room, None, None, [house.ids["ines.teacher"]])])
    ledger = (await teacher.get(f"/live/sessions/{room}/participants")).json()
    assert {one["userId"]: one["leftAt"] is None for one in ledger} == {
        house.ids["lea.student"]: False, house.ids["ines.teacher"]: True,
    }  # fmt: skip
    assert [name for name, *_ in house.provider.asked] == ["open_room", "start_recording"]
