"""The use cases, on SQLite and on PostgreSQL."""

import importlib.util
from collections import Counter as Tallied
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import event, func, select, text

from stoa.activity import service, store
from stoa.activity.errors import SessionNotValidError
from stoa.activity.model import Filters, GroupBy, ListMode, Path, Ping
from stoa.activity.tally import WINDOW, tab_duration, visible_duration
from stoa.kernel.actor import AccessLevel, Actor
from stoa.kernel.errors import InvalidError
from stoa.kernel.ids import SeededIds, SystemIds

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LOGIN_AT = datetime(2026, 3, 1, 8, tzinfo=UTC)
A, B = Path(("/a",)), Path(("/b", "tab"))

needs_journal = pytest.mark.skipif(
    importlib.util.find_spec("stoa.platform.journal") is None, reason="the journal is not there yet"
)


def who(name="jacques", *permissions, login_at=LOGIN_AT, access=AccessLevel.STUDENT):
    user_id = name.encode().hex()[:24].ljust(24, "0")
    return Actor(1, user_id, name, name, access, frozenset(permissions), f"login-{name}", login_at)


def at(seconds):
    return NOW + timedelta(seconds=seconds)


@pytest.fixture
def ids():
    return SeededIds()


@pytest.fixture
def begin(connection, ids):
    def begin(actor=None, *, seconds=0):
        return service.start(connection, actor=actor or who(), now=at(seconds), ids=ids)

    return begin


@pytest.fixture
def ping(connection):
    def ping(seconds, path=A, *, actor=None, **fields):
        sent = Ping(path, **fields)
        return service.keepalive(connection, actor=actor or who(), ping=sent, now=at(seconds))

    return ping


@pytest.fixture
def listed(connection):
    def listed(*, actor=None, seconds=0, mode=ListMode.ALL, limit=None, cursor=None, **filters):
        return service.list_sessions(
            connection, actor=actor or who(), filters=Filters(**filters), now=at(seconds), mode=mode,
            limit=limit, cursor=cursor,
        )  # fmt: skip

    return listed


@pytest.fixture
def stats(connection):
    def stats(group_by, **fields):
        rows = service.stats(
            connection, actor=fields.pop("actor", who()), group_by=GroupBy(group_by), now=NOW, **fields
        )
        return [(row.key, row.visible_ms, row.sessions) for row in rows]

    return stats


def test_a_session_begins_with_nothing(begin):
    session, began = begin()
    assert began
    assert session.start_at == session.last_ping_at == session.last_visible_ping_at == NOW
    assert (session.visible_ms, session.counters, session.last_visible_path) == (0, (), ())
    assert (session.username, session.user_id, session.login_id) == ("jacques", who().id, "login-jacques")


def test_a_second_start_changes_nothing(begin, ping, listed):
    first, _ = begin()
    ping(10)
    second, began = begin(seconds=20)
    assert not began
    assert second.id == first.id
    assert second.last_ping_at == at(10)
    assert second.visible_ms == 10_000
    assert len(listed().items) == 1


def test_each_login_has_its_own_session(begin):
    one, _ = begin(who())
    other, _ = begin(who(login_at=LOGIN_AT + timedelta(seconds=1)))
    assert one.id != other.id
    assert one.beaker_id != other.beaker_id


@pytest.mark.parametrize(("silent", "same"), [(299.999, True), (300, False), (301, False)])
def test_after_the_silence_another_session_begins(begin, silent, same):
    first, _ = begin()
    second, began = begin(seconds=silent)
    assert (second.id == first.id) is same
    assert began is not same


def test_an_expired_session_stays_in_the_list(begin, listed):
    begin()
    begin(seconds=400)
    assert len(listed().items) == 2


def test_a_ping_without_a_session_is_refused(ping):
    with pytest.raises(SessionNotValidError, match="Session Not Valid"):
        ping(0)


@pytest.mark.parametrize(("silent", "valid"), [(299.999, True), (300, False), (1_000, False)])
def test_a_ping_to_an_expired_session_is_refused(begin, ping, silent, valid):
    begin()
    if valid:
        assert ping(silent).credited_ms == 299_999
    else:
        with pytest.raises(SessionNotValidError):
            ping(silent)


def test_the_setting_decides_how_long(connection, begin):
    begin()
    with pytest.raises(SessionNotValidError):
        service.keepalive(connection, actor=who(), ping=Ping(A), now=at(10), alive=timedelta(seconds=10))


