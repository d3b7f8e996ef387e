"""The mission library over HTTP: /api/v1/missions."""

from __future__ import annotations

import asyncio
from typing import Annotated

from litestar import Response, delete, get, post, put
from litestar.params import FromPath, JSONBody, PathParameter
from litestar.types import ControllerRouterHandler

from stoa.missions.api._forms import uploads_of
from stoa.missions.outside import Installed
from stoa.missions.service import _missions as service
from stoa.missions.store import _missions as store
from stoa.missions.wire._errors import ErrorBody
from stoa.missions.wire._files import UploadOperation, download_headers
from stoa.missions.wire._missions import (
    ChangeMissionBody,
    CopyMissionBody,
    Document,
    ImportBody,
    ImportedBody,
    MissionBody,
    MissionSummary,
    NewMissionBody,
)
from stoa.web.auth import may
from stoa.web.body import Json
from stoa.web.errors import documented
from stoa.web.house import Request, house_of

MAX_BODY_BYTES = 10_000_000
MAX_IMPORT_BYTES = 48 * 2**20
TRIES = 5
_JSON = "application/json"


@post(
    "/api/v1/missions", guards=[may("missions_write")], status_code=200, dto=Document[NewMissionBody],
    return_dto=None, request_max_body_size=MAX_BODY_BYTES,
    responses=documented(400, 401, 403, 413, body=ErrorBody, s200=MissionBody),
)  # fmt: skip
async def create_mission(request: Request, data: JSONBody[bytes]) -> Response[bytes]:
    """Makes a mission. Each fault is named with its path; what has no id gets one."""
    house = house_of(request)
    mission = await asyncio.to_thread(
        service.drafted, data, ids=house.ids, environments=house.part(Installed).declared
    )
    stored = await house.storage.write(
        service.add_mission, mission, actor=request.user, now=house.clock.now()
    )
    return Response(await asyncio.to_thread(service.document_of, stored), media_type=_JSON)


@get("/api/v1/missions", guards=[may("missions_read")], responses=documented(401, 403, body=ErrorBody))
async def list_missions(request: Request) -> list[MissionSummary]:
    """All missions, without their content."""
    rows = await house_of(request).storage.read(store.list_missions)
    return [MissionSummary.of(row) for row in rows]


@get(
    "/api/v1/missions/{mission_id:str}", guards=[may("missions_read")],
    responses=documented(401, 403, 404, body=ErrorBody, s200=MissionBody),
)  # fmt: skip
async def get_mission(request: Request, mission_id: FromPath[str]) -> Response[bytes]:
    document = await house_of(request).storage.read(service.mission_document, mission_id)
    return Response(document, media_type=_JSON)


@put(
    "/api/v1/missions", guards=[may("missions_write")], dto=Document[ChangeMissionBody], return_dto=None,
    request_max_body_size=MAX_BODY_BYTES,
    responses=documented(400, 401, 403, 404, 409, 413, body=ErrorBody, s200=MissionBody),
)  # fmt: skip
async def change_mission(request: Request, data: JSONBody[bytes]) -> Response[bytes]:
    """Changes what is sent of the mission `_id`; the result is checked as a whole."""
    house = house_of(request)
    mission_id, change = await asyncio.to_thread(service.change_from, data)
    for left in reversed(range(TRIES)):
        current = await house.storage.read(service.find_mission, mission_id)
        mission = await asyncio.to_thread(
            service.changed, current, change, ids=house.ids, environments=house.part(Installed).declared
        )
        try:
            stored = await house.storage.write(service.save_mission, mission, now=house.clock.now())
            break
        except service.MissionChangedError:
            if not left:
                raise
    return Response(await asyncio.to_thread(service.document_of, stored), media_type=_JSON)


@post(
    "/api/v1/missions/copy", guards=[may("missions_write")], status_code=200, dto=Json[CopyMissionBody],
    return_dto=None, responses=documented(400, 401, 403, 404, 413, body=ErrorBody, s200=MissionBody),
)  # fmt: skip
async def copy_mission(request: Request, data: JSONBody[CopyMissionBody]) -> Response[bytes]:
    """The same mission under a new id and name."""
    house = house_of(request)
    mission = await house.storage.write(
        service.copy, data.original_id, name=data.copy_name, actor=request.user, now=house.clock.now(),
        ids=house.ids,
    )  # fmt: skip
    return Response(await asyncio.to_thread(service.document_of, mission), media_type=_JSON)


@post(
    "/api/v1/missions/import", guards=[may("missions_write")], status_code=200, operation_class=UploadOperation,
    request_max_body_size=MAX_IMPORT_BYTES, responses=documented(400, 401, 403, 413, body=ErrorBody),
)  # fmt: skip
async def import_missions(request: Request) -> ImportBody:
    """Takes up to 12 `.metis` (or `.cesar`) files of any schema build. One that is faulty imports nothing."""
    house = house_of(request)
    uploads = await uploads_of(request, most=service.MOST_IMPORTED)
    files = [(one.filename, await one.read()) for one in uploads]
    found = await asyncio.to_thread(
        service.read_files, files, ids=house.ids, environments=house.part(Installed).declared
    )
    stored = await house.storage.write(service.add_imported, found, actor=request.user, now=house.clock.now())
    return ImportBody(
        len(stored),
        [
            ImportedBody(mission.id, mission.name, name, one.build, list(one.notes))
            for mission, one, (name, _) in zip(stored, found, files, strict=True)
        ],
    )


@get(
    "/api/v1/missions/{mission_id:str}/export/{file_name:str}", guards=[may("missions_read", "missions_write")],
    responses=documented(401, 403, 404, body=ErrorBody, s200=NewMissionBody),
)  # fmt: skip
async def export_mission(
    request: Request,
    mission_id: FromPath[str],
    file_name: Annotated[str, PathParameter(description="Whatever the file is to be called.")],  # noqa: ARG001
) -> Response[bytes]:
    """The mission as a `.metis` file, which imports again as the same mission."""
    return await _export(request, mission_id)


@get(
    "/api/v1/missions/{mission_id:str}/export", guards=[may("missions_read", "missions_write")],
    responses=documented(401, 403, 404, body=ErrorBody, s200=NewMissionBody),
)  # fmt: skip
async def export_mission_file(request: Request, mission_id: FromPath[str]) -> Response[bytes]:
    """The same, called after the mission."""
    return await _export(request, mission_id)


async def _export(request: Request, mission_id: str) -> Response[bytes]:
    name, content = await house_of(request).storage.read(service.exported, mission_id)
    return Response(content, media_type=_JSON, headers=download_headers(name))


@delete(
    "/api/v1/missions/{mission_id:str}", guards=[may("missions_write")], status_code=200, media_type="text/plain",
    responses=documented(401, 403, 404, body=ErrorBody),
)  # fmt: skip
async def delete_mission(request: Request, mission_id: FromPath[str]) -> str:
    """Deletes softly: sessions that were launched of it go on."""
    house = house_of(request)
    await house.storage.write(service.delete_mission, mission_id, now=house.clock.now())
    return "OK"


HANDLERS: list[ControllerRouterHandler] = [
    create_mission, list_missions, get_mission, change_mission, copy_mission, import_missions, export_mission,
    export_mission_file, delete_mission,
]  # fmt: skip
