"""A session's state, from its journal: nothing here is true that the journal does not say.

Folding is remembered in the process, and the memory is pure: an exercise is kept under the fingerprint of the journal
that leads to it. A history that was rolled back has a fingerprint that no row ever shows, so it is never found.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

import msgspec
from sqlalchemy import Connection

from stoa.kernel.clock import to_millis
from stoa.kernel.journal import Entry
from stoa.missions import store
from stoa.missions.engine import Exercise, fold, restore, snapshot
from stoa.missions.model import Mission
from stoa.missions.store import Snapshot, Standing
from stoa.platform import journal

BETWEEN_SNAPSHOTS = 500
"""Entries. A state of any moment is at most so many away from one that is stored; a twentieth of a longer journal,
since a snapshot is as long as what it sums up.
"""
REMEMBERED = 32
"""Sessions whose state a process keeps at hand."""
_AT_ONCE = 1000

_encode = msgspec.json.Encoder().encode


def stream_of(session_id: str) -> str:
    return f"mission:{session_id}"


@dataclass(frozen=True, slots=True)
class Folded:
    """An exercise, and how far the journal was read for it."""

    standing: Standing
    exercise: Exercise


class Memo:
    """The last state of each of the sessions that were asked for last. Any thread may use it."""

    def __init__(self, size: int = REMEMBERED) -> None:
        self._size = size
        self._kept: OrderedDict[str, Folded] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, session_id: str) -> Folded | None:
        with self._lock:
            found = self._kept.get(session_id)
            if found is not None:
                self._kept.move_to_end(session_id)
            return found

    def put(self, folded: Folded) -> None:
        with self._lock:
            self._kept[folded.standing.id] = folded
            self._kept.move_to_end(folded.standing.id)
            while len(self._kept) > self._size:
                self._kept.popitem(last=False)

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()


MEMO = Memo()


def chained(head: str, entries: Iterable[Entry]) -> str:
    """The fingerprint of a journal that went on: of what it was, and of each entry since."""
    for entry in entries:
        what = _encode([head, entry.seq, to_millis(entry.at), entry.type, entry.actor_id, entry.data])
        head = hashlib.sha256(what).hexdigest()[:32]
    return head


def first_head(session_id: str, mission_document: bytes) -> str:
    """The fingerprint of an empty journal: of the session's name and of what is played in it."""
    return hashlib.sha256(session_id.encode() + mission_document).hexdigest()[:32]


def entries_after(connection: Connection, session_id: str, after: int, *, until: int) -> Iterator[Entry]:
    """The entries with numbers above ``after``, up to and including ``until``."""
    while after < until:
        page = journal.read(
            connection, stream_of(session_id), after=after, limit=min(_AT_ONCE, until - after)
        )
        if not page:
            return
        yield from page
        after = page[-1].seq


def now_folded(connection: Connection, standing: Standing) -> Folded:
    """The state at ``standing``."""
    kept = MEMO.get(standing.id)
    if kept is not None and kept.standing.head == standing.head:
        return kept
    folded = (kept and _continued(connection, kept, standing)) or _from_stored(connection, standing, kept)
    MEMO.put(folded)
    return folded


def _continued(connection: Connection, kept: Folded, standing: Standing) -> Folded | None:
    """From a state that is known, if the journal's is really a later one of the same history."""
    if not standing.seq - _AT_ONCE < kept.standing.seq < standing.seq:
        return None
    entries = list(entries_after(connection, standing.id, kept.standing.seq, until=standing.seq))
    if chained(kept.standing.head, entries) != standing.head:
        return None
    return Folded(standing, fold(entries, kept.exercise))


def _from_stored(connection: Connection, standing: Standing, kept: Folded | None) -> Folded:
    mission = kept.exercise.mission if kept is not None else store.mission_of(connection, standing.id)
    found = store.last_snapshot(connection, standing.id)
    begun = None if found is None else restore(found.state, mission=mission)
    after = 0 if found is None else found.seq
    entries = entries_after(connection, standing.id, after, until=standing.seq)
    return Folded(standing, fold(entries, begun, mission=mission))


def folded_at(connection: Connection, standing: Standing, at: datetime) -> Folded | None:
    """The state that the journal had at ``at``; None where it had not begun."""
    if at >= standing.at:
        return now_folded(connection, standing)
    mission = _mission(connection, standing.id)
    found = store.last_snapshot(connection, standing.id, until=at)
    begun = None if found is None else restore(found.state, mission=mission)
    seq, last = (0, at) if found is None else (found.seq, found.at)
    entries = []
    for entry in entries_after(connection, standing.id, seq, until=standing.seq):
        if entry.at > at:
            break
        entries.append(entry)
    if entries:
        seq, last = entries[-1].seq, entries[-1].at
    elif begun is None:
        return None
    return Folded(Standing(standing.id, seq, "", last), fold(entries, begun, mission=mission))


def missed(
    connection: Connection, session_id: str, *, after: int, until: int
) -> tuple[Exercise, list[Entry]]:
    """The state just after the entry number ``after``, and the entries from there up to number ``until``."""
    mission = _mission(connection, session_id)
    found = store.last_snapshot(connection, session_id, seq=after)
    begun = None if found is None else restore(found.state, mission=mission)
    before = entries_after(connection, session_id, 0 if found is None else found.seq, until=after)
    state = fold(before, begun, mission=mission)
    return state, list(entries_after(connection, session_id, after, until=until))


def _mission(connection: Connection, session_id: str) -> Mission:
    kept = MEMO.get(session_id)
    return kept.exercise.mission if kept is not None else store.mission_of(connection, session_id)


def keep_snapshot(connection: Connection, folded: Folded, *, since: int) -> None:
    """Stores the state where the journal has passed a multiple of BETWEEN_SNAPSHOTS since number ``since``."""
    standing = folded.standing
    between = BETWEEN_SNAPSHOTS * max(1, standing.seq // 10_000)
    if standing.seq // between > since // between:
        state = snapshot(folded.exercise, with_mission=False, flat=lambda value: value)
        store.save_snapshot(connection, standing.id, Snapshot(standing.seq, standing.at, state))
