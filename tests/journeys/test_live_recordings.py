"""Recordings made into files by a real server, which dies in the middle, and so does who makes them."""

import asyncio
import os
import signal
from contextlib import suppress
from datetime import timedelta

import pytest
from sqlalchemy import text
from tests.support.processes import command
from tests.support.recorded import BEGAN, Film, camera, mic, recorded
from tests.support.sockets import engine_of, eventually, peopled

from stoa.kernel.clock import SystemClock
from stoa.kernel.ids import SystemIds
from stoa.live import service, store
from stoa.live.model import LiveSession, Status
from stoa.live.service import stream_of

pytestmark = pytest.mark.anyio
SECONDS = 30


@pytest.fixture
def place(tmp_path):
    return ["--data", tmp_path / "data"]


@pytest.fixture
def kept(place, tmp_path):
    """A recorded class of a teacher whose file is not made yet: (the teacher's key, the session, the recording's id)."""
    assert command("migrate", *place).returncode == 0
    made, ids, now = peopled(place, "ines.teacher"), SystemIds(), SystemClock().now()
    session = LiveSession(
        ids.uuid(), "c", ids.uuid(), Status.ENDED, BEGAN, now, made.ids["ines.teacher"], True, None, now, now,
    )  # fmt: skip
    engine = engine_of(place)
    with engine.begin() as connection:
        store.add_session(connection, session)
        ended = BEGAN + timedelta(seconds=SECONDS)
        recording = service.take_in(connection, session, began=BEGAN, ended=ended, now=now, ids=ids)
    engine.dispose()
    sent = [each(person, 0, SECONDS * 1000) for person in (0, 1) for each in (camera, mic)]
    recorded(tmp_path / "data/live/recordings" / recording.recording_id, *sent, millis=SECONDS * 1000)
    return made.keys["ines.teacher"], session, recording.recording_id


def composer(folder, killed=()):
    """The process that makes the files there, once it has begun with the film, and while there is much to do; else None."""
    with suppress(OSError, ValueError):
        progress = float((folder / "progress").read_text())
        pid = int((folder / "lock").read_text())
        os.kill(pid, 0)
        return pid if 0 < progress < 0.7 and pid not in killed else None
    return None


async def test_servers_and_composers_that_are_killed_make_it_once(kept, start, place, tmp_path):
    key, session, recording_id = kept
    work = tmp_path / "data/live/composing" / recording_id
    server, killed = start("--only", "live", *place, STOA_LIVE_LISTEN="127.0.0.1"), set()
    for victims in ("composer", "server and composer", "server"):
        async with asyncio.timeout(90):
            while (pid := composer(work, killed)) is None:
                assert not made(place, session)
                await asyncio.sleep(0.01)
        if "server" in victims:
            server.kill()
        if "composer" in victims:
            os.kill(pid, signal.SIGKILL)
            killed.add(pid)  # it may still be there for a moment, and would be taken for the next one
        elif "server" in victims:
            await eventually((work / "done").exists, within=90)  # it goes on without its server
        if "server" in victims:
            server = start("--only", "live", *place, STOA_LIVE_LISTEN="127.0.0.1")
    async with server.client(key) as teacher, asyncio.timeout(90):
        while True:
            (found,) = (await teacher.get(f"/sessions/{session.room_name}/recordings")).json()
            if found["status"] != "processing":
                break
            await asyncio.sleep(0.1)
        assert (found["status"], found["progress"]) == ("finished", 1), server.output()
        assert found["duration"] == SECONDS
        video = await teacher.get(found["downloadLink"])
    (tmp_path / "watched.mp4").write_bytes(video.content)
    film = Film(tmp_path / "watched.mp4")
    assert film.seconds == pytest.approx(SECONDS, abs=0.1)
    assert film.seen_seconds == pytest.approx(SECONDS, abs=0.1)
    assert made(place, session) == 1
    assert not work.exists()


def made(place, session):
    """How often its file was made, by the journal."""
    engine = engine_of(place)
    with engine.connect() as connection:
        count = connection.scalar(
            text("SELECT count(*) FROM journal WHERE stream = :stream AND type = 'live.recording_ready'"),
            {"stream": stream_of(session.id)},
        )
    engine.dispose()
    return count


def test_a_failed_one_is_made_again_by_command(kept, place):
    _, session, recording_id = kept
    engine = engine_of(place)
    refused = command("live", "compose", recording_id, *place)
    assert (refused.returncode, "is processing" in refused.stderr) == (1, True)
    with engine.begin() as connection:
        service.not_composed(connection, recording_id, "No reason.", now=SystemClock().now())
    assert command("live", "compose", recording_id, *place).returncode == 0
    with engine.connect() as connection:
        (found,) = store.recordings_of(connection, session.id)
    engine.dispose()
    assert (found.status, found.reason, found.progress) == ("processing", None, 0)
    assert command("live", "compose", "nowhere", *place).returncode == 1
