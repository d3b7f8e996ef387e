"""What becomes of a recording after it stopped: its file, poster, waveform and tracks, over HTTP."""

import asyncio
import io
import json
import os
import shutil
import signal
import zipfile
from contextlib import suppress
from datetime import timedelta

import pytest
from PIL import Image
from tests.support.recorded import Film, recorded
from tests.support.studio import FakeProvider

from stoa.live import service
from stoa.live.studio import Studio
from stoa.live.workshop import Workshop, _bench, _process
from stoa.platform import journal
from stoa.platform.timers import Sweeper

pytestmark = pytest.mark.anyio
CLASS = {"courseId": "c", "startsAt": "2026-12-26T15:00:00.000Z", "recordingEnabled": True}


BOTH = pytest.mark.parametrize(
    "database_url", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True
)


@pytest.fixture
def database_url(request, tmp_path):
    """SQLite, but where a test is for both."""
    if getattr(request, "param", "sqlite") == "sqlite":
        return f"sqlite:///{tmp_path}/stoa.db"
    return request.getfixturevalue("postgres_database")


@pytest.fixture(scope="session")
def tracks(tmp_path_factory):
    return recorded(tmp_path_factory.mktemp("recorded") / "tracks")


@pytest.fixture
async def house(house, tmp_path):
    studio = house.inside.part(Studio)
    house.provider = FakeProvider(house.clock, tmp_path / "tracks")
    object.__setattr__(studio, "provider", house.provider)
    await house.provider.start(studio.told)
    house.workshop = house.inside.part(Workshop)
    house.sweeper = Sweeper(house.storage, house.clock, house.workshop.handlers())
    return house


@pytest.fixture
async def teacher(house):
    async with house.client("ines.teacher") as client:
        yield client


@pytest.fixture
async def nobody(house):
    async with house.client() as client:
        yield client


class Class:
    """A class that was recorded; its recording waits to be made."""

    def __init__(self, house, teacher, tracks):
        self.house, self.teacher, self.tracks = house, teacher, tracks

    async def record(self):
        made = (await self.teacher.post("/live/sessions", json=CLASS)).json()
        self.session_id, self.path = made["_id"], f"/live/sessions/{made['roomName']}"
        self.id = (await self.teacher.post(f"{self.path}/start-recording")).json()["recordingId"]
        self.folder = self.house.provider.recordings / self.id
        if self.tracks is not None:
            shutil.copytree(self.tracks, self.folder)
        self.house.clock.advance(timedelta(seconds=6))
        stopped = await self.teacher.post(f"{self.path}/stop-recording")
        assert stopped.status_code == 200, stopped.text
        return self

    async def make(self):
        await self.house.sweeper.sweep()
        await self.house.workshop.settle()

    async def details(self):
        (found,) = (await self.teacher.get(f"{self.path}/recordings")).json()
        return found

    async def entries(self):
        stream = service.stream_of(self.session_id)
        entries = await self.house.storage.read(journal.read, stream, after=0, limit=100)
        return [entry.type.removeprefix("live.") for entry in entries]


@pytest.fixture
async def course(house, teacher, tracks):
    return await Class(house, teacher, tracks).record()


