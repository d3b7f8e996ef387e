"""Who is in a session, as what, and of which force."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from stoa.kernel.actor import Actor
from stoa.missions import commands
from stoa.missions.engine import _events as names
from stoa.missions.engine._draft import Draft
from stoa.missions.engine._exercise import Exercise
from stoa.missions.engine._plain import to_plain
from stoa.missions.errors import (
    AlreadyInSessionError,
    BannedError,
    JoinRefusedError,
    LateJoinError,
    MemberNotFoundError,
    MissionInvalidError,
    NotPermittedError,
    StateConflictError,
)
from stoa.missions.model import (
    GRANTS,
    Accessibility,
    Assignment,
    Member,
    MemberPermission,
    Role,
    SessionState,
)

_MANAGE = MemberPermission.MANAGE_MEMBERS


def join(draft: Draft, command: commands.Join) -> None:
    """In the order of the protocol: banned, already in, no role or not invited or full, late."""
    state, by = draft.state, draft.by
    if by is None or by.id != command.person.id:
        raise NotPermittedError("Nobody joins for somebody else.")
    draft.require_open()
    if by.id in state.bans:
        raise BannedError
    if by.id in state.member_of:
        raise AlreadyInSessionError
    remembered = state.assignments.get(by.id, Assignment())
    role = remembered.role or _role_by_permission(state, by)
    if role is None:
        raise JoinRefusedError("You have no permission to join this session.")
    if not _invited(state, by, role):
        raise JoinRefusedError("You are not invited to this session.")
    if state.config.capacity is not None and len(state.members) >= state.config.capacity:
        raise JoinRefusedError("The session is full.")
    member = Member(draft.new_id(), command.person, role, _force_on_join(state, role, remembered.force_id))
    late = state.state is not SessionState.UNSTARTED
    if late and not member.sees_all and member.force_id is None:
        raise LateJoinError
    draft.emit(names.MEMBER_JOINED, member=to_plain(member), request=draft.request())


def _role_by_permission(state: Exercise, actor: Actor) -> Role | None:
    """The role that a user joins in, where none is remembered; None where they may not."""
    owns = actor.id == state.owner.id
    if actor.may("sessions_join_manager") or (owns and actor.may("sessions_join_manager_native")):
        return Role.MANAGER
    if actor.may("sessions_join_observer"):
        return Role.OBSERVER
    return Role.PARTICIPANT if actor.may("sessions_join_participant") else None


def _invited(state: Exercise, actor: Actor, role: Role) -> bool:
    if state.config.accessibility is not Accessibility.INVITE_ONLY:
        return True
    return role is Role.MANAGER or actor.id == state.owner.id or actor.id in state.invited


def _force_on_join(state: Exercise, role: Role, remembered: str | None) -> str | None:
    if remembered is not None or not state.config.auto_assign:
        return remembered
    if MemberPermission.FORCE_ASSIGNABLE not in GRANTS[role]:
        return None
    return smallest_force(state, state.members.values())


def smallest_force(state: Exercise, members: Iterable[Member]) -> str:
    """The force with the fewest participants; of equal ones the first in the mission."""
    counts = Counter(one.force_id for one in members if one.role is Role.PARTICIPANT)
    return min(state.mission.forces, key=lambda force: counts[force.id]).id


def leave(draft: Draft, _: commands.Quit) -> None:
    member = draft.member()
    draft.require_open()
    draft.emit(names.MEMBER_QUIT, member_id=member.id, user_id=member.person.id, request=draft.request())
    if draft.state.config.accessibility is Accessibility.TESTING:
        draft.emit(names.DESTROYED, at=draft.now_ms, request=None)


def _target(draft: Draft, member_id: str) -> Member:
    """Whom a manager means: permission first, then the state, then the member, who must be no manager."""
    draft.permitted(_MANAGE)
    draft.require_open()
    target = draft.state.members.get(member_id)
    if target is None:
        raise MemberNotFoundError
    if target.may(_MANAGE):
        raise NotPermittedError("Managers of the session can not be managed.")
    return target


def kick(draft: Draft, command: commands.Kick) -> None:
    target = _target(draft, command.member_id)
    draft.emit(names.MEMBER_KICKED, member_id=target.id, user_id=target.person.id, request=draft.request())


def ban(draft: Draft, command: commands.Ban) -> None:
    target = _target(draft, command.member_id)
    draft.emit(names.MEMBER_BANNED, member_id=target.id, user_id=target.person.id, request=draft.request())


def unban(draft: Draft, command: commands.Unban) -> None:
    draft.permitted(_MANAGE)
    draft.require_open()
    if command.user_id not in draft.state.bans:
        raise MemberNotFoundError
    draft.emit(names.USER_UNBANNED, user_id=command.user_id, request=draft.request())


def assign_force(draft: Draft, command: commands.AssignForce) -> None:
    draft.permitted(_MANAGE)
    draft.require_open()
    target = draft.state.members.get(command.member_id)
    if target is None:
        raise MemberNotFoundError
    if not target.may(MemberPermission.FORCE_ASSIGNABLE):
        raise NotPermittedError("This member's role takes no force.")
    if command.force_id is not None and command.force_id not in draft.state.atlas.forces:
        raise MissionInvalidError.field("forceId", f"{command.force_id} is no force of this mission.")
    draft.emit(
        names.FORCE_ASSIGNED,
        member_id=target.id,
        force_id=command.force_id,
        request=draft.request(),
    )


def assign_role(draft: Draft, command: commands.AssignRole) -> None:
    target = _target(draft, command.member_id)
    draft.emit(names.ROLE_ASSIGNED, member_id=target.id, role=str(command.role), request=draft.request())


def invite(draft: Draft, command: commands.Invite) -> None:
    """The owner, whoever may write others' sessions, and the session's managers say who is invited."""
    by, state = draft.by, draft.state
    if by is None:
        raise StateConflictError("Nobody asks.")
    member = state.member_by_user(by.id)
    owns = by.id == state.owner.id and by.may("sessions_write_native")
    manages = member is not None and member.may(_MANAGE)
    if not (owns or manages or by.may("sessions_write_foreign")):
        raise NotPermittedError("Only the owner and managers of a session invite to it.")
    draft.require_open()
    draft.emit(names.USERS_INVITED, user_ids=list(command.user_ids), request=draft.request())
