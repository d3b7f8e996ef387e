"""What is done on the nodes: open, execute, complete, abort, look, talk."""

from __future__ import annotations

from stoa.missions import commands
from stoa.missions.engine import _effects
from stoa.missions.engine import _events as names
from stoa.missions.engine._chance import draw, succeeds
from stoa.missions.engine._draft import Draft
from stoa.missions.engine._exercise import Exercise
from stoa.missions.engine._moves import abort, open_node
from stoa.missions.engine._plain import to_plain
from stoa.missions.errors import (
    ActionNotFoundError,
    ChannelNotFoundError,
    NodeBusyError,
    NodeNotFoundError,
    NotExecutableError,
    NotOpenableError,
    NotPermittedError,
    NotRevealedError,
    TooFewResourcesError,
)
from stoa.missions.html import plain_to_html
from stoa.missions.model import (
    ALL_CHANNEL,
    Action,
    ChatMessage,
    Cheats,
    Execution,
    Member,
    MemberPermission,
    Node,
    OutputKind,
    SessionState,
    Status,
    Trigger,
)


def _player(draft: Draft) -> Member:
    member = draft.permitted(MemberPermission.MANIPULATE_NODES)
    draft.require_state(SessionState.STARTED)
    return member


def _require_own(draft: Draft, member: Member, node: Node) -> None:
    if not member.sees_all and draft.state.atlas.force_of[node.id] != member.force_id:
        raise NotPermittedError("The node is another force's.")


def open_by_request(draft: Draft, command: commands.OpenNode) -> None:
    member = _player(draft)
    node = draft.state.atlas.nodes.get(command.node_id)
    if node is None:
        raise NodeNotFoundError
    _require_own(draft, member, node)
    if not draft.state.openable(node):
        raise NotOpenableError
    # A manager sees every node and opens what the exercise needs; a player opens what is there for them.
    if not member.sees_all:
        _require_in_reach(draft.state, node)
    open_node(draft, node, cause="request", request=draft.request())


def execute(draft: Draft, command: commands.ExecuteAction) -> None:
    member = _player(draft)
    action = draft.state.atlas.actions.get(command.action_id)
    if action is None:
        raise ActionNotFoundError
    node = draft.state.atlas.node_of[action.id]
    _require_own(draft, member, node)
    _require_executable(draft.state, node)
    cheats = command.cheats if member.may(MemberPermission.CHEATS) else Cheats()
    free = cheats.zero_cost or draft.state.config.infinite_resources
    numbers = draft.state.numbers_of(action.id)
    _require_resources(draft.state, node, cost=0 if free else numbers.cost)
    span = 0 if cheats.instantaneous else round(numbers.process_ms)
    execution = Execution(
        id=draft.new_id(),
        action_id=action.id,
        node_id=node.id,
        start_ms=draft.now_ms,
        end_ms=draft.now_ms + span,
        guaranteed=cheats.guaranteed_success,
        request=draft.request(),
    )
    draft.emit(names.EXECUTION_INITIATED, execution=to_plain(execution), cost=0 if free else numbers.cost)
    _tell_started(draft, node, action, execution)
    _effects.run(draft, action, Trigger.IMMEDIATE, execution)


def _require_executable(state: Exercise, node: Node) -> None:
    if not node.executable or node.exclude:
        raise NotExecutableError("The node is not executable.")
    _require_in_reach(state, node)
    if node.id in state.running:
        raise NodeBusyError


def _require_in_reach(state: Exercise, node: Node) -> None:
    if not state.revealed(node):
        raise NotRevealedError
    if state.is_blocked(node):
        raise NotExecutableError("The node is blocked.")


def _require_resources(state: Exercise, node: Node, *, cost: float) -> None:
    force = state.force_of(node)
    if cost and not force.allow_negative and cost > max(0, state.resources[force.id]):
        raise TooFewResourcesError


