"""The store of files over HTTP, on SQLite and PostgreSQL."""

import asyncio
import os
from datetime import timedelta
from pathlib import Path

import pytest

from stoa import server as composition
from stoa.kernel.clock import SystemClock
from stoa.missions.service import _files as service
from stoa.platform.files import Files

pytestmark = pytest.mark.anyio
SERVED = ("missions",)
FILES = "/api/v1/files/"
FIELDS = {
    "_id", "name", "path", "mimetype", "size", "createdAt", "updatedAt", "createdBy", "createdByUsername", "deleted",
}  # fmt: skip


@pytest.fixture
async def teacher(house):
    async with house.client("ines.teacher") as client:
        yield client


async def upload(client, *files):
    return await client.post(FILES, files=[("files", file) for file in files])


async def kept(client, name="map.png", content=b"a map", mimetype="image/png"):
    answer = await upload(client, (name, content, mimetype))
    assert answer.status_code == 200, answer.text
    return answer.json()[0]


def stored(house):
    return [path for path in (Path(house.settings.server.data) / "files").rglob("*") if path.is_file()]


def faults(answer, status=400):
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]["status"] == status
    return {one["field"] for one in answer.json()["error"].get("errors", [])}


async def test_a_file_comes_back_byte_for_byte(teacher, house):
    content = bytes(range(256)) * 9_000
    made = await kept(teacher, content=content)
    assert set(made) == FIELDS
    assert (made["name"], made["mimetype"], made["size"]) == ("map.png", "image/png", len(content))
    assert (made["createdBy"], made["createdByUsername"]) == (house.ids["ines.teacher"], "ines.teacher")
    assert "map" not in made["path"] and len(made["path"]) == 32
    assert (await teacher.get(FILES + made["_id"])).json() == made
    assert (await teacher.get(FILES)).json() == [made]
    answer = await teacher.get(f"{FILES}{made['_id']}/download")
    assert answer.content == content
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["content-length"] == str(len(content))
    assert answer.headers["content-disposition"].startswith('attachment; filename="map.png"')
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_several_files_are_stored_together(teacher):
    answer = await upload(teacher, ("a.txt", b"a", "text/plain"), ("b.txt", b"", "text/plain"))
    assert [(one["name"], one["size"]) for one in answer.json()] == [("a.txt", 1), ("b.txt", 0)]


@pytest.mark.parametrize(
    ("name", "said", "mimetype"),
    [
        ("a.txt", "text/plain; charset=utf-8", "text/plain"), ("a.png", "application/octet-stream", "image/png"),
        ("a.png", "nonsense", "image/png"), ("a", "application/octet-stream", "application/octet-stream"),
    ],
)  # fmt: skip
async def test_a_type_is_what_was_said_or_what_the_name_tells(teacher, name, said, mimetype):
    assert (await kept(teacher, name=name, mimetype=said))["mimetype"] == mimetype


async def test_names_keep_their_letters_and_lose_their_folders(teacher):
    made = await kept(teacher, name="../etc/Карта порта.txt")
    assert made["name"] == "Карта порта.txt"
    answer = await teacher.get(f"{FILES}{made['_id']}/download")
    assert "filename*=UTF-8''%D0%9A" in answer.headers["content-disposition"]


@pytest.mark.parametrize("name", ["x" * 176, "a\x1bb.txt", "..", "folder/"])
async def test_a_name_that_is_none_is_refused(teacher, house, name):
    assert faults(await upload(teacher, (name, b"a", "text/plain"))) == {"files[0]"}
    assert stored(house) == []


async def test_a_name_is_taken_until_its_file_is_deleted(teacher, house):
    made = await kept(teacher)
    assert faults(await upload(teacher, ("map.png", b"other", "image/png")), 409) == {"files"}
    assert faults(await upload(teacher, ("b.txt", b"b", "text/plain"), ("map.png", b"", "image/png")), 409)
    assert len(stored(house)) == len((await teacher.get(FILES)).json()) == 1
    assert (await teacher.delete(FILES + made["_id"])).status_code == 200
    again = await kept(teacher)
    assert again["_id"] != made["_id"]


