import asyncio
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest
from obstore.store import MemoryStore, S3Store

from stoa.kernel.clock import ManualClock
from stoa.kernel.errors import InvalidError, UnavailableError
from stoa.platform.files import FileMissingError, Files, LinkRefusedError, RangeRefusedError, open_store

pytestmark = pytest.mark.anyio
AT = datetime(2026, 3, 1, 9, 0, 0, 123000, tzinfo=UTC)
HOUR = timedelta(hours=1)
SECRET = b"a secret of tests"


@pytest.fixture
def clock():
    return ManualClock(AT)


@pytest.fixture(params=["disk", "memory"])
def store(request, tmp_path):
    return open_store(f"{tmp_path}/files") if request.param == "disk" else MemoryStore()


@pytest.fixture
def files(store, clock):
    return Files(store, clock=clock, secret=SECRET)


async def chunks_of(*parts):
    for part in parts:
        if isinstance(part, Exception):
            raise part
        yield part


async def read(content):
    return b"".join([chunk async for chunk in content.chunks])


async def test_what_is_put_is_got(files):
    data = bytes(range(256)) * 5
    await files.put("recordings/1/part-0.webm", data, content_type="video/webm")
    assert await files.get("recordings/1/part-0.webm") == data


@pytest.mark.parametrize("parts", [[], [b""], [b"one ", b"two ", b"three"], [b"x" * 3_000_000] * 4])
async def test_a_stream_of_chunks_is_one_object(files, parts):
    await files.put("a.bin", chunks_of(*parts), content_type="application/octet-stream")
    assert await files.get("a.bin") == b"".join(parts)
    assert await read(await files.stream("a.bin")) == b"".join(parts)


async def test_a_thread_reads_and_writes_the_same_objects(files):
    data = bytes(range(256)) * 5
    await asyncio.to_thread(files.write, "candles/1.parquet", data, content_type="application/octet-stream")
    assert (
        await files.get("candles/1.parquet")
        == await asyncio.to_thread(files.read, "candles/1.parquet")
        == data
    )
    for _ in range(2):
        await asyncio.to_thread(files.remove, "candles/1.parquet")
    with pytest.raises(FileMissingError):
        await asyncio.to_thread(files.read, "candles/1.parquet")


async def test_a_put_replaces(files):
    await files.put("a.txt", b"old and longer", content_type="text/plain")
    await files.put("a.txt", b"new", content_type="text/plain")
    assert await files.get("a.txt") == b"new"


async def test_a_put_that_breaks_half_way_changes_nothing(files):
    await files.put("a.txt", b"old", content_type="text/plain")
    with pytest.raises(ConnectionError):
        await files.put("a.txt", chunks_of(b"new" * 3_000_000, ConnectionError()), content_type="text/plain")
    assert await files.get("a.txt") == b"old"
    with pytest.raises(ConnectionError):
        await files.put("b.txt", chunks_of(b"new", ConnectionError()), content_type="text/plain")
    with pytest.raises(FileMissingError):
        await files.head("b.txt")


async def test_readers_see_one_version_while_others_write(files):
    versions = [bytes([48 + index]) * 200_000 for index in range(4)]
    await files.put("a.bin", versions[0], content_type="application/octet-stream")

    async def write(version):
        await files.put("a.bin", version, content_type="application/octet-stream")

    seen = await asyncio.gather(
        *(write(version) for version in versions), *(files.get("a.bin") for _ in range(20))
    )
    assert all(data in versions for data in seen[len(versions) :])


async def test_head_tells_size_type_and_tag(files):
    await files.put("report.csv", b"a,b\n", content_type="text/csv")
    head = await files.head("report.csv")
    assert (head.key, head.size, head.content_type) == ("report.csv", 4, "text/csv")
    assert head.e_tag
    assert head.modified_at.tzinfo


@pytest.mark.parametrize(
    ("byte_range", "start", "expected"),
    [
        (None, 0, b"0123456789"),
        ((0, 1), 0, b"0"),
        ((2, 5), 2, b"234"),
        ((2, None), 2, b"23456789"),
        ((8, 100), 8, b"89"),
        ((None, 3), 7, b"789"),
        ((None, 100), 0, b"0123456789"),
    ],
)
async def test_a_range_is_streamed(files, byte_range, start, expected):
    await files.put("a.txt", b"0123456789", content_type="text/plain")
    content = await files.stream("a.txt", byte_range)
    assert (content.start, content.end, content.head.size) == (start, start + len(expected), 10)
    assert await read(content) == expected


