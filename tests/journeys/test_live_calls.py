"""A class in the running server: browsers' stand-ins join over sockets, see each other, and are in the ledger."""

import asyncio
import io
import zipfile

import pytest
from tests.support.classes import SETTINGS, SPACE, Browser, end_workers_of, new_class, token_of
from tests.support.recorded import Film
from tests.support.sockets import eventually, peopled

pytestmark = pytest.mark.anyio


@pytest.fixture
def end_workers(tmp_path):
    """They outlive their server on purpose."""
    yield
    end_workers_of(tmp_path)


@pytest.fixture
async def school(start, tmp_path, end_workers):
    """(server, people, ``browser()``)"""
    server = start("--data", tmp_path / "data", **SETTINGS)
    made = peopled(["--data", tmp_path / "data"], "ines.teacher", "lea.student", "rod.student")
    browsers = []

    async def browser(room, name=None):
        browsers.append(Browser(server, room))
        return await browsers[-1].connect(made.keys.get(name))

    yield server, made, browser
    await asyncio.gather(*(each.close() for each in browsers), return_exceptions=True)


async def test_a_class_from_its_first_join_to_its_recording(school, tmp_path):
    server, made, browser = school
    teacher_key, student_key = made.keys["ines.teacher"], made.keys["lea.student"]
    async with server.client(teacher_key) as teacher:
        room = await new_class(teacher)
        path = f"/live/sessions/{room}"
        ines, lea = await browser(room, "ines.teacher"), await browser(room)  # lea comes with a token alone
        assert (await lea.ask("chat", text="early"))["code"] == "live.not_in_room"
        welcome = await ines.join(await token_of(server, teacher_key, room))
        assert (welcome["ok"], welcome["isOwner"], welcome["role"]) == (True, True, "instructor")
        assert (await teacher.post(f"{path}/start-recording")).status_code == 200
        spent = await token_of(server, student_key, room)
        joined = await lea.join(spent)
        assert (joined["isOwner"], joined["role"]) == (False, "student")
        await asyncio.gather(ines.caller.publish(), lea.caller.publish())
        await eventually(
            lambda: sum(ines.caller.seen.values()) > 20 and sum(lea.caller.seen.values()) > 20, within=30
        )
        await eventually(lambda: len(ines.entries("joined")) == 2)

        assert (await lea.ask("chat", text="Hello"))["ok"]
        assert (await lea.ask("hand", raised=True))["ok"]
        await eventually(lambda: ines.entries("hand"))
        assert [one["text"] for one in ines.entries("chat")] == ["Hello"]
        assert (await lea.ask("mute", source="camera", muted=True, userId=made.ids["ines.teacher"]))[
            "ok"
        ] is False
        assert (await ines.ask("mute", source="camera", muted=True, userId=made.ids["lea.student"]))["ok"]
        await eventually(lambda: lea.told("muted"))
        assert lea.told("muted") == [{"source": "camera", "by": made.ids["ines.teacher"]}]

        third = await browser(room)
        assert (await third.join(spent))["code"] == "live.token_refused"
        stranger = await browser(room, "rod.student")
        somebody_elses = await token_of(server, student_key, room)
        assert (await stranger.join(somebody_elses))["code"] == "live.token_refused"

        # Signalling that breaks off is taken up again; the call goes on, and nothing is lost.
        last = ines.entries("chat")[-1]["seq"]
        await lea.ask("chat", text="Are you there?")
        await ines.io.disconnect()
        again = await browser(room, "ines.teacher")
        again.caller.receiving, ines.caller.receiving = ines.caller.receiving, again.caller.receiving
        token = await token_of(server, teacher_key, room)
        resumed = await again.ask("join", token=token, resume=True, after=last)
        assert resumed["resumed"] is True
        await eventually(lambda: again.entries("chat"))
        assert [one["text"] for one in again.entries("chat")] == ["Are you there?"]
        assert len((await teacher.get(f"{path}/participants")).json()) == 2

        kicked = await teacher.post(f"{path}/participants/{made.ids['lea.student']}/kick")
        assert kicked.status_code == 200
        await eventually(lambda: lea.told("out"))
        assert lea.told("out")[0] == {"reason": "kicked"}
        assert (await third.join(somebody_elses))["code"] == "live.token_refused"

        stopped = await teacher.post(f"{path}/stop-recording")
        assert stopped.status_code == 200, stopped.text
        await eventually(lambda: again.told("out"))
        assert again.told("out")[0]["reason"] in ("ended", "room-closed")
        ledger = {one["userId"]: one for one in (await teacher.get(f"{path}/participants")).json()}
        assert ledger[made.ids["lea.student"]]["wasKicked"] is True
        assert ledger[made.ids["ines.teacher"]]["wasKicked"] is False
        assert all(one["leftAt"] for one in ledger.values())
        link = (await teacher.get(f"{path}/recordings")).json()[0]["tracksLink"]
    async with server.client() as anybody:
        answer = await anybody.get(link)
    assert answer.status_code == 200
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        names = archive.namelist()
    assert "manifest.jsonl" in names
    assert len([name for name in names if name.endswith(".webm")]) >= 4
    async with server.client(teacher_key) as teacher, asyncio.timeout(60):
        while (found := (await teacher.get(f"{path}/recording")).json())["status"] == "processing":
            await asyncio.sleep(0.1)
        assert found["status"] == "finished"
        video = await teacher.get(found["downloadLink"])
    (tmp_path / "watched.mp4").write_bytes(video.content)
    film = Film(tmp_path / "watched.mp4")
    assert film.seconds == pytest.approx(found["duration"] + 0.5, abs=2)
    assert film.heard_seconds == pytest.approx(film.seconds, abs=0.1)
    assert film.seen_seconds == pytest.approx(film.seconds, abs=0.1)


