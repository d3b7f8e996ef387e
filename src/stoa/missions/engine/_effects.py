"""Effects: what an action does beyond its own node. The built-in environment's are done at once; others are asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from stoa.missions import commands
from stoa.missions.engine import _events as names
from stoa.missions.engine._apply import pending_key
from stoa.missions.engine._draft import Draft
from stoa.missions.engine._moves import open_node, set_block
from stoa.missions.html import clean_html
from stoa.missions.model import Action, Effect, Execution, Node, OutputKind, SessionState, Trigger
from stoa.missions.reading import MAX_NUMBER, MAX_TEXT
from stoa.missions.targets import ENVIRONMENT_ID, NO_CHANGE


class _Defect(Exception):  # noqa: N818 - not an error to anyone outside: it becomes an event
    """An effect that can't be done, with the reason."""


def run(draft: Draft, action: Action, trigger: Trigger, execution: Execution) -> None:
    """The action's effects with this trigger, in the mission's order. One that fails is noted and stops no other."""
    if not draft.state.config.effects_enabled:
        return
    for effect in action.effects:
        if effect.trigger is not trigger:
            continue
        if effect.environment_id != ENVIRONMENT_ID:
            _ask(draft, effect, execution)
            continue
        try:
            _enact(draft, action, effect.target_id, effect.args)
        except _Defect as defect:
            _fail(draft, effect.id, execution.id, str(defect))


def _ask(draft: Draft, effect: Effect, execution: Execution) -> None:
    draft.emit(
        names.EFFECT_REQUESTED,
        effect_id=effect.id,
        execution_id=execution.id,
        environment_id=effect.environment_id,
        target_id=effect.target_id,
        version=effect.environment_version,
        args=effect.args,
    )


def _fail(draft: Draft, effect_id: str, execution_id: str, reason: str) -> None:
    draft.emit(names.EFFECT_FAILED, effect_id=effect_id, execution_id=execution_id, reason=reason)


def answer(draft: Draft, command: commands.EffectResult) -> None:
    """What a target environment answered: all of it is done, or none. An answer that nobody waits for (after a reset,
    a second one) is nothing.
    """
    key = pending_key(command.execution_id, command.effect_id)
    if key not in draft.state.pending or draft.state.state is not SessionState.STARTED:
        return
    if command.failure is not None:
        _fail(draft, command.effect_id, command.execution_id, command.failure)
        return
    _, action = draft.state.atlas.effects[command.effect_id]
    trial = draft.trial()
    try:
        for change in command.changes:
            _enact(trial, action, change.target_id, change.args)
    except _Defect as defect:
        _fail(draft, command.effect_id, command.execution_id, str(defect))
        return
    draft.accept(trial)
    draft.emit(names.EFFECT_ENACTED, effect_id=command.effect_id, execution_id=command.execution_id)


def _enact(draft: Draft, action: Action, target_id: str, args: Mapping[str, Any]) -> None:
    target = _TARGETS.get(target_id)
    if target is None:
        raise _Defect(f"There is no target {target_id}.")
    target(draft, action, args)


def _force(draft: Draft, action: Action, args: Mapping[str, Any]) -> str:
    found = draft.state.atlas.find_force(args.get("forceMetadata"), of=action)
    if found is None:
        raise _Defect("The force is not in this mission.")
    return found


def _node(draft: Draft, action: Action, args: Mapping[str, Any]) -> Node:
    found = draft.state.atlas.find_node(args.get("nodeMetadata"), of=action)
    if found is None:
        raise _Defect("The node is not in this mission.")
    return draft.state.atlas.nodes[found]


def _number(
    args: Mapping[str, Any], key: str, *, low: float = -MAX_NUMBER, high: float = MAX_NUMBER
) -> float:
    value = args.get(key)
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise _Defect(f"{key} must be a number between {low} and {high}.")
    return value


