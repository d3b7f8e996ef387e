"""A ``.metis`` or ``.cesar`` file to a mission, or the reasons why not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from stoa.kernel.errors import Fault
from stoa.kernel.ids import Ids
from stoa.missions.errors import MissionInvalidError
from stoa.missions.missionfile._migrate import migrate
from stoa.missions.missionfile._parse import read_document
from stoa.missions.missionfile._read import BUILT_IN, mission_from
from stoa.missions.missionfile._steps import Migration
from stoa.missions.missionfile._structure import MAX_PLACES
from stoa.missions.model import Mission, Stamps
from stoa.missions.targets import Environments

MAX_BUILD = 10_000


@dataclass(frozen=True, slots=True)
class Imported:
    """``notes`` is what the mission has no room for, plain JSON, each with its path: for the journal."""

    mission: Mission
    build: int
    notes: tuple[dict[str, Any], ...] = ()


def import_mission(
    content: bytes | str | Mapping[str, Any], *, ids: Ids, environments: Environments = BUILT_IN
) -> Imported:
    """The mission in a file, under a fresh id. Raises MissionInvalidError with every fault and its path in the file,
    MissionUnreadableError or MissionTooLargeError.
    """
    document = content if isinstance(content, Mapping) else read_document(content)
    build = _build_of(document)
    migration = Migration(ids)
    _bound(document)
    current = migrate(document, build, migration)
    if migration.faults:
        raise _refusal(migration.faults.tuple())
    try:
        mission = mission_from({**current, "_id": ids.object_id()}, ids=ids, environments=environments)
    except MissionInvalidError as error:
        raise _refusal(
            tuple(Fault(migration.written(one.field), one.message) for one in error.faults)
        ) from None
    return Imported(replace(mission, stamps=Stamps()), build, tuple(migration.notes))


def _build_of(document: Mapping[str, Any]) -> int:
    build = document.get("schemaBuildNumber")
    if build is None:
        raise _refusal((Fault("schemaBuildNumber", "is missing: without it the file can not be read."),))
    if isinstance(build, bool) or not isinstance(build, int) or not 0 < build <= MAX_BUILD:
        raise _refusal((Fault("schemaBuildNumber", "must be a whole number from 1."),))
    return build


def _bound(document: Mapping[str, Any]) -> None:
    """No migration works on more than a mission may have."""
    listed = document.get("nodeData")
    if isinstance(listed, list) and len(listed) > MAX_PLACES:
        raise _refusal((Fault("nodeData", f"must have at most {MAX_PLACES} entries."),))


def _refusal(faults: tuple[Fault, ...]) -> MissionInvalidError:
    first = faults[0]
    where = f"{first.field}: " if first.field else ""
    return MissionInvalidError(f"The file can not be imported. {where}{first.message}", faults=faults)
