"""Recordings whose files are in S3: a real server, which dies, comes back, and refuses who it does not know."""

import asyncio
import shutil
from datetime import timedelta

import pytest
from tests.api.test_recordings import (  # noqa: F401 - fixtures
    Class,
    database_url,
    house,
    io_path,
    nobody,
    teacher,
    tracks,
)
from tests.support.recorded import Film
from tests.support.s3 import S3Server

from stoa.live.studio import Studio
from stoa.live.workshop import _bench
from stoa.platform.files import Files

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def server():
    server = S3Server()
    yield server
    server.kill()


@pytest.fixture
def use(house):  # noqa: F811
    def use(store):
        house.workshop.files = Files(store, clock=house.clock, secret=b"secret")

    return use


@pytest.fixture
async def course(house, teacher, tracks):  # noqa: F811
    return await Class(house, teacher, tracks).record()


async def test_it_is_watched_from_s3_through_the_server_or_directly(server, use, course, nobody, house):  # noqa: F811
    use(server.store())
    await course.make()
    made = await course.details()
    assert made["status"] == "finished"
    whole = await nobody.get(made["downloadLink"])
    assert (whole.status_code, whole.headers["content-type"]) == (200, "video/mp4")
    assert Film(io_path(house, whole.content)).seconds == pytest.approx(6, abs=0.1)
    part = await nobody.get(made["downloadLink"], headers={"range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, whole.content[10:20])
    object.__setattr__(house.inside.part(Studio), "direct_links", True)
    on = await nobody.get(made["downloadLink"])
    assert on.status_code == 307
    assert on.headers["location"].startswith(server.address)
    assert (await nobody.get(made["downloadLink"][:-4] + "AAAA")).status_code == 403


async def test_wrong_credentials_fail_clearly_and_nothing_is_lost(server, use, course, house):  # noqa: F811
    use(server.store("nobody", "nothing"))
    await course.make()
    failed = await course.details()
    assert (failed["status"], failed["reason"]) == ("failed", "The file store does not let the server in.")
    assert (await course.entries())[-1] == "recording_not_made"
    assert course.folder.is_dir()
    made = house.settings.folder / "live/composing" / course.id / "video.mp4"
    before = made.stat().st_mtime_ns
    assert (await course.teacher.post(f"/live/recordings/{course.id}/compose")).status_code == 202
    use(server.store())
    assert made.stat().st_mtime_ns == before  # what is made already is not made again
    await course.make()
    assert (await course.details())["status"] == "finished"


@pytest.mark.long
async def test_a_server_that_dies_and_returns_gets_it_all(server, use, course, house, nobody):  # noqa: F811
    key, secret = server.key, server.secret
    quick = {"retry_config": {"max_retries": 1, "retry_timeout": timedelta(seconds=2)}}
    (course.folder / "9999-large.webm").write_bytes(bytes(30_000_000))
    server.kill()
    use(server.store(key, secret, **quick))
    await course.make()
    assert (await course.details())["status"] == "processing"
    await asyncio.to_thread(server.start)
    use(server.store())
    house.clock.advance(_bench.DELAYS[0])
    await course.make()
    made = await course.details()
    assert made["status"] == "finished"
    assert len((await nobody.get(made["tracksLink"])).content) > 30_000_000
    shutil.rmtree(course.folder, ignore_errors=True)