@pytest.mark.parametrize("byte_range", [(10, None), (10, 12), (99, 100), (5, 5), (None, 0)])
async def test_a_range_without_bytes_is_refused(files, byte_range):
    await files.put("a.txt", b"0123456789", content_type="text/plain")
    with pytest.raises(RangeRefusedError) as refused:
        await files.stream("a.txt", byte_range)
    assert refused.value.details["size"] == 10


async def test_what_is_not_there_is_missing(files):
    for call in (files.get, files.head, files.stream):
        with pytest.raises(FileMissingError):
            await call("nothing/here.txt")
    with pytest.raises(FileMissingError):
        await files.stream("nothing/here.txt", (0, 1))


async def test_what_is_deleted_is_gone_and_may_be_deleted_again(files):
    await files.put("a/b.txt", b"1", content_type="text/plain")
    await files.delete("a/b.txt")
    await files.delete("a/b.txt")
    with pytest.raises(FileMissingError):
        await files.get("a/b.txt")


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/a",
        "a/",
        "a//b",
        "..",
        "../a",
        "a/../b",
        "a/..",
        ".",
        ".hidden",
        "a\0b",
        "a\\b",
        "C:\\a",
        "a b",
        "a%2e",
        "ü",
    ],
)
async def test_a_key_that_could_mean_another_place_is_refused(files, key):
    await refused_everywhere(files, key)


@pytest.mark.parametrize("key", ["a\n", "a?b", "a#1", "a" * 201, "ab/" * 200 + "a"])
async def test_a_key_that_a_store_or_a_link_could_not_carry_is_refused(files, key):
    await refused_everywhere(files, key)


async def refused_everywhere(files, key):
    for call in (files.get, files.head, files.delete, files.stream):
        with pytest.raises(InvalidError):
            await call(key)
    with pytest.raises(InvalidError):
        await files.put(key, b"", content_type="text/plain")
    with pytest.raises(InvalidError):
        await files.sign(key, expires_in=HOUR)


def opened(link):
    """A link's key and its query, as the server's route gets them."""
    parts = urlsplit(link)
    return parts.path.removeprefix("/files/"), dict(parse_qsl(parts.query))


@pytest.mark.parametrize("filename", [None, "Rapport d'été & more.pdf", "x&expires=9"])
async def test_a_signed_link_is_good_until_it_expires(files, clock, filename):
    key, query = opened(await files.sign("a/b.pdf", expires_in=HOUR, filename=filename))
    assert key == "a/b.pdf"
    assert query.get("filename") == filename
    files.verify(key, **query)
    clock.advance(HOUR)
    files.verify(key, **query)  # rounded up to the whole second that the link carries
    clock.advance(timedelta(seconds=1))
    with pytest.raises(LinkRefusedError, match="expired"):
        files.verify(key, **query)


@pytest.mark.parametrize(
    "change",
    [
        {"key": "a/c.pdf"},
        {"expires": "99999999999"},
        {"expires": "soon"},
        {"expires": ""},
        {"signature": "0" * 64},
        {"signature": ""},
        {"signature": "é\ud800"},
        {"filename": "other.pdf"},
        {"filename": None},
    ],
)
async def test_a_changed_link_is_refused(files, change):
    key, query = opened(await files.sign("a/b.pdf", expires_in=HOUR, filename="b.pdf"))
    with pytest.raises(LinkRefusedError):
        files.verify(**({"key": key} | query | change))


async def test_another_secret_signs_other_links(files, store, clock):
    key, query = opened(await files.sign("a/b.pdf", expires_in=HOUR))
    with pytest.raises(LinkRefusedError):
        Files(store, clock=clock, secret=b"another").verify(key, **query)


@pytest.fixture
def bucket(clock):
    """S3 at an address where nothing listens: signing needs no answer."""
    store = S3Store(
        "bucket",
        endpoint="http://127.0.0.1:1",
        region="eu-central-1",
        access_key_id="key",
        secret_access_key="secret",
        client_options={"allow_http": True, "connect_timeout": "1s"},
        retry_config={"max_retries": 0},
    )
    return Files(store, clock=clock, secret=SECRET)


async def test_s3_signs_its_own_links(bucket):
    link = await bucket.sign("a/b.pdf", expires_in=HOUR)
    query = dict(parse_qsl(urlsplit(link).query))
    assert urlsplit(link).path.endswith("/a/b.pdf")
    assert query["X-Amz-Expires"] == "3600"
    assert query["X-Amz-Signature"]


async def test_a_link_with_a_filename_leads_through_this_server(bucket):
    key, query = opened(await bucket.sign("a/b.pdf", expires_in=HOUR, filename="report.pdf"))
    bucket.verify(key, **query)


async def test_a_store_that_does_not_answer_is_unavailable(bucket):
    with pytest.raises(UnavailableError):
        await bucket.get("a/b.pdf")
