"""Activity statistics over 100,000 sessions with 2,000,000 counters.

The rows are what the service would have stored, written in bulk: each session's counters, and the roll-ups that are
their sums. The figure checks that they are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from random import Random

from sqlalchemy import Connection, insert, text

from bench import databases
from bench.figure import Bench, Figure, Result, millis, quickest_seconds
from stoa.activity import service, store
from stoa.activity.model import GroupBy
from stoa.activity.tally import DAY_MS
from stoa.kernel.actor import AccessLevel, Actor
from stoa.kernel.clock import from_millis

MOST_SECONDS = 0.200
SESSIONS = 100_000
COUNTERS_EACH = 20
_USERS = 2_000
_VIEWS = 40
_DAYS = 365
_FIRST_DAY = 20_400
_PART = 5_000
_NOW = datetime(2026, 11, 21, tzinfo=UTC)
_ASKING = Actor(1, "0" * 24, "admin", "Admin", AccessLevel.ADMIN, frozenset(), "bench", from_millis(0))


def measure(bench: Bench) -> list[Result]:
    count = bench.pick(SESSIONS, SESSIONS // 10)
    with databases.sqlite(bench.folder) as engine:
        with engine.begin() as connection:
            _fill(bench, connection, count)
        with engine.begin() as connection:
            databases.analyse(connection)
        with engine.connect() as connection:
            _check_sums(connection)
            return [_by(bench, connection, group_by, count) for group_by in GroupBy]


def _by(bench: Bench, connection: Connection, group_by: GroupBy, count: int) -> Result:
    def ask() -> int:
        return len(service.stats(connection, actor=_ASKING, group_by=group_by, now=_NOW))

    taken = quickest_seconds(ask, times=bench.pick(15, 5))
    return Result(
        f"statistics by {group_by}, {count:,} sessions, {count * COUNTERS_EACH:,} counters", millis(taken),
        f"≤ {millis(MOST_SECONDS)}", taken <= MOST_SECONDS, note=f"{ask():,} rows",
    )  # fmt: skip


def _fill(bench: Bench, connection: Connection, count: int) -> None:
    random = Random(11)
    pages: dict[tuple[int, str], int] = defaultdict(int)
    users: dict[tuple[int, int], list[int]] = defaultdict(lambda: [0, 0])
    parts = range(0, count, _PART)
    for begin in bench.telling.track(parts, total=len(parts), text=f"{count:,} sessions of activity"):
        rows, counted = [], []
        for number in range(begin + 1, min(begin + _PART, count) + 1):
            user, day = random.randrange(_USERS), _FIRST_DAY + random.randrange(_DAYS)
            own = list(_counters(random, number, day))
            total = sum(ms for *_, ms in own)
            rows.append(_session(number, user, day, total))
            counted += own
            for _, view, _, _, ms in own:
                pages[day, view] += ms
            users[day, user][0] += total
            users[day, user][1] += 1
        connection.execute(insert(store.sessions), rows)
        connection.exec_driver_sql("INSERT INTO activity_counters VALUES (?, ?, ?, ?, ?)", counted)
    connection.execute(
        insert(store.daily_pages), [{"day": day, "view": view, "ms": ms} for (day, view), ms in pages.items()]
    )
    connection.execute(
        insert(store.daily_users),
        [
            {"day": day, "user_id": f"{user:024}", "username": f"user.{user}", "ms": ms, "begun": begun}
            for (day, user), (ms, begun) in users.items()
        ],
    )


def _counters(random: Random, number: int, day: int) -> Iterator[tuple[int, str, str, int, int]]:
    """(session, view, tab, day, milliseconds) of different places."""
    for place in random.sample(range(_VIEWS * 5), COUNTERS_EACH):
        yield (
            number,
            f"view-{place // 5}",
            f"tab-{place % 5}" if place % 5 else "",
            day,
            random.randrange(60_000),
        )


def _session(number: int, user: int, day: int, total: int) -> dict[str, object]:
    start = day * DAY_MS + number % 1_000 * 1_000
    return {
        "number": number, "id": f"{number:036}", "beaker_id": f"{number}", "login_id": f"{number}",
        "user_id": f"{user:024}", "username": f"user.{user}", "start_ms": start, "last_ping_ms": start + total,
        "last_visible_ping_ms": start + total, "last_visible_path": '["view-1"]', "visible_ms": total, "free_ms": 0,
        "is_current": True,
    }  # fmt: skip


def _check_sums(connection: Connection) -> None:
    tables = ("activity_counters", "activity_daily_pages", "activity_daily_users")
    sums = {connection.execute(text(f"SELECT sum(ms) FROM {table}")).scalar_one() for table in tables}
    if len(sums) != 1:
        raise AssertionError("The roll-ups are not the sums of the counters.")


FIGURES = (Figure("statistics", "activity statistics", measure),)
