import asyncio
import threading
from datetime import UTC, datetime

import pytest

from stoa.kernel.errors import ConflictError
from stoa.kernel.journal import Entry, Event
from stoa.platform import journal

pytestmark = pytest.mark.anyio
AT = datetime(2026, 3, 1, 9, 0, 0, 123000, tzinfo=UTC)


def append(connection, stream, *types, actor_id="a" * 24):
    return journal.append(connection, stream, *(Event(name) for name in types), actor_id=actor_id, at=AT)


def append_then_fail(connection, stream):
    append(connection, stream, "never")
    raise ConflictError("No.")


async def test_what_is_appended_is_read_back(storage):
    event = Event("trading.started", {"pair": "EUR/USD", "nested": {"π": [1, 2.5, None, True]}})
    entries = await storage.write(journal.append, "trading:1", event, actor_id=None, at=AT)
    assert entries == [Entry("trading:1", 1, AT, event.type, None, event.data)]
    assert await storage.read(journal.read, "trading:1") == entries


async def test_numbers_count_from_one_within_each_stream(storage):
    await storage.write(append, "a", "one", "two")
    await storage.write(append, "b", "one")
    entries = await storage.write(append, "a", "three")
    assert [entry.seq for entry in entries] == [3]
    assert [entry.seq for entry in await storage.read(journal.read, "a")] == [1, 2, 3]
    assert await storage.read(journal.last_seq, "b") == 1


async def test_a_stream_in_which_nothing_happened_is_at_zero(storage):
    assert await storage.write(append, "a") == []
    assert await storage.read(journal.last_seq, "a") == 0
    assert await storage.read(journal.read, "a") == []


async def test_reading_resumes_after_a_number_and_stops_at_the_limit(storage):
    await storage.write(append, "a", *"abcdef")
    entries = await storage.read(journal.read, "a", after=2, limit=3)
    assert [(entry.seq, entry.type) for entry in entries] == [(3, "c"), (4, "d"), (5, "e")]


async def test_many_streams_take_one_append(storage):
    additions = [
        journal.Addition("b", [Event("b1"), Event("b2")], "u1"),
        journal.Addition("a", [Event("a1")], None),
        journal.Addition("b", [Event("b3")], "u2"),
        journal.Addition("c", [], None),
    ]
    await storage.write(append, "b", "b0")
    entries = await storage.write(journal.append_many, additions, at=AT)
    assert [(entry.stream, entry.seq, entry.type, entry.actor_id) for entry in entries] == [
        ("b", 2, "b1", "u1"),
        ("b", 3, "b2", "u1"),
        ("a", 1, "a1", None),
        ("b", 4, "b3", "u2"),
    ]
    assert [entry.seq for entry in await storage.read(journal.read, "b")] == [1, 2, 3, 4]


async def test_races_leave_no_gap_and_no_double(storage):
    async def writer(index):
        for turn in range(10):
            if turn % 4 == 3:
                with pytest.raises(ConflictError):
                    await storage.write(append_then_fail, "hot")
            await storage.write(append, "hot", f"{index}.{turn}.1", f"{index}.{turn}.2")

    await asyncio.gather(*(writer(index) for index in range(12)))
    entries = await storage.read(journal.read, "hot")
    assert [entry.seq for entry in entries] == list(range(1, 241))
    firsts = [entry.type for entry in entries if entry.type.endswith(".1")]
    assert len(set(firsts)) == 120
    assert await storage.read(journal.last_seq, "hot") == 240


async def test_appends_to_the_same_streams_in_any_order_do_not_deadlock(storage):
    async def writer(names):
        for _ in range(15):
            additions = [journal.Addition(name, [Event("x")], None) for name in names]
            await storage.write(journal.append_many, additions, at=AT)

    await asyncio.gather(*(writer(names) for names in ("abcd", "dcba", "bdac", "cadb")))
    assert [await storage.read(journal.last_seq, name) for name in "abcd"] == [60] * 4


async def test_a_deleted_stream_begins_again(storage):
    await storage.write(append, "a", "one", "two")
    await storage.write(append, "b", "one")
    await storage.write(journal.delete, "a")
    assert await storage.read(journal.read, "a") == []
    assert await storage.read(journal.last_seq, "b") == 1
    assert [entry.seq for entry in await storage.write(append, "a", "new")] == [1]


async def test_listeners_hear_what_is_committed_in_order_and_nothing_else(storage, eventually):
    heard = []
    stop = journal.subscribe(storage.engine, lambda entries: heard.extend(entry.type for entry in entries))
    await storage.write(append, "a", "one", "two")
    with pytest.raises(ConflictError):
        await storage.write(append_then_fail, "a")
    await storage.write(append, "b", "three")
    await eventually(lambda: heard == ["one", "two", "three"])
    stop()
    await storage.write(append, "b", "four")
    await storage.write(append, "b", "five")
    assert heard == ["one", "two", "three"]


async def test_what_a_listener_hears_can_already_be_read(storage):
    heard = asyncio.get_running_loop().create_future()
    journal.subscribe(storage.engine, heard.set_result)
    await storage.write(append, "a", "one")
    entries = await asyncio.wait_for(heard, 60)
    assert await storage.read(journal.read, "a") == entries


async def test_a_listener_that_fails_is_nobody_elses_trouble(storage, eventually):
    heard = []

    def fails(entries):
        raise RuntimeError("deaf")

    journal.subscribe(storage.engine, fails)
    journal.subscribe(storage.engine, heard.extend)
    await storage.write(append, "a", "one")
    await eventually(lambda: len(heard) == 1)


async def test_listeners_hear_of_what_a_caller_who_went_away_has_stored(storage, eventually):
    heard, inside = [], threading.Event()

    def append_slowly(connection):
        append(connection, "a", "one")
        inside.set()
        gone.wait(10)

    gone = threading.Event()
    journal.subscribe(storage.engine, heard.extend)
    caller = asyncio.create_task(storage.write(append_slowly))
    await eventually(inside.is_set)
    caller.cancel()
    await asyncio.wait([caller])
    gone.set()
    await eventually(lambda: storage.read(journal.last_seq, "a"))
    await eventually(lambda: heard)