def test_pings_are_listed_as_documented(begin, ping, listed):
    begin()
    ping(30, Path(("/view", "tab")))
    ping(40.7, Path(("/view", "other")))
    ping(50, Path(("/plain",)))
    ping(60, Path(("/hidden",)), visible=False)
    (session,) = listed().items
    assert tab_duration(session.counters) == {"/view": {"tab": 30, "other": 11}, "/plain": 9}
    assert visible_duration(session.counters) == 50
    assert session.visible_ms == 50_000
    assert session.last_visible_path == ("/plain",)
    assert session.last_visible_ping_at == at(50)
    assert session.last_ping_at == at(60)


def test_a_view_with_and_without_a_tab(begin, ping, listed):
    begin()
    ping(10, Path(("/v",)))
    ping(15, Path(("/v", "t")))
    assert tab_duration(listed().items[0].counters) == {"/v": {"": 10, "t": 5}}


def test_time_over_midnight_is_one_counter(begin, ping, listed, stats):
    midnight = 12 * 3600
    begin(seconds=midnight - 10)
    ping(midnight - 5)
    ping(midnight + 5)
    (session,) = listed().items
    assert [(c.view, c.ms) for c in session.counters] == [("/a", 15_000)]
    assert stats("day") == [("2026-03-01", 5_000, 1), ("2026-03-02", 10_000, 0)]


def test_numbers_are_remembered_between_batches(begin, ping, listed):
    begin()
    assert not ping(10, seq=1, client="x").duplicate
    assert ping(20, seq=1, client="x").duplicate
    assert not ping(20, seq=1, client="y").duplicate
    assert not ping(30, seq=3, client="x").duplicate
    assert not ping(31, B, seq=2, client="x").duplicate
    assert ping(40, B, seq=2, client="x").duplicate
    assert listed().items[0].visible_ms == 31_000


def test_late_numbers_move_stored_gaps(begin, ping, listed):
    begin()
    for seconds, path, seq in [(10, A, 1), (40, B, 3), (45, A, 2)]:
        ping(seconds, path, seq=seq)
    assert tab_duration(listed().items[0].counters) == {"/a": 40, "/b": {"tab": 5}}


def test_a_batch_is_its_commands_in_order(connection, begin, listed):
    names = [f"user{n}" for n in range(10)]
    for name in names:
        begin(who(name))
    sent = [
        service.command(who(name), Ping(A, seq=n, client="c", claim_ms=1_000), now=at(n + 1))
        for n in range(6)
        for name in [*names, "nobody"]
    ]
    results = service.keepalive_batch(connection, sent)
    assert Tallied(type(result).__name__ for result in results) == {"Pinged": 60, "SessionNotValidError": 6}
    assert all(isinstance(result, SessionNotValidError) for result in results[10::11])
    assert {session.visible_ms for session in listed().items} == {6_000}


def test_a_batch_gives_what_one_by_one_gives(connection, begin, listed):
    pings = [
        Ping((A, B)[n % 2], visible=n % 3 > 0, seq=n ^ 3, claim_ms=(None, 900)[n % 2]) for n in range(24)
    ]
    begin(who("one"))
    begin(who("all"))
    for n, sent in enumerate(pings):
        service.keepalive(connection, actor=who("one"), ping=sent, now=at(n + 1))
    service.keepalive_batch(
        connection, [service.command(who("all"), sent, now=at(n + 1)) for n, sent in enumerate(pings)]
    )
    one, other = listed().items
    assert one.counters == other.counters
    assert one.visible_ms == other.visible_ms > 0


def test_a_batch_takes_as_many_statements_as_one_ping(connection, begin):
    statements = []

    def count(_connection, _cursor, statement, *_rest):
        statements.append(statement)

    for n in range(64):
        begin(who(f"u{n}"))
    event.listen(connection, "before_cursor_execute", count)
    for size in (1, 64):
        statements.clear()
        service.keepalive_batch(
            connection, [service.command(who(f"u{n}"), Ping(A, seq=size), now=at(1)) for n in range(size)]
        )
        assert len(statements) == 7


def test_an_empty_batch_is_nothing(connection):
    assert service.keepalive_batch(connection, []) == []


# The list


