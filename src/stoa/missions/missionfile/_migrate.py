"""Old schema builds, brought to the current one step at a time: a table of build n → build n + 1.

Only a build whose documents differ from the one before has a row. Up to 13 a mission is one force, with its nodes in
``nodeData``; from 14 on it has forces and prototypes. Whatever a step yields is checked in full at the end, so a
step may pass on what it can't judge.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from stoa.kernel.ids import Ids
from stoa.missions.model import DEFAULT_FORCE_NAMES
from stoa.missions.reading import Faults

CURRENT_BUILD = 49
LAST_SINGLE_FORCE = 13


@dataclass(slots=True)
class Migration:
    """What the steps share: a source of ids, what they noted, and what was wrong, by the old document's paths."""

    ids: Ids
    notes: list[dict[str, Any]] = field(default_factory=list)
    faults: Faults = field(default_factory=Faults)


Step = Callable[[dict[str, Any], Migration], dict[str, Any]]

_DROPPED = {"__v", "_id", "missionID", "deleted", "createdAt", "updatedAt", "live"}
_MISSION = {
    *("name", "versionNumber", "seed", "initialResources", "introMessage", "nodeStructure", "nodeData"),
    *("resourceLabel", "schemaBuildNumber"),
}
_NODE = {
    *("nodeID", "name", "color", "description", "preExecutionText", "depthPadding", "executable"),
    *("device", "actions"),
}
_ACTION = {
    *("actionID", "name", "description", "processTime", "successChance", "resourceCost"),
    *("postExecutionSuccessText", "postExecutionFailureText", "scripts"),
}


def migrate(document: Mapping[str, Any], build: int, migration: Migration) -> dict[str, Any]:
    current = dict(document)
    for at in sorted(MIGRATIONS):
        if at >= build:
            current = MIGRATIONS[at](current, migration)
    current.pop("schemaBuildNumber", None)
    return current


def _forces_and_prototypes(document: dict[str, Any], migration: Migration) -> dict[str, Any]:
    """Build 13 → 14: the one force becomes "Friendly", and every node gets a prototype of its own."""
    listed = document.get("nodeData")
    if not isinstance(listed, list) or not isinstance(document.get("nodeStructure"), Mapping):
        for key, kind in (("nodeData", list), ("nodeStructure", Mapping)):
            if not isinstance(document.get(key), kind):
                migration.faults.add(key, "is required, and must be of its kind.")
        return {}
    _note_unknown("", document, _MISSION, migration)
    prototypes, nodes = [], []
    for index, old in enumerate(listed):
        prototype, node = _node(old, f"nodeData[{index}]", migration)
        prototypes.append(prototype)
        nodes.append(node)
    force = _kept(document, {"introMessage", "initialResources"})
    force |= {"_id": migration.ids.object_id(), "name": DEFAULT_FORCE_NAMES[0], "nodes": nodes}
    return {
        **_kept(document, {"name", "versionNumber", "seed", "resourceLabel"}),
        "structure": document["nodeStructure"],
        "prototypes": prototypes,
        "forces": [force],
        "files": [],
    }


def _node(old: Any, path: str, migration: Migration) -> tuple[dict[str, Any], dict[str, Any]]:
    if not isinstance(old, Mapping):
        migration.faults.add(path, "must be an object.")
        return {}, {}
    _note_unknown(path, old, _NODE, migration)
    key = old.get("nodeID")
    if not isinstance(key, str) or not key:
        migration.faults.add(f"{path}.nodeID", "must be a text that is not empty.")
    prototype = {**_kept(old, {"depthPadding"}), "_id": migration.ids.object_id(), "structureKey": key}
    actions = old.get("actions")
    node = {
        **_kept(old, _NODE - {"nodeID", "depthPadding", "actions"}),
        "_id": migration.ids.object_id(),
        "prototypeId": prototype["_id"],
        "actions": [_action(one, f"{path}.actions[{index}]", migration) for index, one in enumerate(actions)]
        if isinstance(actions, list)
        else actions,
    }
    return prototype, {key: value for key, value in node.items() if value is not None}


def _action(old: Any, path: str, migration: Migration) -> Any:
    if not isinstance(old, Mapping):
        return old
    _note_unknown(path, old, _ACTION, migration)
    action = {**_kept(old, _ACTION - {"actionID", "scripts"}), "_id": migration.ids.object_id()}
    scripts = old.get("scripts")
    if scripts:
        migration.notes.append({"path": path, "actionId": action["_id"], "scripts": scripts})
    return action


def _kept(old: Mapping[str, Any], keys: set[str]) -> dict[str, Any]:
    return {key: old[key] for key in old if key in keys and old[key] is not None}


def _note_unknown(path: str, old: Mapping[str, Any], known: set[str], migration: Migration) -> None:
    for key in old:
        if key not in known and key not in _DROPPED:
            migration.notes.append({"path": f"{path}.{key}" if path else str(key), "dropped": old[key]})


MIGRATIONS: Mapping[int, Step] = {LAST_SINGLE_FORCE: _forces_and_prototypes}

_OLD_PATHS = (
    (re.compile(r"^forces\[0\]\.nodes(.*)\.prototypeId$"), r"nodeData\1.nodeID"),
    (re.compile(r"^forces\[0\]\.nodes"), "nodeData"),
    (re.compile(r"^forces\[0\]\."), ""),
    (re.compile(r"^prototypes(.*)\.structureKey$"), r"nodeData\1.nodeID"),
    (re.compile(r"^prototypes"), "nodeData"),
    (re.compile(r"^structure"), "nodeStructure"),
)


def old_path(path: str, build: int) -> str:
    """Where in the file as it was written a fault of the migrated document lies."""
    if build > LAST_SINGLE_FORCE:
        return path
    for pattern, written in _OLD_PATHS:
        if pattern.search(path):
            return pattern.sub(written, path)
    return path
