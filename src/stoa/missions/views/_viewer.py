"""Who looks."""

from __future__ import annotations

from dataclasses import dataclass

from stoa.missions.engine import Exercise
from stoa.missions.model import Member, MemberPermission


@dataclass(frozen=True, slots=True)
class Viewer:
    """``manages`` shows the ban list. A reviewer who is no member is ``Viewer.reviewer(user_id)``."""

    user_id: str
    sees_all: bool = False
    force_id: str | None = None
    manages: bool = False

    @classmethod
    def of(cls, member: Member) -> Viewer:
        return cls(
            member.person.id,
            sees_all=member.sees_all,
            force_id=member.force_id,
            manages=member.may(MemberPermission.MANAGE_MEMBERS),
        )

    @classmethod
    def reviewer(cls, user_id: str) -> Viewer:
        return cls(user_id, sees_all=True, manages=True)

    def sees_force(self, force_id: str) -> bool:
        return self.sees_all or self.force_id == force_id


def viewers(exercise: Exercise) -> list[Viewer]:
    return [Viewer.of(member) for member in exercise.members.values()]


Circle = tuple[Viewer, tuple[str, ...]]


def circles(exercise: Exercise) -> list[Circle]:
    """The members who see the same, as one of them and the users of all: what is made once is sent to each.

    Kept with the exercise until a member changes, since every event asks for it.
    """
    known: list[Circle] | None = exercise.circles
    if known is None:
        known = exercise.circles = _alike(viewers(exercise))
    return known


def _alike(among: list[Viewer]) -> list[Circle]:
    groups: dict[tuple[bool, str | None], tuple[Viewer, list[str]]] = {}
    for viewer in among:
        # What force one who sees all belongs to changes nothing of what they see.
        key = (viewer.sees_all, None if viewer.sees_all else viewer.force_id)
        groups.setdefault(key, (viewer, []))[1].append(viewer.user_id)
    return [(viewer, tuple(users)) for viewer, users in groups.values()]
