"""How time is counted. Pure; times are milliseconds since the epoch by the server's clock.

A ping arrives at ``now``. Its *gap* is the time since the session's last ping of any kind and from anybody. The
session's own time never runs backwards: a clock that was set back gives gaps of 0 until it has caught up.

**As documented** (no ``visible_ms``, no ``seq``). A visible ping adds its gap to the path it names; an invisible one
adds nothing. So of two visible pages each gets the gaps that its own pings close, and an invisible ping before a
visible one takes the time before it away.

**With a claim** (``visible_ms``: how long this page was really visible since its last report, by its own monotonic
clock). The path gets the claim, but no more than the session's *free time*: time that passed and that nobody has
counted. A gap becomes free time when a ping with a claim, or an invisible documented ping, closes it. So a hidden
page's pings take nothing from a visible one, two pages visible at once get together what the clock says, and a
report that comes late (network gone and back) still finds its time. What is free may be claimed for as long as a
session stays active in silence, and no longer: after each ping at most that much is carried on. A claim in an
invisible ping is ignored: hidden counts nothing. ``age_ms`` says how long ago the claimed time ended, where a report
had to wait: only what lies after the session's start counts, and a report from wholly before it (an earlier session's,
or an earlier login's on the same machine) changes nothing.

**With a seq**. Each client (``client``: a random string for each page load; "" if it sends none) numbers its pings.
The same number twice counts once, and the second changes nothing, not even last_ping. A client's numbers are
remembered by a sliding window of the last ``WINDOW``, as in RFC 4303: a ping that is older than that counts as seen.
Claims may arrive in any order, since each brings its own amount: as long as they are honest (of time that has passed,
not claimed twice), every order gives equal counters. A numbered ping *without* a claim has only gaps to share out:
a client's n-th gap belongs to its n-th number. When a late one arrives, it takes its place and the later ones move
on by a gap, so that the totals are what the same arrivals in order would have given.

A visible place has a counter from its first ping on, if only of 0.

In each case: ``visible_ms`` is the sum of the counters, ``visible_ms + free_ms ≤ last_ping - start``.

Whole seconds are answered by largest remainder: ``visible_duration`` is the whole sum cut to seconds, each counter is
cut to seconds, and what is missing goes, a second each, to the counters that lost most. So the sum is exact, both are
within a second of the truth, and no answer is above the clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from stoa.activity.errors import PathInvalidError
from stoa.activity.model import Counter, Path, Ping, Standing
from stoa.kernel.errors import Fault

WINDOW = 32
"""How many places a client's ping may be late."""

MAX_MEMBER = 1024
"""Bytes of UTF-8 in a view or a tab: both together must fit a database's index."""
DAY_MS = 86_400_000
_SEEN_MASK = (1 << WINDOW) - 1


class Slot(NamedTuple):
    """A numbered ping without a claim, and the gap that is its own so far. ``day`` is when it was counted."""

    seq: int
    view: str
    tab: str | None
    visible: bool
    day: int
    ms: int


class Memory(NamedTuple):
    """A client's numbers: the highest, and a bit for each of the last ``WINDOW`` (bit 0 is the highest itself)."""

    high: int
    seen: int
    slots: tuple[Slot, ...] = ()


class Credit(NamedTuple):
    """Time for one counter, on the UTC day (days since the epoch) of the ping that brought it."""

    view: str
    tab: str | None
    day: int
    ms: int


class Outcome(NamedTuple):
    """What follows from a ping. ``memory`` is the client's. A ``duplicate`` changed nothing."""

    standing: Standing
    memory: Memory | None = None
    credits: tuple[Credit, ...] = ()
    duplicate: bool = False


def parse_path(sent: Any) -> Path:
    """A list of one or two texts, the text ``[a,b]``, or any other text as the view alone.

    Raises PathInvalidError for anything else, for a blank view and for text that can't be stored.
    """
    if isinstance(sent, str):
        text = sent.strip()
        bracketed = text.startswith("[") and text.endswith("]") and len(text) >= 2
        sent = [part.strip() for part in text[1:-1].split(",")] if bracketed else [sent]
    if not isinstance(sent, (list, tuple)) or not 1 <= len(sent) <= 2:
        raise _bad_path("must be a list of one or two texts, or the text “[view,tab]”.")
    if not all(isinstance(member, str) for member in sent):
        raise _bad_path("must be made of texts.")
    return _path(*sent)


@lru_cache(2048)
def _path(*sent: str) -> Path:
    """The same few places come again and again."""
    for member in sent:
        if not _storable(member):
            raise _bad_path(f"must be made of texts of at most {MAX_MEMBER} bytes.")
    if not sent[0].strip():
        raise _bad_path("must not be blank.")
    return Path(sent)


def _bad_path(message: str) -> PathInvalidError:
    return PathInvalidError(f"path: {message}", faults=(Fault("path", message),))


def _storable(text: str) -> bool:
    """No database takes a NUL or half of a surrogate pair."""
    try:
        return "\0" not in text and len(text.encode()) <= MAX_MEMBER
    except UnicodeEncodeError:
        return False


def begin(*, now_ms: int) -> Standing:
    return Standing(start_ms=now_ms, last_ping_ms=now_ms, last_visible_ping_ms=now_ms)


def is_active(standing: Standing, *, now_ms: int, alive_ms: int) -> bool:
    """A session that was silent for exactly ``alive_ms`` is not active any more."""
    return standing.last_ping_ms > now_ms - alive_ms


