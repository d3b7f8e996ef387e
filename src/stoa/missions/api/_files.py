"""Stored files over HTTP: /api/v1/files."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from litestar import delete, get, post
from litestar.datastructures import UploadFile
from litestar.params import FromPath
from litestar.response import Stream
from litestar.types import ControllerRouterHandler
from sqlalchemy import Connection

from stoa.kernel.actor import Actor
from stoa.kernel.clock import Clock
from stoa.kernel.ids import Ids
from stoa.missions.api._forms import uploads_of
from stoa.missions.engine import Exercise
from stoa.missions.model import Member
from stoa.missions.service import _files as service
from stoa.missions.service._files import Upload
from stoa.missions.store import _files as store
from stoa.missions.store._files import StoredFile
from stoa.missions.wire._errors import ErrorBody
from stoa.missions.wire._files import FileBody, UploadOperation, download_headers
from stoa.platform.files import Files, open_store
from stoa.web.auth import may, signed_in
from stoa.web.download import download
from stoa.web.errors import documented
from stoa.web.house import House, Request, house_of

MAX_UPLOAD_BYTES = service.MAX_FILE_BYTES + 2**20
_CHUNK = 512 * 1024


@post(
    "/api/v1/files", guards=[may("files_write")], status_code=200, operation_class=UploadOperation,
    request_max_body_size=MAX_UPLOAD_BYTES, responses=documented(400, 401, 403, 409, 413, 503, body=ErrorBody),
)  # fmt: skip
async def upload_files(request: Request) -> list[FileBody]:
    """Stores files, all or none. A name is taken by one file at a time, until that is deleted."""
    house = house_of(request)
    sent = await uploads_of(request, most=service.MOST_FILES)
    names = service.checked_names([one.filename for one in sent])
    await house.storage.read(service.check_names_free, names)
    uploads = [
        Upload(name, one.content_type or "", _chunks(one)) for name, one in zip(names, sent, strict=True)
    ]
    return [FileBody.of(one) for one in await _keep_all(house, uploads, request)]


async def _keep_all(house: House, uploads: list[Upload], request: Request) -> list[StoredFile]:
    """Bytes first, references after: a reference never leads nowhere. Bytes that get no reference are taken back."""
    files, kept = house.part(Files), list[StoredFile]()
    try:
        for upload in uploads:
            kept.append(
                await service.keep(files, upload, actor=request.user, now=house.clock.now(), ids=house.ids)
            )
        await house.storage.write(service.add_files, kept)
    except BaseException:
        for one in kept:
            await files.delete(service.key_of(one))
        raise
    return kept


async def _chunks(upload: UploadFile) -> AsyncIterator[bytes]:
    while chunk := await upload.read(_CHUNK):
        yield chunk


@get("/api/v1/files", guards=[may("files_read")], responses=documented(401, 403, body=ErrorBody))
async def list_files(request: Request) -> list[FileBody]:
    return [FileBody.of(one) for one in await house_of(request).storage.read(store.list_files)]


@get(
    "/api/v1/files/{file_id:str}", guards=[may("files_read")],
    responses=documented(401, 403, 404, body=ErrorBody),
)  # fmt: skip
async def get_file(request: Request, file_id: FromPath[str]) -> FileBody:
    return FileBody.of(await house_of(request).storage.read(service.find_file, file_id))


@get(
    "/api/v1/files/{file_id:str}/download", guards=[may("files_read")], media_type="application/octet-stream",
    responses=documented(401, 403, 404, 416, 503, body=ErrorBody),
)  # fmt: skip
async def download_file(request: Request, file_id: FromPath[str]) -> Stream:
    """The file's bytes, or the range that is asked for, under the name that it is stored with."""
    house = house_of(request)
    stored = await house.storage.read(service.find_file, file_id)
    return await _sent(request, stored, stored.name)


async def _sent(request: Request, stored: StoredFile, name: str) -> Stream:
    return await download(
        request,
        house_of(request).part(Files),
        service.key_of(stored),
        content_type=stored.mimetype,
        headers=download_headers(name),
    )


@delete(
    "/api/v1/files/{file_id:str}", guards=[may("files_write")], status_code=200, media_type="text/plain",
    responses=documented(401, 403, 404, body=ErrorBody),
)  # fmt: skip
async def delete_file(request: Request, file_id: FromPath[str]) -> str:
    """Deletes softly: the name is free again."""
    house = house_of(request)
    await house.storage.write(service.delete_file, file_id, now=house.clock.now())
    return "OK"


MemberView = Callable[[Connection, str], tuple[Exercise, Member | None] | None]
"""(connection, user id) → the session that the user is in, and the membership; None outside any session."""


def member_download(member_view: MemberView) -> ControllerRouterHandler:
    """The route of a mission's files for those who play it; ``member_view`` is the sessions' to give."""

    def found(connection: Connection, file_id: str, actor: Actor) -> tuple[StoredFile, str]:
        exercise, member = member_view(connection, actor.id) or (None, None)
        return service.file_for_member(connection, file_id, actor=actor, exercise=exercise, member=member)

    @get(
        "/api/v1/sessions/files/{file_id:str}/download", guards=[signed_in],
        media_type="application/octet-stream", responses=documented(401, 403, 404, 416, 503, body=ErrorBody),
    )  # fmt: skip
    async def download_mission_file(request: Request, file_id: FromPath[str]) -> Stream:
        """A file of the mission that one plays, under its name there, if one's force has access."""
        house = house_of(request)
        stored, name = await house.storage.read(found, file_id, request.user)
        return await _sent(request, stored, name)

    return download_mission_file


def file_store(address: str, *, clock: Clock, ids: Ids) -> Files:
    """The part of the house that the routes need, over a folder or ``s3://bucket/prefix``."""
    return Files(open_store(address), clock=clock, secret=ids.secret().encode())


HANDLERS: list[ControllerRouterHandler] = [upload_files, list_files, get_file, download_file, delete_file]
