"""Use cases of the mission library.

What takes long (reading and checking documents) is plain functions without a connection: they run in a thread, so
that a large mission holds up neither the event loop nor the one writer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, ClassVar

import msgspec
from sqlalchemy import Connection

from stoa.kernel.actor import Actor
from stoa.kernel.errors import ConflictError, Fault, NotFoundError, StoaError
from stoa.kernel.ids import Ids
from stoa.kernel.journal import Event
from stoa.missions.errors import MissionInvalidError, MissionTooLargeError, MissionUnreadableError
from stoa.missions.missionfile import (
    BUILT_IN,
    SERVERS_OWN,
    Imported,
    copy_mission,
    export_mission,
    import_mission,
    mission_from,
    mission_to,
    new_mission,
    read_document,
)
from stoa.missions.model import Mission, Stamps
from stoa.missions.reading import Faults, Reader
from stoa.missions.store import _files as files_store
from stoa.missions.store import _missions as store
from stoa.missions.targets import Environments
from stoa.platform import journal

MOST_IMPORTED = 12
SUFFIXES = (".metis", ".cesar")
_CONTENT = ("name", "versionNumber", "seed", "resourceLabel", "structure", "prototypes", "forces", "files")
_TICK = timedelta(milliseconds=1)
_encode = msgspec.json.Encoder().encode


class MissionNotFoundError(NotFoundError):
    code: ClassVar[str] = "missions.mission_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such mission.")


class MissionChangedError(ConflictError):
    code: ClassVar[str] = "missions.mission_changed"

    def __init__(self) -> None:
        super().__init__("Somebody else changed the mission at the same moment. Load it and try again.")


# Without a connection


def drafted(body: bytes, *, ids: Ids, environments: Environments = BUILT_IN) -> Mission:
    """The mission in the body of a POST. What is the server's own to say is left out; what has no id gets one.

    Raises MissionInvalidError with every fault, MissionUnreadableError or MissionTooLargeError.
    """
    sent = _content_of(read_document(body))
    if not {"structure", "prototypes", "forces"} & set(sent):
        smallest = mission_to(new_mission("", ids=ids))
        sent = {key: smallest[key] for key in ("structure", "prototypes", "forces")} | sent
    return _checked({**sent, "_id": ids.object_id()}, ids=ids, environments=environments)


def change_from(body: bytes) -> tuple[str, dict[str, Any]]:
    """(id, what is sent of the content) in the body of a PUT."""
    document = read_document(body)
    faults = Faults()
    at = Reader({"_id": document.get("_id")} if "_id" in document else {}, "", faults, known=("_id",))
    mission_id = at.ident("_id")
    if faults:
        first = faults.tuple()[0]
        raise MissionInvalidError(f"{first.field}: {first.message}", faults=faults.tuple())
    return mission_id, _content_of(document)


def changed(
    mission: Mission, change: Mapping[str, Any], *, ids: Ids, environments: Environments = BUILT_IN
) -> Mission:
    """The mission with what was sent in place of what it had, checked as a whole."""
    document = mission_to(mission)
    kept = {key: document[key] for key in _CONTENT}
    checked = _checked({**kept, **change, "_id": mission.id}, ids=ids, environments=environments)
    return replace(checked, stamps=mission.stamps)


def document_of(mission: Mission) -> bytes:
    return _encode(mission_to(mission))


def read_files(
    uploads: Sequence[tuple[str, bytes]], *, ids: Ids, environments: Environments = BUILT_IN
) -> list[Imported]:
    """The missions in (name, content) of some files; all of them, or none and the reason, which names the file."""
    found = []
    for name, content in uploads:
        try:
            _check_suffix(name)
            imported = import_mission(content, ids=ids, environments=environments)
            found.append(replace(imported, notes=_plain(imported.notes)))
        except (MissionInvalidError, MissionUnreadableError, MissionTooLargeError) as error:
            raise _told(error, f"{name}: {error.message}") from None
    return found


def _check_suffix(name: str) -> None:
    if not name.lower().endswith(SUFFIXES):
        reason = "must be .metis or .cesar files."
        raise MissionInvalidError(f"files: {reason}", faults=(Fault("files", reason),))


def _plain(notes: tuple[dict[str, Any], ...]) -> tuple[dict[str, Any], ...]:
    """Notes come from a file as they are: what no database and no answer could carry is refused here."""
    try:
        return tuple(msgspec.json.decode(_encode(notes)))
    except (UnicodeEncodeError, OverflowError, RecursionError, msgspec.DecodeError):
        raise MissionUnreadableError("The file holds texts or numbers that can not be kept.") from None


def _checked(document: Mapping[str, Any], *, ids: Ids, environments: Environments) -> Mission:
    try:
        return mission_from(document, ids=ids, environments=environments)
    except MissionInvalidError as error:
        raise _told(error, error.message) from None


def _told(error: StoaError, message: str) -> StoaError:
    """The error in characters that an answer can carry: an unknown field may be called by half of a pair."""
    faults = tuple(Fault(_whole(fault.field), _whole(fault.message)) for fault in error.faults)
    return type(error)(_whole(message), faults=faults)


def _whole(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _content_of(document: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key not in SERVERS_OWN}


# On a connection


def find_mission(connection: Connection, mission_id: str) -> Mission:
    """Raises MissionNotFoundError."""
    mission = store.get_mission(connection, mission_id)
    if mission is None:
        raise MissionNotFoundError
    return mission


def mission_document(connection: Connection, mission_id: str) -> bytes:
    """All of it, as JSON."""
    return document_of(find_mission(connection, mission_id))


def exported(connection: Connection, mission_id: str) -> tuple[str, bytes]:
    """(name, content) of the mission's ``.metis`` file."""
    mission = find_mission(connection, mission_id)
    return f"{mission.name}.metis", _encode(export_mission(mission))