@pytest.fixture
def three(begin, ping):
    """anna 0 to 100, bela 50 to 250 and cora 400 to 400 seconds."""
    begin(who("anna"))
    begin(who("bela"), seconds=50)
    ping(100, actor=who("anna"))
    ping(250, actor=who("bela"))
    begin(who("cora"), seconds=400)


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ({}, ["cora", "bela", "anna"]),
        ({"usernames": ("anna", "cora", "nobody")}, ["cora", "anna"]),
        ({"active": True}, ["cora", "bela"]),
        ({"active": False}, ["anna"]),
        ({"started_after": 0}, ["cora", "bela"]),
        ({"started_after": 49}, ["cora", "bela"]),
        ({"started_after": 49.9}, ["cora", "bela"]),
        ({"started_after": 50}, ["cora"]),
        ({"started_after": -1}, ["cora", "bela", "anna"]),
        ({"stopped_before": 100}, []),
        ({"stopped_before": 100.5}, ["anna"]),
        ({"stopped_before": 101}, ["anna"]),
        ({"stopped_before": 401}, ["cora", "bela", "anna"]),
        ({"active": True, "stopped_before": 300}, ["bela"]),
        ({"active": True, "stopped_before": 300, "usernames": ("cora",)}, []),
        ({"started_after": 1e300 - NOW.timestamp()}, []),
        ({"stopped_before": -1e300}, []),
    ],
)
def test_filters_hold_all_together(three, listed, filters, names):
    shifted = {k: v + NOW.timestamp() if (isinstance(v, int | float) and v not in (True, False)) or k.startswith("s") else v
               for k, v in filters.items()}  # fmt: skip
    assert [session.username for session in listed(seconds=400, **shifted).items] == names


