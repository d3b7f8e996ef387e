"""Use cases of stored files: references here, bytes in the file store, and who may have a mission's files."""

from __future__ import annotations

import mimetypes
import re
from collections.abc import AsyncIterable, AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from stoa.kernel.actor import Actor
from stoa.kernel.errors import (
    ConflictError,
    Fault,
    InvalidError,
    NotFoundError,
    TooLargeError,
    UnauthenticatedError,
)
from stoa.kernel.ids import Ids
from stoa.missions import rules
from stoa.missions.engine import Exercise
from stoa.missions.errors import NotPermittedError
from stoa.missions.model import Member
from stoa.missions.store import _files as store
from stoa.missions.store._files import StoredFile
from stoa.platform.files import Files
from stoa.platform.storage import Storage

MOST_FILES = 12
MAX_FILE_BYTES = 100 * 2**20
MAX_FILE_NAME = 175
FOLDER = "missions"
UNREFERENCED_FOR = timedelta(days=1)
_MIMETYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,100}/[a-z0-9!#$&^_.+-]{1,100}")
_UNKNOWN = "application/octet-stream"


class StoredFileNotFoundError(NotFoundError):
    code: ClassVar[str] = "missions.file_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such file.")


class FileInvalidError(InvalidError):
    code: ClassVar[str] = "missions.file_invalid"


class FileNameTakenError(ConflictError):
    code: ClassVar[str] = "missions.file_name_taken"

    def __init__(self, name: str) -> None:
        message = f"There is a file called {name!r} already."
        super().__init__(message, faults=(Fault("files", message),))


class FileTooLargeError(TooLargeError):
    code: ClassVar[str] = "missions.file_too_large"


@dataclass(frozen=True, slots=True)
class Upload:
    name: str
    content_type: str
    chunks: AsyncIterable[bytes]


def key_of(stored: StoredFile) -> str:
    """The object's key in the file store."""
    return f"{FOLDER}/{stored.path}"


def checked_names(names: Sequence[str]) -> list[str]:
    """Names without folders. Raises FileInvalidError for one that is empty, too long, unprintable or there twice."""
    plain = [name.replace("\\", "/").rsplit("/", 1)[-1].strip() for name in names]
    for index, name in enumerate(plain):
        reason = None
        if not name or name in (".", ".."):
            reason = "must have a name."
        elif len(name) > MAX_FILE_NAME:
            reason = f"must have a name of at most {MAX_FILE_NAME} characters."
        elif not name.isprintable():
            reason = "must have a name of printable characters."
        elif name in plain[:index]:
            reason = "must each have a name of its own."
        if reason:
            raise FileInvalidError(f"files[{index}]: {reason}", faults=(Fault(f"files[{index}]", reason),))
    return plain


def mimetype_of(name: str, said: str) -> str:
    """What the sender said if it is a type at all, or what the name tells."""
    plain = said.partition(";")[0].strip().lower()
    if _MIMETYPE.fullmatch(plain) and plain != _UNKNOWN:
        return plain
    return mimetypes.guess_type(name)[0] or _UNKNOWN


async def keep(files: Files, upload: Upload, *, actor: Actor, now: datetime, ids: Ids) -> StoredFile:
    """Stores the bytes under a name that nobody can guess. Raises FileTooLargeError, and then nothing is kept."""
    counted = _Counted(upload.chunks)
    mimetype = mimetype_of(upload.name, upload.content_type)
    path = ids.uuid().replace("-", "")
    await files.put(f"{FOLDER}/{path}", counted.chunks(), content_type=mimetype)
    return StoredFile(
        id=ids.object_id(),
        name=upload.name,
        path=path,
        mimetype=mimetype,
        size=counted.size,
        created_at=now,
        updated_at=now,
        created_by=actor.id,
        created_by_username=actor.username,
    )


class _Counted:
    def __init__(self, chunks: AsyncIterable[bytes]) -> None:
        self._chunks = chunks
        self.size = 0

    async def chunks(self) -> AsyncIterator[bytes]:
        async for chunk in self._chunks:
            self.size += len(chunk)
            if self.size > MAX_FILE_BYTES:
                raise FileTooLargeError(f"A file is at most {MAX_FILE_BYTES // 2**20} MB.")
            yield chunk


async def remove_unreferenced(files: Files, storage: Storage, *, now: datetime) -> int:
    """Removes bytes that no file has, a day old or older: of uploads whose server died before they were stored."""
    before = now - UNREFERENCED_FOR
    removed = await files.remove_unfinished(FOLDER, before=before)
    async for keys in files.older(FOLDER, before=before):
        known = await storage.read(store.paths_among, [key.rpartition("/")[2] for key in keys])
        for key in keys:
            if key.rpartition("/")[2] not in known:
                await files.delete(key)
                removed += 1
    return removed


def check_names_free(connection: Connection, names: Sequence[str]) -> None:
    """Raises FileNameTakenError, before bytes are stored in vain."""
    taken = store.names_taken(connection, names)
    if taken:
        raise FileNameTakenError(min(taken))


def add_files(connection: Connection, stored: Sequence[StoredFile]) -> None:
    """All or none. Raises FileNameTakenError."""
    check_names_free(connection, [one.name for one in stored])
    try:
        with connection.begin_nested():
            store.insert_files(connection, stored)
    except IntegrityError:
        raise FileNameTakenError(stored[0].name) from None


def find_file(connection: Connection, file_id: str) -> StoredFile:
    """Raises StoredFileNotFoundError."""
    found = store.get_file(connection, file_id)
    if found is None:
        raise StoredFileNotFoundError
    return found


def delete_file(connection: Connection, file_id: str, *, now: datetime) -> None:
    """Softly: its name is free again; the bytes stay."""
    if not store.delete_file(connection, file_id, at=now):
        raise StoredFileNotFoundError


def file_for_member(
    connection: Connection,
    file_id: str,
    *,
    actor: Actor,
    exercise: Exercise | None,
    member: Member | None,
) -> tuple[StoredFile, str]:
    """A mission's file and the name that the mission gives it, for a member of the session that plays it.

    ``exercise`` is the session that the actor is in, None outside any. Raises UnauthenticatedError there,
    StoredFileNotFoundError where the mission has no such file, NotPermittedError for a force without access.
    """
    if exercise is None:
        raise UnauthenticatedError("You are in no session.")
    file = exercise.atlas.files.get(file_id)
    if file is None:
        raise StoredFileNotFoundError
    if not rules.may_download(exercise, file_id=file_id, member=member, actor=actor):
        raise NotPermittedError("Your force has no access to this file.")
    found = find_file(connection, file.reference)
    return found, file.name or found.name
