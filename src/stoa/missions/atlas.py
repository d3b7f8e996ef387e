"""A mission's places, found without searching: which node stands where, whose an action is, what lies beneath.

Made once for a mission, and never changed: everything that changes in a session is the engine's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any
from weakref import WeakValueDictionary

from stoa.missions.model import Action, Effect, Force, Mission, MissionFile, Node, Prototype

SELF = "self"
_alive: WeakValueDictionary[int, Atlas] = WeakValueDictionary()


def atlas_of(mission: Mission) -> Atlas:
    """The one that all sessions of this mission share, while one of them is in memory."""
    atlas = _alive.get(id(mission))
    if atlas is None:
        atlas = _alive[id(mission)] = Atlas(
            mission
        )  # which holds the mission: its id is nobody else's meanwhile
    return atlas


class Atlas:
    """``children`` and ``parent`` are of prototypes' ids, in the order of the structure; None is above the roots.

    ``pristine`` (nodes as they look while nothing has touched them, which nobody changes) and ``digest`` (the mission's
    fingerprint) are others' to fill.
    """

    def __init__(self, mission: Mission) -> None:
        self.mission = mission
        self.forces: dict[str, Force] = {force.id: force for force in mission.forces}
        self.files: dict[str, MissionFile] = {file.id: file for file in mission.files}
        self.prototypes: dict[str, Prototype] = {one.id: one for one in mission.prototypes}
        self.nodes: dict[str, Node] = {}
        self.force_of: dict[str, str] = {}
        self.node_at: dict[str, dict[str, Node]] = {}
        self.actions: dict[str, Action] = {}
        self.node_of: dict[str, Node] = {}
        for force in mission.forces:
            self._enter(force)
        self.parent: dict[str, str | None] = {}
        self.children: dict[str | None, list[str]] = {None: []}
        self.pristine: dict[str, dict[str, Any]] = {}
        self.digest: str | None = None
        self._grow()

    def _enter(self, force: Force) -> None:
        at = self.node_at[force.id] = {}
        for node in force.nodes:
            self.nodes[node.id] = node
            self.force_of[node.id] = force.id
            at[node.prototype_id] = node
            for action in node.actions:
                self.actions[action.id] = action
                self.node_of[action.id] = node

    def _grow(self) -> None:
        by_key = {one.structure_key: one.id for one in self.mission.prototypes}
        stack: list[tuple[str | None, Mapping[str, Any]]] = [(None, self.mission.structure)]
        while stack:
            above, level = stack.pop()
            for key, below in level.items():
                place = by_key[key]
                self.parent[place] = above
                self.children[above].append(place)
                self.children[place] = []
                stack.append((place, below))

    @cached_property
    def effects(self) -> dict[str, tuple[Effect, Action]]:
        return {effect.id: (effect, action) for action in self.actions.values() for effect in action.effects}

    @cached_property
    def _force_keys(self) -> dict[str, str]:
        return {force.local_key: force.id for force in self.mission.forces}

    @cached_property
    def _node_keys(self) -> dict[tuple[str, str], str]:
        return {(self.force_of[node.id], node.local_key): node.id for node in self.nodes.values()}

    def beneath(self, place: str) -> Iterator[str]:
        """Every prototype under ``place``, parents before their children."""
        stack = list(reversed(self.children[place]))
        while stack:
            below = stack.pop()
            yield below
            stack.extend(reversed(self.children[below]))

    def above(self, node: Node) -> Iterator[Node]:
        """The same force's nodes from ``node``'s parent up to the root."""
        at = self.node_at[self.force_of[node.id]]
        place = self.parent[node.prototype_id]
        while place is not None:
            yield at[place]
            place = self.parent[place]

    def path_of(self, action: Action) -> str:
        """Local keys from the force down: the same for every copy of a mission, which an id is not."""
        node = self.node_of[action.id]
        force = self.forces[self.force_of[node.id]]
        return f"{force.local_key}/{node.local_key}/{action.local_key}"

    def find_force(self, meta: Any, *, of: Action | None = None) -> str | None:
        """The force that an argument means: by id, by local key, or ``self``. None where there is none."""
        if not isinstance(meta, Mapping):
            return None
        found = meta.get("forceId")
        if isinstance(found, str) and found in self.forces:
            return found
        key = meta.get("forceKey")
        if key == SELF and of is not None:
            return self.force_of[self.node_of[of.id].id]
        return self._force_keys.get(key) if isinstance(key, str) else None

    def find_node(self, meta: Any, *, of: Action | None = None) -> str | None:
        if not isinstance(meta, Mapping):
            return None
        found = meta.get("nodeId")
        if isinstance(found, str) and found in self.nodes:
            return found
        key = meta.get("nodeKey")
        if key == SELF and of is not None:
            return self.node_of[of.id].id
        force = self.find_force(meta, of=of)
        return self._node_keys.get((force, key)) if force is not None and isinstance(key, str) else None

    def find_actions(self, meta: Any, *, of: Action | None = None) -> tuple[str, str | None] | None:
        """(node, action), the action None where all of the node's are meant; None where there is no such."""
        if not isinstance(meta, Mapping):
            return None
        found = meta.get("actionId")
        if isinstance(found, str):
            return (self.node_of[found].id, found) if found in self.actions else None
        key = meta.get("actionKey")
        if key == SELF and of is not None:
            return (self.node_of[of.id].id, of.id)
        node = self.find_node(meta, of=of)
        if node is None or key is None:
            return None if node is None else (node, None)
        match = next((one.id for one in self.nodes[node].actions if one.local_key == key), None)
        return None if match is None else (node, match)

    def find_file(self, meta: Any) -> str | None:
        found = meta.get("fileId") if isinstance(meta, Mapping) else None
        return found if isinstance(found, str) and found in self.files else None
