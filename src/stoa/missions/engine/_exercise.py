"""The state of one session: what the fold of its events knows.

To everyone but ``_apply`` it is a value that never changes. A fork shares every container with what it was forked from
and copies one only when it is first written to, so trying a command out costs what the command touches.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stoa.missions.atlas import atlas_of
from stoa.missions.model import (
    Assignment,
    ChatMessage,
    Execution,
    Force,
    Member,
    Mission,
    Node,
    Numbers,
    Output,
    Person,
    SessionConfig,
    SessionState,
)

_CONTAINERS = (
    "members",
    "member_of",
    "assignments",
    "bans",
    "invited",
    "resources",
    "opened",
    "blocked",
    "executions",
    "running",
    "numbers",
    "access",
    "draws",
    "pending",
    "outputs",
    "chat",
)
_PLAIN = (
    "session_id",
    "name",
    "owner",
    "config",
    "state",
    "launched_ms",
    "started_ms",
    "ended_ms",
    "version",
    "destroyed",
    "atlas",
    "circles",
)


class Exercise:
    """``version`` counts the events folded in. ``running`` is node → execution; ``opened`` and ``blocked`` are the
    nodes' own flags; ``numbers`` holds only actions that modifiers changed; ``pending`` are effects asked of others.
    ``circles`` is the views' note of who sees the same, forgotten when a member changes.
    """

    __slots__ = (*_CONTAINERS, *_PLAIN, "_shared")

    def __init__(self, mission: Mission, *, session_id: str, name: str, owner: Person) -> None:
        self.atlas = atlas_of(mission)
        self.session_id = session_id
        self.name = name
        self.owner = owner
        self.config = SessionConfig()
        self.state = SessionState.UNSTARTED
        self.launched_ms = 0
        self.started_ms: int | None = None
        self.ended_ms: int | None = None
        self.version = 0
        self.destroyed = False
        self.members: dict[str, Member] = {}
        self.member_of: dict[str, str] = {}
        self.assignments: dict[str, Assignment] = {}
        self.bans: dict[str, None] = {}
        self.invited: dict[str, None] = {}
        self.chat: list[ChatMessage] = []
        self.circles: Any = None
        self._shared: set[str] = set()
        self.rebuild()

    def rebuild(self) -> None:
        """Everything that is played, as the mission has it at its start."""
        mission = self.atlas.mission
        self.resources: dict[str, float] = {force.id: force.initial_resources for force in mission.forces}
        self.opened: set[str] = set()
        self.blocked: set[str] = set()
        self.executions: dict[str, Execution] = {}
        self.running: dict[str, str] = {}
        self.numbers: dict[str, Numbers] = {}
        self.access: dict[str, frozenset[str]] = {
            file.id: frozenset(file.initial_access) for file in mission.files
        }
        self.draws: dict[str, int] = {}
        self.pending: dict[str, None] = {}
        self.outputs: list[Output] = []
        self._shared -= {
            *("resources", "opened", "blocked", "executions", "running", "numbers", "access", "draws"),
            *("pending", "outputs"),
        }

    def fork(self) -> Exercise:
        other: Exercise = object.__new__(Exercise)
        for name in (*_CONTAINERS, *_PLAIN):
            setattr(other, name, getattr(self, name))
        other._shared = set(_CONTAINERS)
        return other

    def own(self, name: str) -> Any:
        """The container, this exercise's own to write to."""
        container = getattr(self, name)
        if name == "members":
            self.circles = None
        if name in self._shared:
            container = container.copy()
            setattr(self, name, container)
            self._shared.discard(name)
        return container

    @property
    def mission(self) -> Mission:
        return self.atlas.mission

    def member_by_user(self, user_id: str) -> Member | None:
        member_id = self.member_of.get(user_id)
        return None if member_id is None else self.members[member_id]

    def force_of(self, node: Node) -> Force:
        return self.atlas.forces[self.atlas.force_of[node.id]]

    def passes(self, node: Node) -> bool:
        """Whether what is beneath the node is shown: it is open, or a ghost that stands open by itself."""
        return node.id in self.opened or node.exclude

    def reached(self, node: Node) -> bool:
        """Whether the node's place is shown to its force; a ghost's place is, and the ghost is not."""
        return self.force_of(node).reveal_all or all(self.passes(one) for one in self.atlas.above(node))

    def revealed(self, node: Node) -> bool:
        return not node.exclude and self.reached(node)

    def is_blocked(self, node: Node) -> bool:
        if not self.blocked:
            return False
        return node.id in self.blocked or any(one.id in self.blocked for one in self.atlas.above(node))

    def openable(self, node: Node) -> bool:
        return not (node.exclude or node.id in self.opened or self.force_of(node).reveal_all)

    def numbers_of(self, action_id: str) -> Numbers:
        changed = self.numbers.get(action_id)
        if changed is not None:
            return changed
        action = self.atlas.actions[action_id]
        return Numbers(action.chance, action.process_ms, action.cost)

    def shown_places(self, force: Force, *, under: str | None = None) -> Iterator[str]:
        """The prototypes that the force is shown, parents first: all of them, or those under one that is reached."""
        at, children = self.atlas.node_at[force.id], self.atlas.children
        stack = list(reversed(children[under]))
        while stack:
            place = stack.pop()
            yield place
            if force.reveal_all or self.passes(at[place]):
                stack.extend(reversed(children[place]))

    def shown_beneath(self, node: Node) -> list[Node]:
        """The revealed nodes under an open node, or none where it is itself out of sight."""
        force = self.force_of(node)
        if not self.reached(node) or not (force.reveal_all or self.passes(node)):
            return []
        at = self.atlas.node_at[force.id]
        nodes = (at[place] for place in self.shown_places(force, under=node.prototype_id))
        return [one for one in nodes if not one.exclude]
