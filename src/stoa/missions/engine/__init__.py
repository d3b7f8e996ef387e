"""The exercise: (state, command, actor, now) → events, and state as the fold of events. Pure and deterministic.

``launch`` begins one; ``decide`` answers what a command makes happen, or raises; ``fold`` and ``apply`` are what
has happened, as state; ``due`` is when somebody should look again, with ``Complete()``.
"""

from stoa.missions.engine import _events as events
from stoa.missions.engine._apply import apply, begin, fold, modified, walk
from stoa.missions.engine._decide import advance, decide, due
from stoa.missions.engine._exercise import Exercise
from stoa.missions.engine._lifecycle import launch
from stoa.missions.engine._members import role_by_permission
from stoa.missions.engine._plain import execution_from, member_from, output_from, to_plain
from stoa.missions.engine._play import may_hear
from stoa.missions.engine._snapshot import restore, snapshot, state_hash

__all__ = [
    "Exercise",
    "advance",
    "apply",
    "begin",
    "decide",
    "due",
    "events",
    "execution_from",
    "fold",
    "launch",
    "may_hear",
    "member_from",
    "modified",
    "output_from",
    "restore",
    "role_by_permission",
    "snapshot",
    "state_hash",
    "to_plain",
    "walk",
]
