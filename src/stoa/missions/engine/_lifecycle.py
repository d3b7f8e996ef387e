"""A session from its launch to its end."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from stoa.kernel.clock import to_millis
from stoa.kernel.journal import Event
from stoa.missions import commands
from stoa.missions.engine import _events as names
from stoa.missions.engine._apply import begin
from stoa.missions.engine._draft import Draft
from stoa.missions.engine._exercise import Exercise
from stoa.missions.engine._members import smallest_force
from stoa.missions.engine._plain import to_plain
from stoa.missions.engine._play import abort_all
from stoa.missions.missionfile import mission_to
from stoa.missions.model import MemberPermission, Mission, Person, SessionAction, SessionConfig, SessionState


def launch(
    mission: Mission,
    *,
    session_id: str,
    owner: Person,
    config: SessionConfig,
    now: datetime,
    embed: bool = True,
) -> tuple[Exercise, list[Event]]:
    """A new session and the events that it begins with: the launch, and each force's introduction.

    The launch carries the mission's document, so that the journal alone tells the state. Who keeps the document
    elsewhere says ``embed=False``, and gives the mission to ``fold`` and ``restore``.
    """
    at = to_millis(now)
    event = Event(
        names.LAUNCHED,
        {
            "session_id": session_id,
            "name": config.name or mission.name,
            "owner": to_plain(owner),
            "config": to_plain(config),
            "at": at,
            "mission": mission_to(mission) if embed else None,
        },
    )
    draft = Draft(begin(event, mission=mission), by=None, now_ms=at)
    draft.intros()
    return draft.state, [event, *draft.events]


def start(draft: Draft, _: commands.Start) -> None:
    """Whoever may have a force gets one, if the session assigns them; who then has nothing to see is dismissed."""
    draft.permitted(MemberPermission.START_END)
    draft.require_action(SessionAction.START)
    assigned: dict[str, str] = {}
    members = dict(draft.state.members)
    for member in draft.state.members.values() if draft.state.config.auto_assign else ():
        if member.force_id is None and member.may(MemberPermission.FORCE_ASSIGNABLE):
            force_id = smallest_force(draft.state, members.values())
            assigned[member.id] = force_id
            members[member.id] = replace(member, force_id=force_id)
    gone = [one for one in members.values() if one.force_id is None and not one.sees_all]
    draft.emit(
        names.STARTED,
        at=draft.now_ms,
        assigned=assigned,
        dismissed=[one.id for one in gone],
        dismissed_users=[one.person.id for one in gone],
        request=draft.request(),
    )


def end(draft: Draft, _: commands.End) -> None:
    draft.permitted(MemberPermission.START_END)
    draft.require_action(SessionAction.END)
    abort_all(draft)
    draft.emit(names.ENDED, at=draft.now_ms, request=draft.request())


def reset(draft: Draft, _: commands.Reset) -> None:
    """Back to the mission's start, and on: the session stays started."""
    draft.permitted(MemberPermission.START_END)
    draft.require_action(SessionAction.RESET)
    abort_all(draft)
    draft.emit(names.RESET, at=draft.now_ms, request=draft.request())
    draft.intros()


def destroy(draft: Draft, _: commands.Destroy) -> None:
    draft.emit(names.DESTROYED, at=draft.now_ms, request=draft.request())


def update_config(draft: Draft, command: commands.UpdateConfig) -> None:
    draft.permitted(MemberPermission.CONFIGURE_SESSIONS)
    draft.require_state(SessionState.UNSTARTED)
    given = {name: value for name in command.__slots__ if (value := getattr(command, name)) is not None}
    config = replace(draft.state.config, **given)
    draft.emit(names.CONFIG_UPDATED, config=to_plain(config), given=sorted(given), request=draft.request())
