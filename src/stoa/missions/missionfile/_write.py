"""A mission to its document: for the API, for a file, for a copy."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from stoa.kernel.ids import Ids
from stoa.missions.missionfile._migrate import CURRENT_BUILD
from stoa.missions.model import (
    DEFAULT_FORCE_NAMES,
    Action,
    Effect,
    Force,
    Mission,
    MissionFile,
    Node,
    Prototype,
    Stamps,
)

SERVERS_OWN = ("_id", "createdAt", "updatedAt", "launchedAt", "createdBy", "createdByUsername", "deleted")
"""What of a document is the server's to say, and no file's or client's."""


def mission_to(mission: Mission) -> dict[str, Any]:
    """The document of a mission, everything in it: for those who may read missions, never for players."""
    stamps = mission.stamps
    return {
        "_id": mission.id,
        "name": mission.name,
        "versionNumber": mission.version_number,
        "seed": mission.seed,
        "resourceLabel": mission.resource_label,
        "structure": mission.structure,
        "prototypes": [
            {"_id": one.id, "structureKey": one.structure_key, "depthPadding": one.depth_padding}
            for one in mission.prototypes
        ],
        "forces": [_force(force) for force in mission.forces],
        "files": [_file(file) for file in mission.files],
        "createdAt": _moment(stamps.created_at),
        "updatedAt": _moment(stamps.updated_at),
        "launchedAt": _moment(stamps.launched_at),
        "createdBy": stamps.created_by,
        "createdByUsername": stamps.created_by_username,
        "deleted": stamps.deleted,
    }


def export_mission(mission: Mission) -> dict[str, Any]:
    """The content of a ``.metis`` file: the mission without what only this server knows of it."""
    document = mission_to(mission)
    for key in SERVERS_OWN:
        del document[key]
    return {**document, "schemaBuildNumber": CURRENT_BUILD}


def copy_mission(mission: Mission, *, name: str, ids: Ids) -> Mission:
    """The same mission under a new id and name. Ids inside stay: they only need be distinct within a mission."""
    return replace(mission, id=ids.object_id(), name=name, stamps=Stamps())


def new_mission(name: str, *, ids: Ids) -> Mission:
    """The smallest mission: one force, one node."""
    prototype = Prototype(ids.object_id(), structure_key=ids.object_id())
    node = Node(ids.object_id(), prototype_id=prototype.id, name="New Node", local_key="1")
    force = Force(ids.object_id(), name=DEFAULT_FORCE_NAMES[0], local_key="1", nodes=(node,))
    return Mission(
        id=ids.object_id(),
        name=name,
        seed=ids.object_id(),
        structure={prototype.structure_key: {}},
        prototypes=(prototype,),
        forces=(force,),
    )


def _force(force: Force) -> dict[str, Any]:
    return {
        "_id": force.id,
        "name": force.name,
        "introMessage": force.intro,
        "color": force.color,
        "initialResources": force.initial_resources,
        "allowNegativeResources": force.allow_negative,
        "revealAllNodes": force.reveal_all,
        "localKey": force.local_key,
        "nodes": [_node(node) for node in force.nodes],
    }


def _node(node: Node) -> dict[str, Any]:
    return {
        "_id": node.id,
        "prototypeId": node.prototype_id,
        "name": node.name,
        "color": node.color,
        "description": node.description,
        "preExecutionText": node.pre_text,
        "executable": node.executable,
        "device": node.device,
        "exclude": node.exclude,
        "localKey": node.local_key,
        "actions": [_action(action) for action in node.actions],
    }


def _action(action: Action) -> dict[str, Any]:
    return {
        "_id": action.id,
        "name": action.name,
        "description": action.description,
        "processTime": action.process_ms,
        "processTimeHidden": action.process_hidden,
        "successChance": action.chance,
        "successChanceHidden": action.chance_hidden,
        "resourceCost": action.cost,
        "resourceCostHidden": action.cost_hidden,
        "opensNode": action.opens_node,
        "opensNodeHidden": action.opens_hidden,
        "postExecutionSuccessText": action.success_text,
        "postExecutionFailureText": action.failure_text,
        "localKey": action.local_key,
        "effects": [_effect(effect) for effect in action.effects],
    }


def _effect(effect: Effect) -> dict[str, Any]:
    return {
        "_id": effect.id,
        "name": effect.name,
        "description": effect.description,
        "targetId": effect.target_id,
        "environmentId": effect.environment_id,
        "targetEnvironmentVersion": effect.environment_version,
        "trigger": str(effect.trigger),
        "args": effect.args,
        "localKey": effect.local_key,
    }


def _file(file: MissionFile) -> dict[str, Any]:
    return {
        "_id": file.id,
        "reference": file.reference,
        "alias": file.alias,
        "lastKnownName": file.last_known_name,
        "initialAccess": list(file.initial_access),
    }


def _moment(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