@pytest.mark.long
async def test_fifty_one_at_once_and_room_for_two(school):
    server, made, browser = school
    async with server.client(made.keys["ines.teacher"]) as teacher:
        room = await new_class(teacher, maxParticipants=2)
    tokens = [await token_of(server, key, room) for key in made.keys.values()]
    browsers = [await browser(room) for _ in tokens]
    answers = await asyncio.gather(*(
        each.ask("join", token=token) for each, token in zip(browsers, tokens, strict=True)
    ))  # fmt: skip
    assert sorted(answer["ok"] for answer in answers) == [False, True, True]
    assert [answer["code"] for answer in answers if not answer["ok"]] == ["live.room_full"]


NONSENSE = [
    ("join", {}), ("join", {"token": 7}), ("join", []), ("join", {"token": "x" * 5_000}), ("nonsense", {}),
    ("publish", {"sdp": "v=0"}), ("chat", {"text": ""}), ("join", None),
]  # fmt: skip


async def test_what_makes_no_sense_is_answered_and_the_socket_stays(school):
    _, _, browser = school
    one = await browser("nowhere")
    for event, data in NONSENSE:
        answer = await one.io.call(event, data, namespace=SPACE, timeout=60)
        assert answer["ok"] is False, (event, data)
        assert answer["message"], (event, data)
        assert (await one.ask("leave"))["code"] == "live.not_in_room"


@pytest.mark.long
async def test_a_browser_that_dies_is_out_within_five_seconds_and_a_restart_drops_no_call(
    school, start, tmp_path
):
    server, made, browser = school
    key = made.keys["ines.teacher"]
    async with server.client(key) as teacher:
        room = await new_class(teacher)
        ines, lea = await browser(room), await browser(room)
        await ines.join(await token_of(server, key, room))
        await lea.join(await token_of(server, made.keys["lea.student"], room))
        await asyncio.gather(ines.caller.publish(), lea.caller.publish())
        await eventually(lambda: ines.caller.seen and lea.caller.seen)
        await asyncio.to_thread(server.stop)  # those who call are in this process, and go on
    second = await asyncio.to_thread(start, "--data", tmp_path / "data", **SETTINGS)
    seen = sum(ines.caller.seen.values())
    await eventually(lambda: sum(ines.caller.seen.values()) > seen + 20)
    async with second.client(key) as teacher:
        path = f"/live/sessions/{room}/participants"
        assert [one["leftAt"] for one in (await teacher.get(path)).json()] == [None, None]
        await lea.caller.vanish()
        deadline = asyncio.get_running_loop().time() + 60
        while (there := [one for one in (await teacher.get(path)).json() if one["leftAt"] is None]) and len(
            there
        ) > 1:
            assert asyncio.get_running_loop().time() < deadline
            await asyncio.sleep(0.1)
        assert [one["userId"] for one in there] == [made.ids["ines.teacher"]]