def _tell_started(draft: Draft, node: Node, action: Action, execution: Execution) -> None:
    """What is hidden of an action is hidden in the text about it too."""
    numbers = draft.state.numbers_of(action.id)
    opens = "yes" if action.opens_node else "no"
    facts = (
        ("Success chance", f"{numbers.chance:.0%}", action.chance_hidden),
        ("Time to execute", f"{execution.end_ms - execution.start_ms} ms", action.process_hidden),
        ("Resource cost", f"{numbers.cost:g}", action.cost_hidden),
        ("Opens node", opens, action.opens_hidden),
    )
    lines = "".join(f"<li>{name}: {'hidden' if hidden else text}</li>" for name, text, hidden in facts)
    draft.output(
        draft.state.atlas.force_of[node.id],
        OutputKind.EXECUTION_STARTED,
        prefix=node.name,
        message=f"<p>Started executing {plain_to_html(action.name)} on {plain_to_html(node.name)}.</p>"
        f"<ul>{lines}</ul>",
        node_id=node.id,
        execution_id=execution.id,
    )


def complete_due(draft: Draft) -> None:
    """Completes what is due by the draft's moment, each at its own due time, in that order."""
    until = draft.now_ms
    while (execution := _next_due(draft.state, until)) is not None:
        draft.now_ms = execution.end_ms
        _complete(draft, execution)
    draft.now_ms = until


def _next_due(state: Exercise, until: int) -> Execution | None:
    if not state.running or state.state is not SessionState.STARTED:
        return None
    running = (state.executions[one] for one in state.running.values())
    soonest = min(running, key=lambda one: (one.end_ms, one.start_ms, one.id))
    return soonest if soonest.end_ms <= until else None


def _complete(draft: Draft, execution: Execution) -> None:
    state = draft.state
    action, node = state.atlas.actions[execution.action_id], state.atlas.nodes[execution.node_id]
    chance = state.numbers_of(action.id).chance
    value = None
    if not execution.guaranteed:
        value = draw(state.mission.seed, state.atlas.path_of(action), state.draws.get(action.id, 0))
    won = value is None or succeeds(value, chance)
    draft.output(
        state.atlas.force_of[node.id],
        OutputKind.EXECUTION_SUCCEEDED if won else OutputKind.EXECUTION_FAILED,
        prefix=node.name,
        message=action.success_text if won else action.failure_text,
        node_id=node.id,
        execution_id=execution.id,
    )
    draft.emit(
        names.EXECUTION_COMPLETED,
        execution_id=execution.id,
        status=str(Status.SUCCESS if won else Status.FAILURE),
        at=execution.end_ms,
        chance=chance,
        value=value,
        opened=won and action.opens_node and state.openable(node),
    )
    _effects.run(draft, action, Trigger.SUCCESS if won else Trigger.FAILURE, execution)


def abort_all(draft: Draft) -> None:
    for execution_id in sorted(draft.state.running.values()):
        abort(draft, execution_id)


def send_pre_execution(draft: Draft, command: commands.SendOutput) -> None:
    member = draft.member()
    draft.require_state(SessionState.STARTED)
    node = draft.state.atlas.nodes.get(command.node_id)
    if node is None:
        raise NodeNotFoundError
    _require_own(draft, member, node)
    if not draft.state.revealed(node):
        raise NotRevealedError
    draft.output(
        draft.state.atlas.force_of[node.id],
        OutputKind.PRE_EXECUTION,
        prefix=node.name,
        message=node.pre_text,
        node_id=node.id,
        user_id=member.person.id,
    )
    draft.emit(names.PRE_EXECUTION_ASKED, node_id=node.id, user_id=member.person.id, request=draft.request())


def _may_hear(state: Exercise, member: Member, channel_id: str) -> bool:
    if channel_id == ALL_CHANNEL:
        return True
    return channel_id in state.atlas.forces and (member.sees_all or member.force_id == channel_id)


def chat(draft: Draft, command: commands.SendChat) -> None:
    member = draft.member()
    if not (member.sees_all or member.may(MemberPermission.MANIPULATE_NODES)):
        raise NotPermittedError("Your role in this session does not permit this.")
    draft.require_state(SessionState.STARTED)
    if not _may_hear(draft.state, member, command.channel_id):
        raise ChannelNotFoundError
    message = ChatMessage(
        id=draft.new_id(),
        channel_id=command.channel_id,
        sender_id=member.person.id,
        sender_username=member.person.username,
        sender_force_id=member.force_id,
        message=command.message,
        time_ms=draft.now_ms,
    )
    draft.emit(names.CHAT_SENT, message=to_plain(message), request=draft.request())