@BOTH
async def test_the_file_that_people_watch(course, nobody, house):
    waiting = await course.details()
    assert (waiting["status"], waiting["progress"], waiting["downloadLink"]) == ("processing", 0, None)
    with zipfile.ZipFile(io.BytesIO((await nobody.get(waiting["tracksLink"])).content)) as archive:
        assert archive.testzip() is None
        assert set(archive.namelist()) == {path.name for path in course.tracks.iterdir()}
    await course.make()
    made = await course.details()
    assert (made["status"], made["progress"], made["reason"]) == ("finished", 1, None)
    documented = (await course.teacher.get(f"{course.path}/recording")).json()
    assert documented["downloadLink"] == documented["accessLink"]["url"] == made["downloadLink"]

    whole = await nobody.get(made["downloadLink"])
    assert (whole.status_code, whole.headers["content-type"]) == (200, "video/mp4")
    assert whole.headers["content-disposition"] == f'inline; filename="{course.id}.mp4"'
    film = Film(io_path(house, whole.content))
    assert film.codecs == ["h264", "aac"]
    assert film.seconds == pytest.approx(6, abs=0.1)
    assert whole.content.index(b"moov") < whole.content.index(b"mdat")  # it plays before all of it is there

    part = await nobody.get(made["downloadLink"], headers={"range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, whole.content[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(whole.content)}"
    beyond = await nobody.get(made["downloadLink"], headers={"range": f"bytes={len(whole.content)}-"})
    assert beyond.status_code == 416
    head = await nobody.head(made["downloadLink"])
    assert (head.status_code, head.content, head.headers["content-length"]) == (
        200,
        b"",
        str(len(whole.content)),
    )

    poster = await nobody.get(made["posterLink"])
    assert poster.headers["content-type"] == "image/jpeg"
    assert Image.open(io.BytesIO(poster.content)).size == (1280, 720)
    waveform = (await nobody.get(made["waveformLink"])).json()
    assert (waveform["length"], len(waveform["data"])) == (60, 120)
    assert max(waveform["data"]) > 10
    with zipfile.ZipFile(io.BytesIO((await nobody.get(made["tracksLink"])).content)) as archive:
        assert archive.testzip() is None
        assert set(archive.namelist()) == {path.name for path in course.tracks.iterdir()}
    assert not course.folder.exists()  # what is stored needs no room on this disk
    assert (await course.entries())[-1] == "recording_ready"


def io_path(house, content):
    path = house.settings.folder / "watched.mp4"
    path.write_bytes(content)
    return path


async def test_links_are_signed_and_expire(course, nobody, house):
    await course.make()
    made = await course.details()
    for link in (made["downloadLink"], made["posterLink"], made["waveformLink"], made["tracksLink"]):
        assert (await nobody.get(link)).status_code == 200
        assert (await nobody.get(link[:-4] + "AAAA")).status_code == 403
        assert (await nobody.get(link.split("?")[0])).status_code == 400
    other = await Class(house, course.teacher, course.tracks).record()
    somebody_elses = made["downloadLink"].replace(course.id, other.id)
    assert (await nobody.get(somebody_elses)).status_code == 403
    house.clock.advance(timedelta(hours=1))
    assert (await nobody.get(made["downloadLink"])).status_code == 403


async def test_it_is_made_once_however_often_it_falls_due(course, house):
    async def again():
        await house.storage.write(service.compose_at, course.id, due_at=house.clock.now(), attempt=0)

    await house.sweeper.sweep()
    await again()
    await house.sweeper.sweep()
    await house.workshop.settle()
    await again()
    await course.make()
    assert (await course.entries()).count("recording_ready") == 1


async def test_one_at_a_time(course, house):
    other = await Class(house, course.teacher, course.tracks).record()
    await house.sweeper.sweep()
    assert len(house.workshop._jobs) == 1
    await house.workshop.settle()
    assert sorted([(await course.details())["status"], (await other.details())["status"]]) == [
        "finished",
        "processing",
    ]
    await course.make()
    assert (await other.details())["status"] == "finished"


async def test_tracks_that_are_gone_are_a_failure_that_is_told(house, teacher, tracks, nobody):
    course = await Class(house, teacher, None).record()
    await course.make()
    failed = await course.details()
    assert (failed["status"], failed["reason"], failed["downloadLink"]) == (
        "failed",
        "The tracks are gone.",
        None,
    )
    assert (await nobody.get(failed["tracksLink"])).status_code == 404
    assert (await course.entries())[-1] == "recording_not_made"

    shutil.copytree(tracks, course.folder)
    async with house.client("tom.teacher") as other:
        assert (await other.post(f"/live/recordings/{course.id}/compose")).status_code == 403
    again = await teacher.post(f"/live/recordings/{course.id}/compose")
    assert (again.status_code, again.json()["status"], again.json()["reason"]) == (202, "processing", None)
    assert (await teacher.post(f"/live/recordings/{course.id}/compose")).status_code == 409
    await course.make()
    assert (await course.details())["status"] == "finished"
    assert (await teacher.post(f"/live/recordings/{course.id}/compose")).status_code == 409
    assert (await teacher.post("/live/recordings/nowhere/compose")).status_code == 404


async def killed(house, recording_id):
    """Kills the process that makes it, once it is at work."""
    folder = house.settings.folder / "live/composing" / recording_id
    while True:
        with suppress(OSError, ValueError):
            (folder / "progress").read_text()
            return os.kill(int((folder / "lock").read_text()), signal.SIGKILL)
        await asyncio.sleep(0.01)


async def test_a_composing_process_that_is_killed_is_replaced(course, house):
    await house.sweeper.sweep()
    await killed(house, course.id)
    await house.workshop.settle()
    assert (await course.details())["status"] == "processing"
    house.clock.advance(_bench.DELAYS[0])
    await course.make()
    assert (await course.details())["status"] == "finished"
    assert (await course.entries()).count("recording_ready") == 1


@pytest.mark.long
async def test_one_that_is_killed_always_has_failed_in_the_end(course, house, monkeypatch):
    monkeypatch.setattr(_bench, "DELAYS", _bench.DELAYS[:1])
    for _ in range(2):
        await house.sweeper.sweep()
        await killed(house, course.id)
        await house.workshop.settle()
        house.clock.advance(_bench.DELAYS[0])
    failed = await course.details()
    assert (failed["status"], failed["reason"]) == ("failed", "The composing process ended with -9.")


async def test_a_disk_without_room_for_the_work_is_a_failure_that_is_told(course, house, monkeypatch):
    """It would be tried again for ever, every few seconds."""
    monkeypatch.setattr(_bench, "DELAYS", _bench.DELAYS[:1])
    house.workshop._folder.parent.mkdir(parents=True, exist_ok=True)
    house.workshop._folder.write_text("a file where the folder should be")
    for _ in range(2):
        await course.make()
        house.clock.advance(_bench.DELAYS[0])
    failed = await course.details()
    assert (failed["status"], failed["reason"]) == ("failed", "Not a directory")
    house.workshop._folder.unlink()
    assert (await course.teacher.post(f"/live/recordings/{course.id}/compose")).status_code == 202
    await course.make()
    assert (await course.details())["status"] == "finished"


COMPOSER = """
import os, pathlib, sys, time
folder = pathlib.Path(sys.argv[1])
(folder / "lock").write_text(str(os.getpid()))
(folder / "progress").write_text("0.100")
for _ in range(40):
    time.sleep(0.2)
    {sign}
(folder / "failed").write_text('{{"reason": "came to its end", "again": false}}')
"""


@pytest.mark.long
@pytest.mark.parametrize(("sign", "outcome"), [
    ("os.utime(folder / 'progress')", ("failed", "came to its end")), ("pass", ("processing", None)),
])  # fmt: skip
async def test_one_that_shows_no_sign_of_work_is_killed(course, house, monkeypatch, tmp_path, sign, outcome):
    """However little of it is done: decoding what a hidden tile missed takes long."""
    (tmp_path / "idle_composer.py").write_text(COMPOSER.format(sign=sign))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(_process, "MODULE", "idle_composer")
    monkeypatch.setattr(_process, "HANGS", 5)
    await course.make()
    told = await course.details()
    assert (told["status"], told["reason"]) == outcome


async def test_a_server_that_stops_leaves_the_work_to_the_next(course, house):
    await house.sweeper.sweep()
    await asyncio.sleep(0.2)
    await house.workshop.close()
    following = Workshop(house.inside.part(Studio), house.workshop.files, house.workshop._folder, at_once=1)
    sweeper = Sweeper(house.storage, house.clock, following.handlers())
    assert await sweeper.sweep() == 0  # it is held by the one before for a while
    house.clock.advance(_bench.LEASE)
    await sweeper.sweep()
    await following.settle()
    assert (await course.details())["status"] == "finished"
    assert (await course.entries()).count("recording_ready") == 1


@BOTH
async def test_a_recording_is_removed_with_its_files(course, house, nobody):
    await course.make()
    made = await course.details()
    async with house.client("tom.teacher") as other:
        assert (await other.delete(f"/live/recordings/{course.id}")).status_code == 403
    assert (await course.teacher.delete(f"/live/recordings/{course.id}")).status_code == 204
    assert (await course.teacher.get(f"{course.path}/recordings")).json() == []
    assert (await nobody.get(made["downloadLink"])).status_code == 404
    assert (await course.teacher.delete(f"/live/recordings/{course.id}")).status_code == 404
    stored = house.settings.folder / "files/live/recordings" / course.id
    assert list(stored.iterdir())
    await course.make()
    assert not stored.exists() or not list(stored.iterdir())


async def test_one_that_is_removed_while_it_is_made_leaves_nothing(course, house):
    await house.sweeper.sweep()
    assert (await course.teacher.delete(f"/live/recordings/{course.id}")).status_code == 204
    await house.sweeper.sweep()
    await house.workshop.settle()
    assert not course.folder.exists()
    assert not list(house.settings.folder.glob("files/live/recordings/*/*"))
    assert not list(house.settings.folder.glob("live/composing/*"))


async def test_what_is_recorded_is_not_removed(house, teacher):
    made = (await teacher.post("/live/sessions", json=CLASS)).json()
    started = (await teacher.post(f"/live/sessions/{made['roomName']}/start-recording")).json()
    assert (await teacher.delete(f"/live/recordings/{started['recordingId']}")).status_code == 409


async def test_a_provider_that_makes_files_says_where_they_are(course, house):
    house.provider.makes_files = True
    await course.make()
    assert (await course.details())["status"] == "processing"  # until it says so
    await house.storage.write(service.composed, course.id, None, now=house.clock.now())

    async def link(recording):
        return f"https://provider.example/{recording.recording_id}", house.clock.now() + timedelta(minutes=5)

    house.provider.link = link
    made = await course.details()
    assert made["downloadLink"] == f"https://provider.example/{course.id}"
    assert (made["accessLink"]["expiresAt"], made["tracksLink"]) == ("2026-03-02T12:05:06.000Z", None)


async def test_what_a_crash_left_is_tidied_up(course, house):
    await course.make()
    left = house.settings.folder / "live/composing" / course.id
    left.mkdir(parents=True)
    (left / "video.mp4").write_bytes(b"half")
    course.folder.mkdir()
    (course.folder / "manifest.jsonl").write_text(json.dumps({"event": "started", "at": 0}))
    await house.workshop.tidy()
    assert not left.exists()
    assert not course.folder.exists()
