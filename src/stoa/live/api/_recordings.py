"""Recordings over HTTP: started, stopped, told of, and downloaded through links that expire."""

from __future__ import annotations

import asyncio
import re
from datetime import datetime
from typing import Annotated

from litestar import MediaType, delete, get, post
from litestar.params import FromPath, QueryParameter
from litestar.response import Redirect, Stream
from litestar.types import ControllerRouterHandler

from stoa.live import service
from stoa.live.errors import RecordingGoneError
from stoa.live.model import Recording, RecordingStatus
from stoa.live.studio import Studio
from stoa.live.wire import (
    AccessLink,
    ErrorBody,
    MessageBody,
    RecordingBody,
    RecordingDetails,
    Started,
    Stopped,
)
from stoa.live.workshop import MADE, Workshop, key_of, zipped
from stoa.platform.files import FileMissingError
from stoa.web.auth import signed_in
from stoa.web.download import download
from stoa.web.errors import documented
from stoa.web.house import Request, house_of
from stoa.web.values import iso_millis


@post(
    "/sessions/{session_name:str}/start-recording", guards=[signed_in], status_code=200,
    responses=documented(400, 403, 404, 409, body=MessageBody, s401=ErrorBody, s500=ErrorBody),
)  # fmt: skip
async def start_recording(request: Request, session_name: FromPath[str]) -> Started:
    """A scheduled session becomes live."""
    return Started.of(await house_of(request).part(Studio).start_recording(session_name, request.user))


@post(
    "/sessions/{session_name:str}/stop-recording", guards=[signed_in], status_code=200,
    responses=documented(403, 404, 409, body=MessageBody, s401=ErrorBody, s500=ErrorBody),
)  # fmt: skip
async def stop_recording(request: Request, session_name: FromPath[str]) -> Stopped:
    """The session ends, too, and its call."""
    return Stopped.of(await house_of(request).part(Studio).stop_recording(session_name, request.user))


@get(
    "/sessions/{session_name:str}/recording", guards=[signed_in],
    responses=documented(403, 404, body=MessageBody, s401=ErrorBody, s500=ErrorBody),
)  # fmt: skip
async def get_recording(request: Request, session_name: FromPath[str]) -> RecordingBody:
    """The newest recording of a session, also of a deleted one, with a link that expires."""
    found = await house_of(request).storage.read(service.newest_recording, session_name, actor=request.user)
    return RecordingBody.of(found, await _video_link(request, found))


@get(
    "/sessions/{session_name:str}/recordings", guards=[signed_in],
    responses=documented(403, 404, body=MessageBody, s401=ErrorBody, s500=ErrorBody),
)  # fmt: skip
async def list_recordings(request: Request, session_name: FromPath[str]) -> list[RecordingDetails]:
    """All recordings of a session, newest first, with how far each is made and links to all that is made of it."""
    found = await house_of(request).storage.read(service.recordings, session_name, actor=request.user)
    return [await _details(request, each) for each in found]


@post(
    "/recordings/{recording_id:str}/compose", guards=[signed_in], status_code=202,
    responses=documented(403, 404, 409, body=MessageBody, s401=ErrorBody, s500=ErrorBody),
)  # fmt: skip
async def compose_recording(request: Request, recording_id: FromPath[str]) -> RecordingDetails:
    """Has a recording's file made again, after that failed."""
    house = house_of(request)
    now = house.clock.now()
    found = await house.storage.write(service.compose_again, recording_id, actor=request.user, now=now)
    return await _details(request, found)


@delete(
    "/recordings/{recording_id:str}", guards=[signed_in],
    responses=documented(403, 404, 409, body=MessageBody, s401=ErrorBody, s500=ErrorBody),
)  # fmt: skip
async def delete_recording(request: Request, recording_id: FromPath[str]) -> None:
    """The recording is gone at once, and its files soon after."""
    house = house_of(request)
    now = house.clock.now()
    await house.storage.write(service.remove_recording, recording_id, actor=request.user, now=now)


Key = Annotated[str, QueryParameter(max_length=4096, description="From the link.")]
_LINKED = documented(403, 404, body=MessageBody, s400=ErrorBody, s416=ErrorBody, s500=ErrorBody)


