"""Reading back what ``mission_to`` wrote, without checking it against itself: a large mission in a tenth of the time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from stoa.missions.model import (
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


def trusted_mission(document: Mapping[str, Any]) -> Mission:
    """The mission in a document that ``mission_to`` wrote. Anything else belongs to ``mission_from``."""
    return Mission(
        id=document["_id"],
        name=document["name"],
        seed=document["seed"],
        structure=document["structure"],
        prototypes=tuple(
            Prototype(one["_id"], one["structureKey"], one["depthPadding"]) for one in document["prototypes"]
        ),
        forces=tuple(_force(one) for one in document["forces"]),
        files=tuple(
            MissionFile(
                one["_id"],
                one["reference"],
                one["alias"],
                one["lastKnownName"],
                tuple(one["initialAccess"]),
            )
            for one in document["files"]
        ),
        version_number=document["versionNumber"],
        resource_label=document["resourceLabel"],
        stamps=Stamps(
            created_at=_moment(document["createdAt"]),
            updated_at=_moment(document["updatedAt"]),
            launched_at=_moment(document["launchedAt"]),
            created_by=document["createdBy"],
            created_by_username=document["createdByUsername"],
            deleted=document["deleted"],
        ),
    )


def _force(one: Mapping[str, Any]) -> Force:
    return Force(
        one["_id"],
        one["name"],
        one["introMessage"],
        one["color"],
        one["initialResources"],
        one["allowNegativeResources"],
        one["revealAllNodes"],
        one["localKey"],
        tuple([_node(node) for node in one["nodes"]]),
    )


def _node(one: Mapping[str, Any]) -> Node:
    return Node(
        one["_id"],
        one["prototypeId"],
        one["name"],
        one["color"],
        one["description"],
        one["preExecutionText"],
        one["executable"],
        one["device"],
        one["exclude"],
        one["localKey"],
        tuple([_action(action) for action in one["actions"]]),
    )


def _action(one: Mapping[str, Any]) -> Action:
    return Action(
        one["_id"],
        one["name"],
        one["description"],
        one["processTime"],
        one["processTimeHidden"],
        one["successChance"],
        one["successChanceHidden"],
        one["resourceCost"],
        one["resourceCostHidden"],
        one["opensNode"],
        one["opensNodeHidden"],
        one["postExecutionSuccessText"],
        one["postExecutionFailureText"],
        one["localKey"],
        tuple([_effect(effect) for effect in one["effects"]]) if one["effects"] else (),
    )


def _effect(one: Mapping[str, Any]) -> Effect:
    return Effect(
        id=one["_id"],
        name=one["name"],
        target_id=one["targetId"],
        environment_id=one["environmentId"],
        trigger=Trigger(one["trigger"]),
        args=one["args"],
        description=one["description"],
        environment_version=one["targetEnvironmentVersion"],
        local_key=one["localKey"],
    )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