def ping(
    standing: Standing, sent: Ping, *, now_ms: int, alive_ms: int, memory: Memory | None = None
) -> Outcome:
    """Counts one keepalive or session-hide. ``memory`` is what is known of the client's numbers.

    It does not ask whether the session is active: ``is_active`` does.
    """
    arrived_ms = max(now_ms, standing.last_ping_ms)
    if arrived_ms - sent.age_ms < standing.start_ms:
        return Outcome(standing, memory, duplicate=True)
    if sent.seq is None:
        memory = None
    else:
        known, memory = memory, _remember(memory, sent.seq)
        if memory is None:
            return Outcome(standing, known, duplicate=True)
    gap_ms = arrived_ms - standing.last_ping_ms
    day = arrived_ms // DAY_MS
    free_ms = standing.free_ms
    credit_ms = 0
    credited: tuple[Credit, ...] = ()
    if sent.claim_ms is not None:
        free_ms += gap_ms
        credit_ms = (
            min(sent.claim_ms, free_ms, arrived_ms - sent.age_ms - standing.start_ms) if sent.visible else 0
        )
        free_ms -= credit_ms
    elif memory is not None:
        memory, credited = _take_slot(memory, sent, gap_ms=gap_ms, day=day)
    elif sent.visible:
        credit_ms = gap_ms
    else:
        free_ms += gap_ms
    if sent.visible and not credited:
        credited = (Credit(sent.path.view, sent.path.tab, day, credit_ms),)
    newest = memory is None or memory.high == sent.seq
    return Outcome(
        Standing(
            start_ms=standing.start_ms,
            last_ping_ms=arrived_ms,
            last_visible_ping_ms=arrived_ms if sent.visible else standing.last_visible_ping_ms,
            last_visible_path=sent.path.members if sent.visible and newest else standing.last_visible_path,
            visible_ms=standing.visible_ms + sum(credit.ms for credit in credited),
            free_ms=min(free_ms, alive_ms),
        ),
        memory,
        credited,
    )


def _remember(memory: Memory | None, seq: int) -> Memory | None:
    """The memory with ``seq`` in it; None if it is there already, or too old to tell."""
    if memory is None:
        return Memory(high=seq, seen=1)
    ahead = seq - memory.high
    if ahead > 0:
        seen = (memory.seen << ahead | 1) & _SEEN_MASK if ahead < WINDOW else 1
        return Memory(seq, seen, memory.slots)
    bit = 1 << -ahead if -ahead < WINDOW else 0
    if not bit or memory.seen & bit:
        return None
    return Memory(memory.high, memory.seen | bit, memory.slots)


def _take_slot(memory: Memory, sent: Ping, *, gap_ms: int, day: int) -> tuple[Memory, tuple[Credit, ...]]:
    """Gives the client's n-th gap to its n-th number; later numbers move on by one gap."""
    assert sent.seq is not None
    place = next((n for n, slot in enumerate(memory.slots) if slot.seq > sent.seq), len(memory.slots))
    own = Slot(sent.seq, sent.path.view, sent.path.tab, sent.visible, day, 0)
    moved = [own, *memory.slots[place:]]
    gaps = [*(slot.ms for slot in memory.slots[place:]), gap_ms]
    settled = [slot._replace(ms=ms) for slot, ms in zip(moved, gaps, strict=True)]
    credited = tuple(
        Credit(new.view, new.tab, new.day, new.ms - old.ms)
        for old, new in zip(moved, settled, strict=True)
        if new.visible and (new.ms != old.ms or old is own)
    )
    oldest = next((n for n, slot in enumerate(memory.slots) if slot.seq > memory.high - WINDOW), place)
    return memory._replace(slots=(*memory.slots[oldest:place], *settled)), credited


def add(
    counters: Mapping[tuple[str, str | None], int], credited: Iterable[Credit]
) -> dict[tuple[str, str | None], int]:
    """The counters with the credits in them, by (view, tab)."""
    total = dict(counters)
    for credit in credited:
        total[credit.view, credit.tab] = total.get((credit.view, credit.tab), 0) + credit.ms
    return total


def whole_seconds(counters: Iterable[Counter]) -> dict[tuple[str, str | None], int]:
    """Seconds by (view, tab), in order of name; their sum is the whole sum cut to seconds."""
    exact: dict[tuple[str, str | None], int] = {}
    for counter in sorted(counters, key=lambda counter: (counter.view, counter.tab or "")):
        exact[counter.view, counter.tab] = exact.get((counter.view, counter.tab), 0) + counter.ms
    seconds = {place: ms // 1000 for place, ms in exact.items()}
    missing = sum(exact.values()) // 1000 - sum(seconds.values())
    for place in sorted(exact, key=lambda place: exact[place] % 1000, reverse=True)[:missing]:
        seconds[place] += 1
    return seconds


def visible_duration(counters: Iterable[Counter]) -> int:
    """Whole seconds: exactly the sum of what ``tab_duration`` answers."""
    return sum(counter.ms for counter in counters) // 1000


def tab_duration(counters: Iterable[Counter]) -> dict[str, int | dict[str, int]]:
    """``{"view": seconds}``, or ``{"view": {"tab": seconds}}`` with untabbed time of the same view under ``""``."""
    seconds = whole_seconds(counters)
    tabbed = {view for view, tab in seconds if tab is not None}
    shape: dict[str, int | dict[str, int]] = {}
    for (view, tab), value in seconds.items():
        if view in tabbed:
            inner = shape.setdefault(view, {})
            assert isinstance(inner, dict)
            inner[tab or ""] = value
        else:
            shape[view] = value
    return shape