@get("/recordings/{recording_id:str}/video", media_type="video/mp4", responses=_LINKED)
async def get_video(request: Request, recording_id: FromPath[str], key: Key) -> Stream | Redirect:
    """The file that people watch, or the range of it that is asked for. Where the setting says so, S3 itself gives it."""
    studio = house_of(request).part(Studio)
    files = house_of(request).part(Workshop).files
    if studio.direct_links and files.gives_links:
        recording = await _opened(request, recording_id, key)
        made = key_of(recording.recording_id, MADE["video"])
        return Redirect(
            await files.sign(made, expires_in=studio.link_lifetime),
            status_code=307,
            media_type=MediaType.TEXT,
        )
    return await _sent(request, recording_id, key, "video")


@get("/recordings/{recording_id:str}/poster", media_type="image/jpeg", responses=_LINKED)
async def get_poster(request: Request, recording_id: FromPath[str], key: Key) -> Stream:
    """A picture out of the film."""
    return await _sent(request, recording_id, key, "poster")


@get("/recordings/{recording_id:str}/waveform", media_type="application/json", responses=_LINKED)
async def get_waveform(request: Request, recording_id: FromPath[str], key: Key) -> Stream:
    """How loud it is, ten pairs of low and high a second, in the form of `audiowaveform`."""
    return await _sent(request, recording_id, key, "waveform")


@get("/recordings/{recording_id:str}/tracks", media_type="application/zip", responses=_LINKED)
async def get_tracks(request: Request, recording_id: FromPath[str], key: Key) -> Stream:
    """The tracks of a recording as they came, one WebM file each, and the manifest that says when, in a ZIP."""
    recording = await _opened(request, recording_id, key)
    if recording.status is RecordingStatus.COMPLETED:
        return await _stored(request, recording, "tracks")
    folder = await house_of(request).part(Studio).provider.tracks(recording.recording_id)
    if not await asyncio.to_thread(folder.is_dir):
        raise RecordingGoneError
    return Stream(zipped(folder), headers=_headers(recording, "tracks"), media_type="application/zip")


async def _sent(request: Request, recording_id: str, key: str, kind: str) -> Stream:
    return await _stored(request, await _opened(request, recording_id, key), kind)


async def _opened(request: Request, recording_id: str, key: str) -> Recording:
    """Whoever has the key may have the recording."""
    house = house_of(request)
    recording = await house.storage.read(service.recording_of_id, recording_id)
    await house.part(Studio).check_recording_key(key, recording.recording_id)
    return recording


async def _stored(request: Request, recording: Recording, kind: str) -> Stream:
    made, files = MADE[kind], house_of(request).part(Workshop).files
    stored = key_of(recording.recording_id, made)
    headers = _headers(recording, kind)
    try:
        return await download(request, files, stored, content_type=made.content_type, headers=headers)
    except FileMissingError:
        raise RecordingGoneError from None


def _headers(recording: Recording, kind: str) -> dict[str, str]:
    """A video plays where it is shown; its name is for those who keep it."""
    shown = "attachment" if kind == "tracks" else "inline"
    name = f"{recording.recording_id}.{MADE[kind].name.rpartition('.')[2]}"
    return {"content-disposition": f'{shown}; filename="{name}"', "cache-control": "private"}


async def _video_link(request: Request, recording: Recording) -> AccessLink | None:
    if recording.status is not RecordingStatus.COMPLETED:
        return None
    studio = house_of(request).part(Studio)
    if studio.provider.makes_files:
        url, expires_at = await studio.link(recording)
    else:
        url, expires_at = await _link(request, recording, "video")
    return AccessLink(url, iso_millis(expires_at))


async def _details(request: Request, recording: Recording) -> RecordingDetails:
    makes_files = house_of(request).part(Studio).provider.makes_files
    links: dict[str, str | None] = dict.fromkeys(MADE)
    if recording.stopped_at is not None and not makes_files:
        kinds = MADE if recording.status is RecordingStatus.COMPLETED else ("tracks",)
        links |= {kind: (await _link(request, recording, kind))[0] for kind in kinds}
    return RecordingDetails.told(
        recording, await _video_link(request, recording), poster=links["poster"], waveform=links["waveform"],
        tracks=links["tracks"],
    )  # fmt: skip


async def _link(request: Request, recording: Recording, kind: str) -> tuple[str, datetime]:
    key, expires_at = await house_of(request).part(Studio).recording_key(recording.recording_id)
    here = re.split("/(?:sessions|recordings)/", request.url.path, maxsplit=1)[0]
    base = str(request.base_url).rstrip("/")
    return f"{base}{here}/recordings/{recording.recording_id}/{kind}?key={key}", expires_at


HANDLERS: list[ControllerRouterHandler] = [
    start_recording, stop_recording, get_recording, list_recordings, compose_recording, delete_recording,
    get_video, get_poster, get_waveform, get_tracks,
]  # fmt: skip
