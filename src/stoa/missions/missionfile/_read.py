"""A mission's document to a mission, every part of it checked."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from stoa.kernel.ids import Ids
from stoa.missions.errors import MissionInvalidError
from stoa.missions.missionfile._checks import check_effects, check_mission
from stoa.missions.missionfile._structure import check_structure
from stoa.missions.model import (
    DEFAULT_CHANCE,
    DEFAULT_COLOR,
    DEFAULT_COST,
    DEFAULT_FORCE_NAMES,
    DEFAULT_LABEL,
    DEFAULT_PROCESS_MS,
    DEFAULT_RESOURCES,
    MAX_FORCES,
    MAX_LABEL,
    MAX_NAME,
    MAX_PROCESS_MS,
    Action,
    Effect,
    Force,
    Mission,
    MissionFile,
    Node,
    Prototype,
    Stamps,
    Trigger,
)
from stoa.missions.reading import Faults, Reader
from stoa.missions.targets import ENVIRONMENT_ID, METIS, Environments

MAX_PROTOTYPES = 5_000
MAX_ACTIONS = 200
MAX_EFFECTS = 200
MAX_FILES = 1_000
_STAMPS = {"createdAt", "updatedAt", "launchedAt", "createdBy", "createdByUsername", "deleted"}
_MISSION = _STAMPS | {
    *("_id", "name", "versionNumber", "seed", "resourceLabel", "structure", "prototypes", "forces", "files")
}
_PROTOTYPE = {"_id", "structureKey", "depthPadding"}
_FORCE = {
    *("_id", "name", "introMessage", "color", "initialResources", "allowNegativeResources", "revealAllNodes"),
    *("localKey", "nodes"),
}
_NODE = {
    *("_id", "prototypeId", "name", "color", "description", "preExecutionText", "executable", "device"),
    *("exclude", "localKey", "actions"),
}
_ACTION = {
    *("_id", "name", "description", "processTime", "processTimeHidden", "successChance"),
    *("successChanceHidden", "resourceCost", "resourceCostHidden", "opensNode", "opensNodeHidden"),
    *("postExecutionSuccessText", "postExecutionFailureText", "localKey", "effects"),
}
_EFFECT = {
    *("_id", "name", "description", "targetId", "environmentId", "targetEnvironmentVersion", "trigger"),
    *("args", "localKey"),
}
_FILE = {"_id", "reference", "alias", "lastKnownName", "initialAccess"}


BUILT_IN: Environments = {ENVIRONMENT_ID: METIS}


def mission_from(document: Any, *, ids: Ids | None = None, environments: Environments = BUILT_IN) -> Mission:
    """The mission that a plain JSON object describes. Raises MissionInvalidError with every fault and its path.

    With ``ids``, what has no id, seed or local key gets one; without, an id that is missing is a fault. The arguments
    of effects are checked against what ``environments`` declare.
    """
    faults = Faults()
    reading = _Reading(faults, ids)
    top = Reader(document, "", faults, known=_MISSION)
    check_structure(top)
    mission = reading.mission(top)
    if not faults:
        check_mission(mission, faults)
    if not faults:
        check_effects(mission, faults, environments)
    if faults:
        first = faults.tuple()[0]
        where = f"{first.field}: " if first.field else ""
        raise MissionInvalidError(
            f"The mission has faults; the first: {where}{first.message}", faults=faults.tuple()
        )
    return mission


class _Reading:
    def __init__(self, faults: Faults, ids: Ids | None) -> None:
        self._faults = faults
        self._ids = ids

    def _id(self, at: Reader) -> str:
        if self._ids is not None and not at.has("_id"):
            return self._ids.object_id()
        return at.ident("_id")

    def mission(self, at: Reader) -> Mission:
        return Mission(
            id=self._id(at),
            name=at.text("name", limit=MAX_NAME, empty=False),
            seed=self._ids.object_id() if self._ids and not at.has("seed") else at.text("seed", limit=256),
            structure=at.raw("structure") or {},
            prototypes=tuple(
                self._prototype(one)
                for one in at.objects("prototypes", known=_PROTOTYPE, low=1, high=MAX_PROTOTYPES)
            ),
            forces=tuple(
                self._force(one, index)
                for index, one in enumerate(at.objects("forces", known=_FORCE, low=1, high=MAX_FORCES))
            ),
            files=tuple(
                self._file(one) for one in at.objects("files", known=_FILE, high=MAX_FILES, default=None)
            ),
            version_number=at.whole("versionNumber", default=1),
            resource_label=at.text("resourceLabel", default=DEFAULT_LABEL, limit=MAX_LABEL, empty=False),
            stamps=_stamps(at),
        )

    def _prototype(self, at: Reader) -> Prototype:
        return Prototype(
            id=self._id(at),
            structure_key=at.ident("structureKey"),
            depth_padding=at.whole("depthPadding", default=0, high=10_000),
        )

    def _force(self, at: Reader, index: int) -> Force:
        return Force(
            id=self._id(at),
            name=at.text("name", default=DEFAULT_FORCE_NAMES[index], limit=MAX_NAME, empty=False),
            intro=at.html("introMessage"),
            color=at.color("color", default=DEFAULT_COLOR),
            initial_resources=at.whole("initialResources", default=DEFAULT_RESOURCES),
            allow_negative=at.flag("allowNegativeResources", default=False),
            reveal_all=at.flag("revealAllNodes", default=False),
            local_key=at.ident("localKey", default=str(index + 1)),
            nodes=tuple(
                self._node(one, place)
                for place, one in enumerate(at.objects("nodes", known=_NODE, low=1, high=MAX_PROTOTYPES))
            ),
        )

    def _node(self, at: Reader, index: int) -> Node:
        node = Node(
            id=self._id(at),
            prototype_id=at.ident("prototypeId"),
            name=at.text("name", limit=MAX_NAME, empty=False),
            color=at.color("color", default=DEFAULT_COLOR),
            description=at.html("description"),
            pre_text=at.html("preExecutionText"),
            executable=at.flag("executable", default=False),
            device=at.flag("device", default=False),
            exclude=at.flag("exclude", default=False),
            local_key=at.ident("localKey", default=str(index + 1)),
            actions=tuple(
                self._action(one, place)
                for place, one in enumerate(
                    at.objects("actions", known=_ACTION, high=MAX_ACTIONS, default=None)
                )
            ),
        )
        if node.executable and not node.actions:
            at.fault("actions", "must have at least one entry, since the node is executable.")
        return node

    def _action(self, at: Reader, index: int) -> Action:
        process_ms = at.number("processTime", default=DEFAULT_PROCESS_MS, high=MAX_PROCESS_MS)
        if process_ms != int(process_ms) and round(process_ms, 6) != process_ms:
            at.fault("processTime", "must have at most 6 decimals.")
        return Action(
            id=self._id(at),
            name=at.text("name", limit=MAX_NAME, empty=False),
            description=at.html("description"),
            process_ms=process_ms,
            process_hidden=at.flag("processTimeHidden", default=False),
            chance=at.number("successChance", default=DEFAULT_CHANCE, high=1),
            chance_hidden=at.flag("successChanceHidden", default=False),
            cost=at.whole("resourceCost", default=DEFAULT_COST),
            cost_hidden=at.flag("resourceCostHidden", default=False),
            opens_node=at.flag("opensNode", default=True),
            opens_hidden=at.flag("opensNodeHidden", default=False),
            success_text=at.html("postExecutionSuccessText"),
            failure_text=at.html("postExecutionFailureText"),
            local_key=at.ident("localKey", default=str(index + 1)),
            effects=tuple(
                self._effect(one, place)
                for place, one in enumerate(
                    at.objects("effects", known=_EFFECT, high=MAX_EFFECTS, default=None)
                )
            ),
        )

    def _effect(self, at: Reader, index: int) -> Effect:
        trigger = at.text("trigger")
        if trigger not in Trigger._value2member_map_:
            if at.has("trigger"):
                at.fault("trigger", f"must be one of {', '.join(Trigger)}.")
            trigger = Trigger.IMMEDIATE
        args = at.raw("args")
        if not isinstance(args, Mapping):
            at.fault("args", "must be an object." if at.has("args") else "is required.")
            args = {}
        return Effect(
            id=self._id(at),
            name=at.text("name", limit=MAX_NAME, empty=False),
            description=at.html("description"),
            target_id=at.text("targetId", limit=MAX_NAME, empty=False),
            environment_id=at.text("environmentId", limit=MAX_NAME, empty=False),
            environment_version=at.text("targetEnvironmentVersion", default="", limit=MAX_NAME),
            trigger=Trigger(trigger),
            args=dict(args),
            local_key=at.ident("localKey", default=str(index + 1)),
        )

    def _file(self, at: Reader) -> MissionFile:
        reference = at.raw("reference")
        if isinstance(reference, Mapping):
            # The original sends the whole document of the file store, populated; its id is what counts.
            reference = reference.get("_id")
        if not isinstance(reference, str) or not 0 < len(reference) <= MAX_NAME:
            at.fault("reference", "must be a stored file's id, or its document.")
            reference = ""
        access = at.list_of("initialAccess", high=MAX_FORCES, default=None)
        if not all(isinstance(one, str) for one in access):
            at.fault("initialAccess", "must be a list of forces' ids.")
            access = []
        return MissionFile(
            id=self._id(at),
            reference=reference,
            alias=at.text("alias", default="", limit=MAX_NAME) if at.has("alias") else "",
            last_known_name=at.text("lastKnownName", default="", limit=MAX_NAME),
            initial_access=tuple(access),
        )


def _creator(at: Reader) -> str | None:
    """A user's id, or the user's whole document, which the original sends where it has looked it up."""
    value = at.raw("createdBy")
    if isinstance(value, Mapping) and isinstance(value.get("_id"), str):
        return str(value["_id"])[:64]
    return at.text("createdBy", limit=64) if at.has("createdBy") else None


def _stamps(at: Reader) -> Stamps:
    return Stamps(
        created_at=_moment(at, "createdAt"),
        updated_at=_moment(at, "updatedAt"),
        launched_at=_moment(at, "launchedAt"),
        created_by=_creator(at),
        created_by_username=at.text("createdByUsername", limit=64) if at.has("createdByUsername") else None,
        deleted=at.flag("deleted", default=False),
    )


def _moment(at: Reader, key: str) -> datetime | None:
    if not at.has(key):
        return None
    try:
        moment = datetime.fromisoformat(at.text(key, limit=64))
    except ValueError:
        at.fault(key, "must be a time such as 2025-07-15T10:30:00.000Z.")
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
