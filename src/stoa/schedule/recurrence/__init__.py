"""When a series happens: closed forms in place of walks from its start.

An occurrence has a number, its *rank*, and rank and local date follow from one another by arithmetic: a multiple of
days, or of months with a table of which of the 400 years' months have the day. A window is thus two ranks, and what
it costs is what lies between them. ``count`` and ``until`` are bounds on ranks and on starts.

Wall-clock time becomes an instant through tables that say how long an offset holds, so that an expansion
asks them once between two clock changes.

Times are aware; those that come back are UTC. Nothing here knows what time it is. Series are taken as ``validate``
lets them through; only an unknown zone is noticed everywhere (``InvalidError`` naming ``zone``).
"""

from stoa.schedule.recurrence._check import MOST_COUNT, MOST_INTERVAL, validate
from stoa.schedule.recurrence._expand import (
    MOST,
    Cursor,
    TooDearError,
    count_before,
    first_occurrence,
    last_end,
    next_after,
    occurrence_on,
    occurrences,
)
from stoa.schedule.recurrence._split import split

__all__ = [
    "MOST",
    "MOST_COUNT",
    "MOST_INTERVAL",
    "Cursor",
    "TooDearError",
    "count_before",
    "first_occurrence",
    "last_end",
    "next_after",
    "occurrence_on",
    "occurrences",
    "split",
    "validate",
]