def _choice(args: Mapping[str, Any], key: str, *options: str) -> str | None:
    value = args.get(key, NO_CHANGE)
    if value in (None, NO_CHANGE):
        return None
    if value not in options:
        raise _Defect(f"{key} must be one of {NO_CHANGE}, {', '.join(options)}.")
    return str(value)


def _output(draft: Draft, action: Action, args: Mapping[str, Any]) -> None:
    force = draft.state.atlas.forces[_force(draft, action, args)]
    message = args.get("message")
    if not isinstance(message, str) or len(message) > MAX_TEXT:
        raise _Defect("message must be a text.")
    draft.output(force.id, OutputKind.CUSTOM, prefix=force.name, message=clean_html(message))


def _block_status(draft: Draft, action: Action, args: Mapping[str, Any]) -> None:
    node = _node(draft, action, args)
    choice = _choice(args, "blockStatus", "block", "unblock")
    if choice is not None:
        set_block(draft, node, blocked=choice == "block")


def _award(draft: Draft, action: Action, args: Mapping[str, Any]) -> None:
    force_id = _force(draft, action, args)
    amount = _number(args, "modifier", low=0)
    if amount:
        draft.emit(names.RESOURCES_AWARDED, force_id=force_id, operand=amount)


def _open(draft: Draft, action: Action, args: Mapping[str, Any]) -> None:
    node = _node(draft, action, args)
    if _choice(args, "openNode", "open") is not None and draft.state.openable(node):
        open_node(draft, node, cause="effect", request=None)


def _file_access(draft: Draft, action: Action, args: Mapping[str, Any]) -> None:
    force_id = _force(draft, action, args)
    file_id = draft.state.atlas.find_file(args.get("fileMetadata"))
    if file_id is None:
        raise _Defect("The file is not in this mission.")
    choice = _choice(args, "access", "granted", "revoked")
    if choice is None or (choice == "granted") is (force_id in draft.state.access[file_id]):
        return
    draft.emit(names.FILE_ACCESS_CHANGED, file_id=file_id, force_id=force_id, granted=choice == "granted")


def _modify(draft: Draft, action: Action, args: Mapping[str, Any], field: str, operand: float) -> None:
    found = draft.state.atlas.find_actions(args.get("actionMetadata"), of=action)
    if found is None:
        raise _Defect("The action is not in this mission.")
    node_id, action_id = found
    actions = [one.id for one in draft.state.atlas.nodes[node_id].actions if action_id in (None, one.id)]
    if operand and actions:
        draft.emit(
            names.ACTION_MODIFIED,
            node_id=node_id,
            action_id=action_id,
            actions=actions,
            field=field,
            operand=operand,
        )


def _chance_mod(draft: Draft, action: Action, args: Mapping[str, Any]) -> None:
    operand = _number(args, "successChance", low=-100, high=100) / 100
    _modify(draft, action, args, "successChance", operand)


def _time_mod(draft: Draft, action: Action, args: Mapping[str, Any]) -> None:
    hours = _number(args, "hours", low=-1, high=1)
    minutes = _number(args, "minutes", low=-59, high=59)
    seconds = _number(args, "seconds", low=-59, high=59)
    # not the target's argument, but what a script that counts in milliseconds leaves over
    millis = _number(args, "milliseconds", low=-999, high=999)
    _modify(draft, action, args, "processTime", (hours * 3600 + minutes * 60 + seconds) * 1000 + millis)


def _cost_mod(draft: Draft, action: Action, args: Mapping[str, Any]) -> None:
    _modify(draft, action, args, "resourceCost", _number(args, "resourceCost"))


_TARGETS: dict[str, Callable[[Draft, Action, Mapping[str, Any]], None]] = {
    "output": _output,
    "block-status": _block_status,
    "award": _award,
    "open-node": _open,
    "file-access": _file_access,
    "success-chance-mod": _chance_mod,
    "process-time-mod": _time_mod,
    "resource-cost-mod": _cost_mod,
}
