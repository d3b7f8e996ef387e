"""The exercise: (state, command, actor, now) → events, and state as the fold of events. Pure and deterministic.

``launch`` begins one; ``decide`` answers what a command makes happen, or raises; ``fold`` and ``apply`` are what
has happened, as state; ``due`` is when somebody should look again, with ``Complete()``.
"""

from stoa.missions.engine import _events as events
from stoa.missions.engine._apply import apply, begin, fold, modified, walk
from stoa.missions.engine._decide import advance, decide, due
from stoa.missions.engine._exercise import Exercise
from stoa.missions.engine._lifecycle import launch
from stoa.missions.engine._plain import output_from
from stoa.missions.engine._snapshot import restore, snapshot, state_hash

__all__ = [
    "Exercise",
    "advance",
    "apply",
    "begin",
    "decide",
    "due",
    "events",
    "fold",
    "launch",
    "modified",
    "output_from",
    "restore",
    "snapshot",
    "state_hash",
    "walk",
]
