"""Every command's way to its decision."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from stoa.kernel.actor import Actor
from stoa.kernel.clock import from_millis, to_millis
from stoa.kernel.journal import Event
from stoa.missions import commands
from stoa.missions.engine import _effects, _lifecycle, _members, _play
from stoa.missions.engine._draft import Draft
from stoa.missions.engine._exercise import Exercise
from stoa.missions.errors import SessionNotFoundError
from stoa.missions.model import Request


def decide(
    exercise: Exercise,
    command: commands.Command,
    *,
    by: Actor | None,
    now: datetime,
    request: Request | None = None,
) -> list[Event]:
    """What ``command`` makes happen, in order; ``exercise`` stays as it is. Raises the errors of ``missions.errors``.

    ``by`` is who asks, None for the server itself. What falls due by ``now`` completes first, so that a command
    meets the state that its moment has, whether or not a timer was there in time; where nothing is due and nothing
    happens, the list is empty. ``request`` is told with what it caused.
    """
    return advance(exercise, command, by=by, now=now, request=request)[1]


def advance(
    exercise: Exercise,
    command: commands.Command,
    *,
    by: Actor | None,
    now: datetime,
    request: Request | None = None,
) -> tuple[Exercise, list[Event]]:
    """``decide``, with the exercise that its events lead to."""
    if exercise.destroyed:
        raise SessionNotFoundError
    draft = Draft(exercise, by=by, now_ms=to_millis(now), request=request)
    _play.complete_due(draft)
    _DECISIONS[type(command)](draft, command)
    _play.complete_due(draft)
    return draft.state, draft.events


def due(exercise: Exercise) -> list[tuple[datetime, str]]:
    """When each running execution completes, soonest first: (instant, execution id)."""
    running = (exercise.executions[one] for one in exercise.running.values())
    return sorted((from_millis(one.end_ms), one.id) for one in running)


def _nothing(_: Draft, __: commands.Complete) -> None:
    """What was due has been completed on the way here."""


_DECISIONS: dict[type, Callable[[Draft, Any], None]] = {
    commands.Join: _members.join,
    commands.Quit: _members.leave,
    commands.Start: _lifecycle.start,
    commands.End: _lifecycle.end,
    commands.Reset: _lifecycle.reset,
    commands.Destroy: _lifecycle.destroy,
    commands.UpdateConfig: _lifecycle.update_config,
    commands.Kick: _members.kick,
    commands.Ban: _members.ban,
    commands.Unban: _members.unban,
    commands.AssignForce: _members.assign_force,
    commands.AssignRole: _members.assign_role,
    commands.Invite: _members.invite,
    commands.OpenNode: _play.open_by_request,
    commands.ExecuteAction: _play.execute,
    commands.SendOutput: _play.send_pre_execution,
    commands.SendChat: _play.chat,
    commands.Complete: _nothing,
    commands.EffectResult: _effects.answer,
}
