"""The files' promises over a real S3 server: large objects in parts, ranges, links, a server that dies, wrong keys."""

import asyncio
import hashlib
from datetime import timedelta

import httpx
import pytest
from obstore.exceptions import PermissionDeniedError
from tests.support.s3 import S3Server

from stoa.kernel.clock import SystemClock
from stoa.kernel.errors import UnavailableError
from stoa.platform.files import FileMissingError, Files, RangeRefusedError

pytestmark = pytest.mark.anyio
KEY = "live/recordings/1/video.mp4"
PIECE = bytes(range(256)) * 4096  # a mebibyte


@pytest.fixture(scope="module")
def server():
    server = S3Server()
    yield server
    server.kill()


def files_of(server, *who, **retry):
    return Files(server.store(*who, **retry), clock=SystemClock(), secret=b"secret")


async def pieces(count, also=None):
    for number in range(count):
        if also is not None and number == count // 2:
            await asyncio.to_thread(also)
        yield PIECE


async def read(content):
    return b"".join([chunk async for chunk in content.chunks])


async def test_a_large_stream_goes_up_in_parts_and_comes_back_in_ranges(server):
    files = files_of(server)
    await files.put(KEY, pieces(23), content_type="video/mp4")
    head = await files.head(KEY)
    assert (head.size, head.content_type) == (23 * len(PIECE), "video/mp4")
    assert head.e_tag.strip('"').endswith("-5")  # five parts
    whole = hashlib.sha256(PIECE * 23).digest()
    assert hashlib.sha256(await read(await files.stream(KEY))).digest() == whole
    part = await files.stream(KEY, (len(PIECE) * 7 + 3, len(PIECE) * 7 + 9))
    assert await read(part) == PIECE[3:9]
    assert await read(await files.stream(KEY, (None, 5))) == PIECE[-5:]
    with pytest.raises(RangeRefusedError):
        await files.stream(KEY, (23 * len(PIECE), None))
    await files.delete(KEY)
    with pytest.raises(FileMissingError):
        await files.head(KEY)


@pytest.fixture
def trusting():
    server = S3Server(checks=False)
    yield server
    server.kill()


async def test_a_link_leads_to_s3_itself_with_its_type_and_ranges(trusting):
    files, server = files_of(trusting), trusting
    await files.put(KEY, b"a film", content_type="video/mp4")
    link = await files.sign(KEY, expires_in=timedelta(hours=1))
    assert link.startswith(server.address)
    async with httpx.AsyncClient() as anybody:
        got = await anybody.get(link)
        assert (got.status_code, got.content, got.headers["content-type"]) == (200, b"a film", "video/mp4")
        part = await anybody.get(link, headers={"range": "bytes=2-5"})
        assert (part.status_code, part.content) == (206, b"film")


async def test_a_server_that_dies_in_the_middle_leaves_nothing_and_takes_it_all_the_next_time():
    server = S3Server()

    def die_and_come_back():
        server.kill()
        server.start()

    try:
        key, secret = server.key, server.secret
        quick = {"retry_config": {"max_retries": 2, "retry_timeout": timedelta(seconds=5)}}
        with pytest.raises((UnavailableError, FileMissingError)):
            await files_of(server, key, secret, **quick).put(
                KEY, pieces(24, die_and_come_back), content_type="video/mp4"
            )
        files = files_of(server)
        with pytest.raises(FileMissingError):
            await files.head(KEY)
        await files.put(KEY, pieces(24), content_type="video/mp4")
        assert (await files.head(KEY)).size == 24 * len(PIECE)
    finally:
        server.kill()


@pytest.mark.parametrize("who", [("nobody", "nothing"), (None, "wrong")], ids=["key", "secret"])
async def test_wrong_credentials_are_refused(server, who):
    with pytest.raises(UnavailableError) as refused:
        await files_of(server, *who).put(KEY, pieces(6), content_type="video/mp4")
    assert isinstance(refused.value.__cause__, PermissionDeniedError)
