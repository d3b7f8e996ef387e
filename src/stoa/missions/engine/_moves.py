"""The moves that players and effects share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from stoa.missions.engine import _events as names
from stoa.missions.engine._draft import Draft
from stoa.missions.model import Node


def abort(draft: Draft, execution_id: str) -> None:
    draft.emit(names.EXECUTION_ABORTED, execution_id=execution_id, at=draft.now_ms)


def abort_on(draft: Draft, nodes: Iterable[Node]) -> None:
    for node in nodes:
        running = draft.state.running.get(node.id)
        if running is not None:
            abort(draft, running)


def open_node(draft: Draft, node: Node, *, cause: str, request: dict[str, Any] | None) -> None:
    """``cause`` is ``request`` or ``effect``: the two are told in different words."""
    abort_on(draft, (node,))
    draft.emit(names.NODE_OPENED, node_id=node.id, cause=cause, request=request)


def set_block(draft: Draft, node: Node, *, blocked: bool) -> None:
    """The flag goes on the node and on all that is revealed beneath it; what runs there is aborted, either way."""
    state = draft.state
    nodes = [node, *state.shown_beneath(node)]
    at = state.atlas.node_at[state.atlas.force_of[node.id]]
    reach = [node, *(at[place] for place in state.atlas.beneath(node.prototype_id))]
    before = {one.id: state.is_blocked(one) for one in reach}
    abort_on(draft, nodes)
    flagged = [one.id for one in nodes if (one.id in state.blocked) is not blocked]
    if not flagged:
        return
    after = {one.id: _blocked_after(draft, one, set(flagged), blocked=blocked) for one in reach}
    changed = [one.id for one in reach if before[one.id] is not after[one.id]]
    draft.emit(names.BLOCK_CHANGED, node_id=node.id, blocked=blocked, flagged=flagged, changed=changed)


def _blocked_after(draft: Draft, node: Node, flagged: set[str], *, blocked: bool) -> bool:
    flags = draft.state.blocked | flagged if blocked else draft.state.blocked - flagged
    return node.id in flags or any(one.id in flags for one in draft.state.atlas.above(node))