def test_pages_of_the_list_join_up(begin, listed):
    for n in range(10):
        begin(who(f"user{n}"), seconds=n // 3)
    whole = [session.id for session in listed().items]
    seen, cursor = [], None
    while True:
        page = listed(limit=3, cursor=cursor)
        seen += [session.id for session in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
        assert len(page.items) == 3
    assert seen == whole
    assert len(set(seen)) == 10


def test_a_page_that_is_just_full_is_the_last(begin, listed):
    begin()
    assert listed(limit=1).next_cursor is None


@pytest.mark.parametrize("cursor", ["x", "!!", "WzEsMl0", "WyJ4IiwgInkiXQ", "W10"])
def test_a_strange_cursor_is_refused(listed, cursor):
    with pytest.raises(InvalidError):
        listed(limit=1, cursor=cursor)


def test_in_self_mode_one_sees_oneself(three, listed):
    assert [s.username for s in listed(actor=who("anna"), mode=ListMode.SELF).items] == ["anna"]
    assert listed(actor=who("anna"), mode=ListMode.SELF, usernames=("bela",)).items == ()


# Statistics, export, erasure


@pytest.fixture
def spent(begin, ping):
    """anna: 100 s on /a, 20 s on /b; bela: 10 s on /b, the next day 7 s on /a."""
    begin(who("anna"))
    ping(100, actor=who("anna"))
    ping(120, B, actor=who("anna"))
    begin(who("bela"))
    ping(10, B, actor=who("bela"))
    begin(who("bela"), seconds=86_400)
    ping(86_407, A, actor=who("bela"))


def test_stats_by_page(spent, stats):
    assert stats("page") == [("/a", 107_000, None), ("/b", 30_000, None)]


def test_stats_by_user(spent, stats):
    assert stats("user") == [("anna", 120_000, 1), ("bela", 17_000, 2)]


def test_stats_by_day(spent, stats):
    assert stats("day") == [("2026-03-01", 130_000, 2), ("2026-03-02", 7_000, 1)]


@pytest.mark.parametrize("group_by", list(GroupBy))
def test_stats_are_what_the_list_shows(spent, stats, listed, group_by):
    assert sum(ms for _, ms, _ in stats(group_by)) == sum(session.visible_ms for session in listed().items)


def test_stats_of_some_days(spent, stats):
    second = date(2026, 3, 2)
    assert stats("page", first_day=second) == [("/a", 7_000, None)]
    assert stats("page", last_day=second - timedelta(days=1)) == [("/a", 100_000, None), ("/b", 30_000, None)]
    assert stats("user", first_day=second, last_day=second) == [("bela", 7_000, 1)]
    assert stats("day", first_day=second + timedelta(days=1)) == []


def test_stats_of_some_users(spent, stats):
    assert stats("page", usernames=("bela",)) == [("/b", 10_000, None), ("/a", 7_000, None)]
    assert stats("user", usernames=("bela", "nobody")) == [("bela", 17_000, 2)]
    assert stats("day", usernames=("anna",)) == [("2026-03-01", 120_000, 1)]
    assert stats("page", usernames=("nobody",)) == []


def test_in_self_mode_stats_are_one_s_own(spent, stats):
    own = {"actor": who("bela"), "mode": ListMode.SELF}
    assert stats("user", **own) == [("bela", 17_000, 2)]
    assert stats("page", **own) == [("/b", 10_000, None), ("/a", 7_000, None)]
    assert stats("page", usernames=("anna",), **own) == []


def test_an_export_is_all_that_is_kept(connection, spent):
    export = service.export(connection, actor=who("bela"), now=NOW)
    assert [session.username for session in export.sessions] == ["bela", "bela"]
    assert sum(session.visible_ms for session in export.sessions) == 17_000
    assert export.days == {"2026-03-01": 10_000, "2026-03-02": 7_000}


@needs_journal
def test_erasure_leaves_nothing_of_one_and_all_of_others(connection, spent, stats, listed, ping):
    from stoa.platform import journal

    journal.metadata.create_all(connection)
    erased = service.erase(connection, actor=who("anna"), now=at(130))
    assert (erased.sessions, erased.visible_ms) == (1, 120_000)
    assert [session.username for session in listed().items] == ["bela", "bela"]
    assert stats("page") == [("/b", 10_000, None), ("/a", 7_000, None)]
    assert stats("user") == [("bela", 17_000, 2)]
    with pytest.raises(SessionNotValidError):
        ping(131, actor=who("anna"))


def test_erasure_below_the_journal(connection, spent, stats):
    assert store.erase(connection, user_id=who("bela").id) == (2, 17_000)
    assert stats("page") == [("/a", 100_000, None), ("/b", 20_000, None)]
    assert stats("day") == [("2026-03-01", 120_000, 1)]
    assert store.erase(connection, user_id=who("anna").id) == (1, 120_000)
    for table in store.metadata.sorted_tables:
        assert connection.scalar(select(func.count()).select_from(table)) == 0


@needs_journal
@pytest.mark.parametrize(
    ("mode", "permission", "entries"), [("self", "users_read", 2), ("all", "users_read", 0)]
)
def test_reading_others_is_journalled_where_sessions_are_private(
    connection, three, mode, permission, entries
):
    from stoa.platform import journal

    journal.metadata.create_all(connection)
    reader = who("rita", permission)
    found = service.list_sessions(connection, actor=reader, filters=Filters(), now=NOW, mode=ListMode(mode))
    service.stats(connection, actor=reader, group_by=GroupBy.DAY, now=NOW, mode=ListMode(mode))
    assert len(found.items) == 3
    read = journal.read(connection, service.READS, after=0, limit=10)
    assert [entry.actor_id for entry in read] == [reader.id] * entries


def test_old_numbers_are_forgotten(connection, begin, ping):
    begin()
    ping(10, seq=1)
    assert service.forget_numbers(connection, now=at(309)) == 0
    assert service.forget_numbers(connection, now=at(310)) == 1


# Several processes


@pytest.fixture
def several(engine):
    """Runs commands at once, each in its own transaction; the tables are empty again afterwards."""

    def several(calls):
        def one(call):
            with engine.begin() as connection:
                if engine.dialect.name == "sqlite":
                    connection.exec_driver_sql("UPDATE activity_sessions SET free_ms = 0 WHERE number = -1")
                return call(connection)

        with ThreadPoolExecutor(8) as threads:
            return list(threads.map(one, calls))

    yield several
    with engine.begin() as connection:
        for table in store.metadata.sorted_tables:
            connection.execute(table.delete())


def test_starts_at_once_begin_one_session(several):
    def starts(_number):
        return lambda c: service.start(c, actor=who(), now=NOW, ids=SystemIds())

    for attempt in range(3):
        later = NOW + timedelta(hours=attempt)
        results = several(
            [lambda c: service.start(c, actor=who(), now=later, ids=SystemIds()) for _ in range(16)]  # noqa: B023
        )
        assert sum(began for _, began in results) == 1
        assert len({session.id for session, _ in results}) == 1


def test_pings_at_once_count_as_one_after_another(several):
    several([lambda c: service.start(c, actor=who(), now=NOW, ids=SystemIds())])
    sent = [
        service.command(who(), Ping((A, B)[n % 2], seq=n // 2, client="c", claim_ms=100), now=at(10))
        for n in range(60)
    ]
    several([lambda c, one=one: service.keepalive_batch(c, [one]) for one in sent])
    (found,) = several([lambda c: service.list_sessions(c, actor=who(), filters=Filters(), now=NOW).items])
    assert [session.visible_ms for session in found] == [3_000]


def test_the_window_fits_a_column(connection, begin, ping):
    begin()
    for n in range(WINDOW + 2):
        ping(n, seq=2**53 - 100 + n)
    assert connection.scalar(text("SELECT max(seen) FROM activity_clients")) == 2**WINDOW - 1