def add_mission(connection: Connection, mission: Mission, *, actor: Actor, now: datetime) -> Mission:
    """Stores a mission that was drafted; answers it with its stamps."""
    stamps = Stamps(created_at=now, updated_at=now, created_by=actor.id, created_by_username=actor.username)
    stored = _with_file_names(connection, replace(mission, stamps=stamps))
    store.insert_mission(connection, stored)
    return stored


def save_mission(connection: Connection, mission: Mission, *, now: datetime) -> Mission:
    """Stores what ``changed`` answered. Raises MissionChangedError if somebody else was faster."""
    seen = mission.stamps.updated_at
    current = store.get_stamps(connection, mission.id, lock=True)
    if current is None:
        raise MissionNotFoundError
    if seen is None or current.updated_at != seen:
        raise MissionChangedError
    # always later than before, so that two changes in one millisecond are told apart
    stamps = replace(current, updated_at=max(now, seen + _TICK))
    stored = _with_file_names(connection, replace(mission, stamps=stamps))
    store.update_mission(connection, stored, at=max(now, seen + _TICK))
    return stored


def copy(
    connection: Connection, original_id: str, *, name: str, actor: Actor, now: datetime, ids: Ids
) -> Mission:
    """Raises MissionNotFoundError, and MissionInvalidError for a name of nothing but spaces."""
    if not name.strip():
        raise MissionInvalidError.field("copyName", "must not be empty.")
    original = find_mission(connection, original_id)
    return add_mission(connection, copy_mission(original, name=name, ids=ids), actor=actor, now=now)


def add_imported(
    connection: Connection, imported: Sequence[Imported], *, actor: Actor, now: datetime
) -> list[Mission]:
    """Stores them all in one transaction, and journals what each has no room for."""
    stored = []
    for one in imported:
        stored.append(add_mission(connection, one.mission, actor=actor, now=now))
        if one.notes:
            event = Event("mission-imported", {"schemaBuildNumber": one.build, "notes": list(one.notes)})
            stream = f"missions/library/{one.mission.id}"
            journal.append(connection, stream, event, actor_id=actor.id, at=now)
    return stored


def delete_mission(connection: Connection, mission_id: str, *, now: datetime) -> None:
    """Softly. Sessions that run keep the mission that they were launched with."""
    if not store.delete_mission(connection, mission_id, at=now):
        raise MissionNotFoundError


def _with_file_names(connection: Connection, mission: Mission) -> Mission:
    """Files that the mission knows only by reference get the name that they are stored under."""
    nameless = [one.reference for one in mission.files if not one.last_known_name]
    if not nameless:
        return mission
    known = files_store.names_of(connection, nameless)
    return replace(
        mission,
        files=tuple(
            replace(one, last_known_name=known.get(one.reference, "")) if not one.last_known_name else one
            for one in mission.files
        ),
    )