async def test_one_of_many_at_the_same_moment_gets_the_name(teacher, house):
    answers = await asyncio.gather(*(upload(teacher, ("map.png", b"x", "image/png")) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 5
    assert len(stored(house)) == 1


async def test_two_of_one_name_in_one_form_are_refused(teacher, house):
    answer = await upload(teacher, ("a.txt", b"a", "text/plain"), ("a.txt", b"b", "text/plain"))
    assert faults(answer) == {"files[1]"}
    assert stored(house) == []


async def test_a_file_that_is_too_large_is_refused_and_not_kept(teacher, house, monkeypatch):
    monkeypatch.setattr(service, "MAX_FILE_BYTES", 600_000)
    files = [("small.txt", b"s", "text/plain"), ("large.bin", b"x" * 700_000, "application/zip")]
    faults(await upload(teacher, *files), 413)
    assert (await teacher.get(FILES)).json() == []
    assert stored(house) == []


async def test_13_files_are_too_many(teacher):
    files = [(f"{number}.txt", b"x", "text/plain") for number in range(13)]
    assert faults(await upload(teacher, *files)) == {"files"}


async def test_a_deleted_file_is_gone(teacher):
    made = await kept(teacher)
    assert (await teacher.delete(FILES + made["_id"])).status_code == 200
    assert (await teacher.get(FILES)).json() == []
    for answer in (
        await teacher.get(FILES + made["_id"]),
        await teacher.get(f"{FILES}{made['_id']}/download"),
        await teacher.delete(FILES + made["_id"]),
    ):
        assert faults(answer, 404) == set()


async def test_bytes_that_are_lost_are_404(teacher, house):
    made = await kept(teacher)
    stored(house)[0].unlink()
    assert faults(await teacher.get(f"{FILES}{made['_id']}/download"), 404) == set()


async def test_a_page_that_somebody_stores_is_never_shown_as_one(teacher):
    made = await kept(teacher, name="page.html", content=b"<script>steal()</script>", mimetype="text/html")
    headers = (await teacher.get(f"{FILES}{made['_id']}/download")).headers
    assert headers["content-disposition"].startswith("attachment")
    assert headers["content-security-policy"] == "sandbox"


async def test_a_mission_learns_its_files_names(teacher, house):
    made = await kept(teacher)
    async with house.client("ada.admin") as admin:
        answer = await admin.post(
            "/api/v1/missions/", json={"name": "x", "files": [{"reference": made["_id"]}]}
        )
    assert answer.json()["files"][0]["lastKnownName"] == "map.png"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", FILES),
        ("POST", FILES),
        ("GET", FILES + "x"),
        ("GET", FILES + "x/download"),
        ("DELETE", FILES + "x"),
    ],
)
async def test_students_and_strangers_may_nothing(house, method, path):
    async with house.client() as stranger, house.client("lea.student") as student:
        assert faults(await stranger.request(method, path), 401) == set()
        assert faults(await student.request(method, path), 403) == set()


# --- the files of a mission, for those who play it ---------------------------------------------------------------

PLAYED = "/api/v1/sessions/files/"
HAS_ROUTE = any(
    path.startswith(PLAYED)
    for kind in composition.KINDS
    for handler in kind.handlers
    for path in getattr(handler, "paths", ())
)


@pytest.mark.skipif(not HAS_ROUTE, reason="the sessions do not give their members' view yet")
async def test_a_force_downloads_what_it_has_access_to(house, teacher):
    content = b"a chart"
    reference = (await kept(teacher, content=content))["_id"]
    async with (
        house.client("ada.admin") as admin,
        house.client("lea.student") as student,
        house.client() as stranger,
    ):
        blank = (await admin.post("/api/v1/missions/", json={"name": "x"})).json()
        force_id = blank["forces"][0]["_id"]
        chart = {"_id": "chart", "reference": reference, "alias": "Chart.png", "initialAccess": [force_id]}
        secret = {"_id": "secret", "reference": reference, "initialAccess": []}
        answer = await admin.put("/api/v1/missions/", json={"_id": blank["_id"], "files": [chart, secret]})
        assert answer.status_code == 200, answer.text
        launched = await teacher.post("/api/v1/sessions/launch/", json={"missionId": blank["_id"]})
        assert faults(await student.get(PLAYED + "chart/download"), 401) == set()
        joined = await student.post(f"/api/v1/sessions/{launched.json()['sessionId']}/join-session")
        assert joined.status_code == 200, joined.text
        answer = await student.get(PLAYED + "chart/download")
        assert answer.status_code == 200, answer.text
        assert answer.content == content
        assert 'filename="Chart.png"' in answer.headers["content-disposition"]
        assert faults(await student.get(PLAYED + "secret/download"), 403) == set()
        assert faults(await student.get(PLAYED + "nothing/download"), 404) == set()
        assert faults(await stranger.get(PLAYED + "chart/download"), 401) == set()


# --- parts of a file, and what is left of broken uploads ----------------------------------------------------------

LETTERS = bytes(range(97, 123))


