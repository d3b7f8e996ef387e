"""The mission in a session, cut to what a viewer may see of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any

from stoa.missions.engine import Exercise
from stoa.missions.model import (
    Action,
    Execution,
    Force,
    MissionFile,
    Node,
    Output,
    OutputKind,
    Prototype,
    SessionState,
    Status,
)
from stoa.missions.views._viewer import Viewer

HIDDEN = -1


class Exposure(StrEnum):
    """How much of the forces is shown."""

    ALL = "all"
    FORCE_WITH_ALL_NODES = "force-with-all-nodes"
    FORCE_WITH_REVEALED_NODES = "force-with-revealed-nodes"
    NONE = "none"


def exposure_of(exercise: Exercise, viewer: Viewer) -> Exposure:
    """Before the start only those who see all see anything."""
    if viewer.sees_all:
        return Exposure.ALL
    if exercise.state is SessionState.UNSTARTED or viewer.force_id is None:
        return Exposure.NONE
    if exercise.atlas.forces[viewer.force_id].reveal_all:
        return Exposure.FORCE_WITH_ALL_NODES
    return Exposure.FORCE_WITH_REVEALED_NODES


def mission_view(exercise: Exercise, viewer: Viewer) -> dict[str, Any]:
    """``{structure, forces, prototypes, files}``."""
    exposure = exposure_of(exercise, viewer)
    mission = exercise.mission
    if exposure is Exposure.NONE:
        return {"structure": {}, "forces": [], "prototypes": [], "files": []}
    runs = _by_node(exercise)
    if exposure is Exposure.ALL:
        return {
            "structure": mission.structure,
            "forces": [force_view(exercise, force, viewer, runs=runs) for force in mission.forces],
            "prototypes": [prototype_view(one) for one in mission.prototypes],
            "files": file_views(exercise, viewer),
        }
    force = exercise.atlas.forces[viewer.force_id or ""]
    places = list(exercise.shown_places(force))
    return {
        "structure": structure_of(exercise, places),
        "forces": [force_view(exercise, force, viewer, runs=runs)],
        "prototypes": [prototype_view(exercise.atlas.prototypes[place]) for place in places],
        "files": file_views(exercise, viewer),
    }


def structure_view(exercise: Exercise, force: Force, viewer: Viewer) -> dict[str, Any]:
    if viewer.sees_all:
        return exercise.mission.structure
    return structure_of(exercise, exercise.shown_places(force))


def structure_of(exercise: Exercise, places: Iterable[str]) -> dict[str, Any]:
    """The tree of these prototypes, which come parents first."""
    atlas = exercise.atlas
    tree: dict[str, Any] = {}
    levels: dict[str | None, dict[str, Any]] = {None: tree}
    for place in places:
        level: dict[str, Any] = {}
        levels[place] = level
        levels[atlas.parent[place]][atlas.prototypes[place].structure_key] = level
    return tree


def prototype_view(prototype: Prototype) -> dict[str, Any]:
    return {
        "_id": prototype.id,
        "structureKey": prototype.structure_key,
        "depthPadding": prototype.depth_padding,
    }


def force_view(
    exercise: Exercise, force: Force, viewer: Viewer, *, runs: Mapping[str, list[Execution]] | None = None
) -> dict[str, Any]:
    """One force that the viewer sees, with the nodes that they see of it."""
    if viewer.sees_all:
        nodes: Iterable[Node] = force.nodes
    else:
        at = exercise.atlas.node_at[force.id]
        nodes = (at[place] for place in exercise.shown_places(force) if not at[place].exclude)
    known = _by_node(exercise) if runs is None else runs
    return {
        "_id": force.id,
        "name": force.name,
        "introMessage": force.intro,
        "color": force.color,
        "initialResources": force.initial_resources,
        "allowNegativeResources": force.allow_negative,
        "revealAllNodes": force.reveal_all,
        "localKey": force.local_key,
        "resourcesRemaining": exercise.resources[force.id],
        "outputs": [
            output_view(one)
            for one in exercise.outputs
            if one.force_id == force.id and one.user_id in (None, viewer.user_id)
        ],
        "nodes": [node_view(exercise, node, runs=known) for node in nodes],
    }


def _by_node(exercise: Exercise) -> dict[str, list[Execution]]:
    runs: dict[str, list[Execution]] = {}
    for execution in exercise.executions.values():
        runs.setdefault(execution.node_id, []).append(execution)
    return runs


def node_views(exercise: Exercise, nodes: Sequence[Node]) -> list[dict[str, Any]]:
    runs = _by_node(exercise) if nodes else {}
    return [node_view(exercise, node, runs=runs) for node in nodes]


def node_view(exercise: Exercise, node: Node, *, runs: Mapping[str, list[Execution]]) -> dict[str, Any]:
    """A node as it is now. One that nothing has touched looks the same to all, and is written once for its mission."""
    if _touched(exercise, node, runs):
        return _node_view(exercise, node, runs)
    pristine = exercise.atlas.pristine
    view = pristine.get(node.id)
    if view is None:
        # Many are kept, so each is made of what the collector of garbage need not look into: texts and empty tuples.
        view = pristine[node.id] = _node_view(exercise, node, runs)
    return view


def _touched(exercise: Exercise, node: Node, runs: Mapping[str, list[Execution]]) -> bool:
    if node.id in exercise.opened or node.id in runs or exercise.is_blocked(node):
        return True
    return bool(exercise.numbers) and any(action.id in exercise.numbers for action in node.actions)


def _node_view(exercise: Exercise, node: Node, runs: Mapping[str, list[Execution]]) -> dict[str, Any]:
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
        "opened": node.id in exercise.opened or exercise.force_of(node).reveal_all,
        "blocked": exercise.is_blocked(node),
        "executions": tuple([execution_view(exercise, one) for one in runs.get(node.id, ())]),
        "actions": tuple([action_view(exercise, action) for action in node.actions]),
    }


def action_view(exercise: Exercise, action: Action) -> dict[str, Any]:
    """The numbers as they are now, the hidden ones as −1. What an action says afterwards is said afterwards."""
    numbers = exercise.numbers_of(action.id)
    return {
        "_id": action.id,
        "name": action.name,
        "description": action.description,
        "processTime": HIDDEN if action.process_hidden else numbers.process_ms,
        "processTimeHidden": action.process_hidden,
        "successChance": HIDDEN if action.chance_hidden else numbers.chance,
        "successChanceHidden": action.chance_hidden,
        "resourceCost": HIDDEN if action.cost_hidden else numbers.cost,
        "resourceCostHidden": action.cost_hidden,
        "opensNode": action.opens_node and not action.opens_hidden,
        "opensNodeHidden": action.opens_hidden,
        "postExecutionSuccessText": "",
        "postExecutionFailureText": "",
        "localKey": action.local_key,
        "effects": (),
    }


def execution_view(exercise: Exercise, execution: Execution) -> dict[str, Any]:
    """Where the process time is hidden, so is the end that would tell it."""
    action = exercise.atlas.actions[execution.action_id]
    running = execution.status is Status.EXECUTING
    return {
        "_id": execution.id,
        "actionId": execution.action_id,
        "nodeId": execution.node_id,
        "start": execution.start_ms,
        "end": HIDDEN if action.process_hidden else execution.end_ms,
        "outcome": None if running else outcome_view(execution),
    }


def outcome_view(execution: Execution) -> dict[str, Any]:
    state: dict[str, Any] = {"status": str(execution.status)}
    if execution.aborted_ms is not None:
        state["abortedAt"] = execution.aborted_ms
    return {
        "_id": hashlib.sha256(f"{execution.id}/outcome".encode()).hexdigest()[:24],
        "executionId": execution.id,
        "state": state,
    }


def output_view(output: Output) -> dict[str, Any]:
    context: dict[str, Any] = {"type": str(output.kind)}
    if output.kind is OutputKind.PRE_EXECUTION:
        context["sourceNodeId"] = output.node_id
    elif output.execution_id is not None:
        context["sourceExecutionId"] = output.execution_id
    return {
        "_id": output.id,
        "forceId": output.force_id,
        "context": context,
        "prefix": output.prefix,
        "message": output.message,
        "time": output.time_ms,
        "broadcastType": "force" if output.user_id is None else "user",
    }


def file_views(exercise: Exercise, viewer: Viewer) -> list[dict[str, Any]]:
    """All files for those who see all, the accessible ones for a force."""
    if exposure_of(exercise, viewer) is Exposure.NONE:
        return []
    return [
        file_view(exercise, file, viewer)
        for file in exercise.mission.files
        if viewer.sees_all or viewer.force_id in exercise.access[file.id]
    ]


def file_view(exercise: Exercise, file: MissionFile, viewer: Viewer) -> dict[str, Any]:
    """A force sees the name that the mission gives the file, and of the forces that have it only itself."""
    if viewer.sees_all:
        return {
            "_id": file.id,
            "name": file.name,
            "alias": file.alias,
            "lastKnownName": file.last_known_name,
            "reference": file.reference,
            "initialAccess": list(file.initial_access),
            "access": sorted(exercise.access[file.id]),
        }
    return {
        "_id": file.id,
        "name": file.name,
        "alias": file.name,
        "lastKnownName": file.name,
        "initialAccess": [viewer.force_id],
        "access": [viewer.force_id],
    }
