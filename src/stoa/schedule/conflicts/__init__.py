"""Whether two series ever meet, decided over their whole future, and keys to find the few worth deciding.

For the store. Keep with each session that has a time its ``bounds`` (``first_start``, ``last_end``, the latter with a
far value in place of None), and in a side table its ``slots``, one row each::

    session_slots(key, slot, last_end, first_start, session_id)     primary key (key, slot, last_end, session_id)

where ``key`` is what two sessions must share: write the rows once for the timeline and once for the owner. Two
sessions can meet only if their bounds overlap and they share a slot, or either has ``ALWAYS``. So the candidates are::

    SELECT DISTINCT session_id FROM session_slots
    WHERE key IN (:timeline, :owner) AND slot IN (:slots of the candidate, -1)
      AND last_end > :first_start AND first_start < :last_end

(without the condition on the slot where the candidate itself has ``ALWAYS``), which both SQLite and PostgreSQL answer
from the index alone: what is over is never read, and what is on at another hour of the week neither. The few that are
left go to ``conflicts``. Rows change only when the session does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

from stoa.schedule.conflicts._cycles import first_meeting, meeting_with
from stoa.schedule.conflicts._slots import ALWAYS, MOST_SLOTS, bounds, slots
from stoa.schedule.recurrence._rule import Rule
from stoa.schedule.recurrence._zones import ticks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from stoa.schedule.model import Occurrence, Series

__all__ = ["ALWAYS", "MOST_SLOTS", "Collision", "bounds", "conflicts", "meet", "slots"]

Key = TypeVar("Key")


class Collision(NamedTuple):
    """The occurrences of the candidate and of another whose collision begins first."""

    own: Occurrence
    other: Occurrence

    @property
    def start(self) -> datetime:
        return max(self.own.start, self.other.start)


def meet(a: Series, b: Series) -> Collision | None:
    """The first occurrences of two series whose half-open intervals meet, or None if none ever do.

    First is the collision that begins first. Exact until the calendar ends; see ``_cycles`` for how and why.
    """
    return _first(Rule(a), Rule(b))


def conflicts(
    candidate: Series, others: Iterable[tuple[Key, Series]], *, limit: int | None = None
) -> list[tuple[Key, Collision]]:
    """Those of the others that the candidate ever meets, in the order given, with where each meets it first.

    ``limit`` ends the search once it has found so many.
    """
    own = Rule(candidate)
    found = []
    for key, other in others:
        collision = _first(own, Rule(other))
        if collision:
            found.append((key, collision))
            if len(found) == limit:
                break
    return found


def _first(a: Rule, b: Rule) -> Collision | None:
    if not a.series.overrides and not b.series.overrides:
        return _of_rules(a, b)
    found = [Collision(own, other) for own, other in _of_moved(a, b)]
    found += [Collision(own, other) for other, own in _of_moved(b, a)]
    found += [Collision(one, other) for one in a.moved for other in b.moved if _overlap(one, other)]
    ruled = _of_rules(a, b)
    if ruled:
        found.append(ruled)
    return min(found, key=lambda one: (one.start, one.own.start, one.other.start), default=None)


def _of_rules(a: Rule, b: Rule) -> Collision | None:
    found = first_meeting(a, b)
    if found is None:
        return None
    return Collision(a.occurrence(found.a_date, found.a_start), b.occurrence(found.b_date, found.b_start))


def _of_moved(a: Rule, b: Rule) -> Iterator[tuple[Occurrence, Occurrence]]:
    """For each moved occurrence of a the first of b's own that meets it."""
    for moved in a.moved:
        found = meeting_with(b, ticks(moved.start), ticks(moved.end))
        if found:
            yield moved, b.occurrence(*found)


def _overlap(one: Occurrence, other: Occurrence) -> bool:
    return one.start < other.end and other.start < one.end