@pytest.mark.parametrize(
    ("asked", "content", "told"),
    [
        ("bytes=0-0", b"a", "bytes 0-0/26"),
        ("bytes=2-4", b"cde", "bytes 2-4/26"),
        ("Bytes=20-", b"uvwxyz", "bytes 20-25/26"),
        ("bytes=20-9999", b"uvwxyz", "bytes 20-25/26"),
        ("bytes=-3", b"xyz", "bytes 23-25/26"),
        ("bytes=-9999", LETTERS, "bytes 0-25/26"),
    ],
)
async def test_a_range_of_a_file(teacher, asked, content, told):
    made = await kept(teacher, content=LETTERS)
    answer = await teacher.get(f"{FILES}{made['_id']}/download", headers={"range": asked})
    assert (answer.status_code, answer.content) == (206, content)
    assert (answer.headers["content-range"], answer.headers["content-length"]) == (told, str(len(content)))


@pytest.mark.parametrize(
    "asked", ["bytes=4-2", "bytes=", "bytes=-", "lines=1-2", "bytes=0-1,4-5", "bytes=x-y", "0-1", "bytes=٣-"]
)
async def test_a_range_that_can_not_be_read_is_the_whole(teacher, asked):
    made = await kept(teacher, content=LETTERS)
    answer = await teacher.get(f"{FILES}{made['_id']}/download", headers={"range": asked.encode()})
    assert (answer.status_code, answer.content) == (200, LETTERS)
    assert answer.headers["accept-ranges"] == "bytes"
    assert "content-range" not in answer.headers


@pytest.mark.parametrize("asked", ["bytes=26-", "bytes=999-1000", "bytes=-0"])
async def test_a_range_in_which_there_is_nothing_is_416(teacher, asked):
    made = await kept(teacher, content=LETTERS)
    answer = await teacher.get(f"{FILES}{made['_id']}/download", headers={"range": asked})
    assert faults(answer, 416) == set()
    assert answer.headers["content-range"] == "bytes */26"


async def test_a_part_of_what_has_changed_is_the_whole(teacher):
    url = f"{FILES}{(await kept(teacher, content=LETTERS))['_id']}/download"
    whole = await teacher.get(url)
    for validator, status in (
        (whole.headers["etag"], 206), (whole.headers["last-modified"], 206), ('"another"', 200),
        ("Mon, 02 Mar 2020 12:00:00 GMT", 200), (f"W/{whole.headers['etag']}", 200), ("yesterday", 200),
    ):  # fmt: skip
        answer = await teacher.get(url, headers={"range": "bytes=1-2", "if-range": validator})
        assert answer.status_code == status, validator
    # and where the range would be refused, the whole goes before the refusal
    answer = await teacher.get(url, headers={"range": "bytes=99-", "if-range": '"another"'})
    assert answer.status_code == 200


@pytest.mark.parametrize("path", ["", "/download"])
async def test_head_is_get_without_a_body(teacher, path):
    url = f"{FILES}{(await kept(teacher, content=LETTERS))['_id']}{path}"
    there, head = await teacher.get(url), await teacher.head(url, headers={"range": "bytes=1-2"})
    assert (head.status_code, head.content) == (200, b"")
    same = ("content-type", "content-length", "etag", "content-disposition")
    assert [head.headers.get(name) for name in same] == [there.headers.get(name) for name in same]
    assert head.headers["content-length"] != "0"


async def test_head_is_answered_wherever_get_is(house, teacher):
    async with house.client() as stranger:
        for path, status in (
            ("/health/live", 200), ("/api/v1/info/", 200), ("/", 200), ("/schema/openapi.json", 200), ("/nowhere", 404),
            (FILES, 401), ("/auth/login", 405),
        ):  # fmt: skip
            answer = await stranger.head(path)
            assert (answer.status_code, answer.content) == (status, b""), path
        assert "HEAD" not in (await stranger.head("/auth/login")).headers["allow"]
        assert "HEAD" in (await stranger.put("/api/v1/info/")).headers["allow"]


async def test_bytes_without_a_file_go_after_a_day(house, teacher):
    kept_path = (await kept(teacher, content=LETTERS))["path"]
    deleted = await kept(teacher, name="deleted.txt")
    await teacher.delete(FILES + deleted["_id"])
    folder = house.settings.folder / "files" / "missions"
    old = {"orphan": b"x", "half#1": b"half of an upload"}
    for name, content in (old | {"young": b"x", "young#2": b"x"}).items():
        (folder / name).write_bytes(content)
    now = SystemClock().now()
    long_ago = (now - timedelta(hours=25)).timestamp()
    for path in folder.iterdir():
        if not path.name.startswith("young"):
            os.utime(path, (long_ago, long_ago))
    files = house.inside.part(Files)
    assert await service.remove_unreferenced(files, house.storage, now=now) == 2
    assert {path.name for path in folder.iterdir()} == {kept_path, deleted["path"], "young", "young#2"}
    assert await service.remove_unreferenced(files, house.storage, now=now) == 0
