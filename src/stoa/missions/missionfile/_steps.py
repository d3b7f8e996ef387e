"""What each schema build changed in a mission's document, one function a build, and what later builds are without.

The facts are METIS's own database migrations, which are public (server/database/builds in its repository). A step
changes a document that is its own copy; whatever it yields is checked in full at the end, so that a step passes on
what it can't judge. Builds that changed nothing in missions, or only filled in a default that is ours too, have no step.
A document that has forces or prototypes before its build had them is taken at its word.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from stoa.kernel.ids import Ids
from stoa.missions.missionfile._structure import MAX_PLACES
from stoa.missions.model import DEFAULT_FORCE_NAMES, Trigger
from stoa.missions.reading import Faults
from stoa.missions.targets import ENVIRONMENT_ID, ENVIRONMENT_VERSION


@dataclass(slots=True)
class Migration:
    """What the steps share: a source of ids, what they noted, and what was wrong, by the paths of the file itself."""

    ids: Ids
    notes: list[dict[str, Any]] = field(default_factory=list)
    faults: Faults = field(default_factory=Faults)
    _moved: list[Callable[[str], str]] = field(default_factory=list)

    def moved(self, pattern: str, written: str) -> None:
        """From here on what was at ``written`` is at ``pattern``."""
        known = re.compile(pattern)
        self._moved.append(lambda path: known.sub(written, path))

    def moved_by(self, back: Callable[[str], str]) -> None:
        self._moved.append(back)

    def written(self, path: str) -> str:
        """Where in the file stands what is at ``path`` now."""
        for back in reversed(self._moved):
            path = back(path)
        return path

    def fault(self, path: str, message: str) -> None:
        self.faults.add(self.written(path), message)


Document = dict[str, Any]
Step = Callable[[Document, Migration], None]
_ACTIONS = ("forces", "nodes", "actions")
_EFFECTS = (*_ACTIONS, "effects")


def each(owner: Document, keys: Sequence[str], change: Callable[[Document, str], None], at: str = "") -> None:
    """Calls ``change(object, path)`` for a copy of every object in the lists ``keys`` lead to. What is none stays."""
    key, *below = keys
    listed = owner.get(key)
    if not isinstance(listed, list):
        return
    path = f"{at}.{key}" if at else key
    owner[key] = changed = []
    for index, one in enumerate(listed[: MAX_PLACES + 1]):
        if not isinstance(one, Mapping):
            changed.append(one)
            continue
        own = dict(one)
        if below:
            each(own, below, change, f"{path}[{index}]")
        else:
            change(own, f"{path}[{index}]")
        changed.append(own)


# --- up to 22 a mission is one force, its nodes in nodeData ------------------------------------------------------

_COLORS = {
    "default": "#ffffff", "green": "#65eb59", "pink": "#fa39ac", "yellow": "#f7e346", "blue": "#34a1fb",
    "purple": "#ae66d6", "red": "#f9484f", "brown": "#ac8750", "orange": "#ffab50",
}  # fmt: skip


def colors_are_hex(document: Document, _: Migration) -> None:
    """Build 10."""

    def change(node: Document, _path: str) -> None:
        color = node.get("color")
        if isinstance(color, str):
            node["color"] = _COLORS.get(color, color)

    each(document, ("nodeData",), change)


def scripts_are_gone(document: Document, migration: Migration) -> None:
    """Build 17: actions have effects in place of scripts, whose programs are not here. They become notes."""

    def change(action: Document, path: str) -> None:
        action["_id"] = migration.ids.object_id()
        scripts = action.pop("scripts", None)
        if scripts:
            note = {"path": migration.written(path), "actionId": action["_id"], "scripts": scripts}
            migration.notes.append(note)

    each(document, ("nodeData", "actions"), change)


def nodes_have_structure_keys(document: Document, migration: Migration) -> None:
    """Build 20, which takes the ids of its own away from missions and actions too."""

    def change(node: Document, _path: str) -> None:
        if "nodeID" in node:
            node["structureKey"] = node.pop("nodeID")

    each(document, ("nodeData",), change)
    migration.moved(r"^(nodeData\[\d+\])\.structureKey", r"\1.nodeID")


_DROPPED = {"__v", "missionID", "deleted", "createdAt", "updatedAt", "live", "actionID"}
_MISSION = {
    *("name", "versionNumber", "seed", "initialResources", "introMessage", "nodeStructure", "nodeData"),
    *("resourceLabel", "schemaBuildNumber"),
}
_NODE = {
    *("structureKey", "name", "color", "description", "preExecutionText", "depthPadding", "executable"),
    *("device", "actions"),
}
_ACTION = {
    *("name", "description", "processTime", "successChance", "resourceCost", "effects"),
    *("postExecutionSuccessText", "postExecutionFailureText"),
}


def nodes_belong_to_forces(document: Document, migration: Migration) -> None:
    """Build 23: the one force becomes "Friendly". What the mission has no room for is noted."""
    if "forces" in document and "nodeData" not in document:
        return
    for key, kind in (("nodeData", list), ("nodeStructure", Mapping)):
        if not isinstance(document.get(key), kind):
            migration.fault(key, "is required, and must be of its kind.")

    def change_action(action: Document, path: str) -> None:
        action["_id"] = action.get("_id") or migration.ids.object_id()
        _keep(action, _ACTION, path, migration)

    def change_node(node: Document, path: str) -> None:
        node["_id"] = migration.ids.object_id()
        _keep(node, _NODE, path, migration)

    each(document, ("nodeData", "actions"), change_action)
    each(document, ("nodeData",), change_node)
    _keep(document, _MISSION, "", migration)
    force = {"_id": migration.ids.object_id(), "name": DEFAULT_FORCE_NAMES[0]}
    document["forces"] = [force | {"nodes": document.pop("nodeData", None)}]
    migration.moved(r"^forces\[0\]\.nodes", "nodeData")


def _keep(owner: Document, known: set[str], path: str, migration: Migration) -> None:
    for key in list(owner):
        if owner[key] is None or key in _DROPPED:
            del owner[key]
        elif key not in known and key != "_id":
            place = migration.written(f"{path}.{key}" if path else str(key))
            migration.notes.append({"path": place, "dropped": owner.pop(key)})
    if not path:
        owner.pop("_id", None)


# --- from 23 on it has forces, from 29 on prototypes -------------------------------------------------------------


def effects_are_one_list(document: Document, _: Migration) -> None:
    """Builds 24 and 25: what was ``effects`` was ``externalEffects`` for one build; empty paragraphs are empty."""

    def blank(owner: Document, *keys: str) -> None:
        owner.update((key, "") for key in keys if owner.get(key) == "<p><br></p>")

    def change(action: Document, _path: str) -> None:
        action.pop("internalEffects", None)
        if "externalEffects" in action:
            action["effects"] = action.pop("externalEffects")
        blank(action, "description")

    each(document, _ACTIONS, change)
    each(document, ("forces", "nodes"), lambda node, _path: blank(node, "description", "preExecutionText"))
    each(document, _EFFECTS, lambda effect, _path: blank(effect, "description"))


def resources_are_the_forces(document: Document, migration: Migration) -> None:
    """Build 27."""
    _hand_to_forces("initialResources", document, migration)


def intros_are_the_forces(document: Document, migration: Migration) -> None:
    """Build 28."""
    _hand_to_forces("introMessage", document, migration)


def _hand_to_forces(key: str, document: Document, migration: Migration) -> None:
    given = document.pop(key, None)
    if given is not None:
        each(document, ("forces",), lambda force, _path: force.update({key: given}))
        migration.moved(rf"^forces\[\d+\]\.{key}", key)


def nodes_have_prototypes(document: Document, migration: Migration) -> None:
    """Build 29: one tree for all forces, and in each a node for every place in it."""
    if "prototypes" in document:
        return
    prototypes: dict[str, Document] = {}
    origins: list[str] = []
    taken: set[tuple[str, str]] = set()
    if not isinstance(document.get("nodeStructure"), Mapping):
        migration.fault("nodeStructure", "is required, and must be of its kind.")

    def change(node: Document, path: str) -> None:
        key, padding = node.pop("structureKey", None), node.pop("depthPadding", None)
        if not isinstance(key, str) or not key:
            migration.fault(f"{path}.structureKey", "must be a text that is not empty.")
            return
        force = path.partition(".")[0]
        if (force, key) in taken:
            migration.fault(f"{path}.structureKey", "is another node's.")
        taken.add((force, key))
        if key not in prototypes:
            prototypes[key] = {"_id": migration.ids.object_id(), "structureKey": key}
            prototypes[key] |= {} if padding is None else {"depthPadding": padding}
            origins.append(path)
        node["prototypeId"] = prototypes[key]["_id"]

    each(document, ("forces", "nodes"), change)
    document["structure"] = document.pop("nodeStructure", None)
    document["prototypes"] = list(prototypes.values())

    def back(path: str) -> str:
        found = re.match(r"prototypes\[(\d+)\]", path)
        if found:
            return origins[int(found[1])] + path[found.end() :]
        return "forces[0].nodes" if path == "prototypes" else path

    migration.moved(r"^structure", "nodeStructure")
    migration.moved(r"^(forces\[\d+\]\.nodes\[\d+\])\.prototypeId$", r"\1.structureKey")
    migration.moved_by(back)


def effects_have_triggers(document: Document, _: Migration) -> None:
    """Build 36: what ran on success always did says so."""

    def change(effect: Document, _path: str) -> None:
        effect["trigger"] = effect.get("trigger") or str(Trigger.SUCCESS)

    each(document, _EFFECTS, change)


def versions_have_patches(document: Document, _: Migration) -> None:
    """Build 45: 0.1 is 0.1.0."""

    def change(effect: Document, _path: str) -> None:
        version = effect.get("targetEnvironmentVersion")
        if isinstance(version, str) and re.fullmatch(r"[0-9]{1,9}\.[0-9]{1,9}", version):
            effect["targetEnvironmentVersion"] = f"{version}.0"

    each(document, _EFFECTS, change)


# --- what came after: taken back where it says nothing new, refused where it does --------------------------------


def without_types(document: Document, migration: Migration) -> None:
    """Build 46 lets an action be done once only."""
    _only(document, _ACTIONS, "type", "repeatable", migration)


def without_blocked_beginnings(document: Document, migration: Migration) -> None:
    """Build 47 lets a node begin blocked."""
    _only(document, ("forces", "nodes"), "initiallyBlocked", False, migration)


def _only(
    document: Document, keys: Sequence[str], name: str, expressible: object, migration: Migration
) -> None:
    def change(owner: Document, path: str) -> None:
        if owner.pop(name, expressible) != expressible:
            migration.fault(f"{path}.{name}", f"must be {expressible!r}: nothing else can be kept here.")

    each(document, keys, change)


_TRIGGERS = {
    "execution-initiation": Trigger.IMMEDIATE,
    "execution-success": Trigger.SUCCESS,
    "execution-failure": Trigger.FAILURE,
}


def with_short_triggers(document: Document, _: Migration) -> None:
    """Build 50 calls the triggers by longer names."""

    def change(effect: Document, _path: str) -> None:
        trigger = effect.get("trigger")
        if isinstance(trigger, str) and trigger in _TRIGGERS:
            effect["trigger"] = str(_TRIGGERS[trigger])

    each(document, _EFFECTS, change)


def with_effects_in_order(document: Document, _: Migration) -> None:
    """Build 51 numbers effects; here their order in the list counts. Missions may have effects of their own, too."""

    def change(action: Document, _path: str) -> None:
        effects = action.get("effects")
        if isinstance(effects, list):
            action["effects"] = sorted(effects, key=_order)

    each(document, _ACTIONS, change)
    each(document, _EFFECTS, lambda effect, _path: effect.pop("order", None))
    if document.get("effects") == []:
        del document["effects"]


def _order(effect: Any) -> float:
    order = effect.get("order") if isinstance(effect, Mapping) else None
    return order if isinstance(order, int | float) else 0


def with_open_node(document: Document, migration: Migration) -> None:
    """Build 52 can close nodes too."""

    def change(effect: Document, path: str) -> None:
        args = effect.get("args")
        if effect.get("targetId") == "open-state" and isinstance(args, Mapping):
            effect["targetId"], effect["args"] = "open-node", dict(args)
            state = effect["args"].pop("openState", None)
            if state == "close":
                migration.fault(
                    f"{path}.args.openState", "must not be 'close': no effect closes a node here."
                )
            elif state is not None:
                effect["args"]["openNode"] = state

    each(document, _EFFECTS, change)


def with_awards(document: Document, migration: Migration) -> None:
    """Build 53 writes the built-in environment in small letters, and can take from a pool too."""

    def change(effect: Document, path: str) -> None:
        if effect.get("environmentId") != ENVIRONMENT_ID.lower():
            return
        effect["environmentId"] = ENVIRONMENT_ID
        effect["targetEnvironmentVersion"] = ENVIRONMENT_VERSION
        args = effect.get("args")
        if effect.get("targetId") == "resource-pool" and isinstance(args, Mapping):
            effect["targetId"], effect["args"] = "award", dict(args)
            if effect["args"].pop("operation", "award") != "award":
                migration.fault(f"{path}.args.operation", "must be 'award': pools are only added to here.")
            if "amount" in effect["args"]:
                effect["args"]["modifier"] = effect["args"].pop("amount")

    each(document, _EFFECTS, change)
