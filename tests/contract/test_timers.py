import asyncio
import contextlib
import importlib.util
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog
from sqlalchemy import text

from stoa.kernel.clock import ManualClock, SystemClock
from stoa.kernel.errors import ConflictError
from stoa.platform import timers
from stoa.platform.storage import open_storage
from stoa.platform.timers import Sweeper, Timer

pytestmark = pytest.mark.anyio
AT = datetime(2026, 3, 1, 9, 0, 0, 123000, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
SECOND = timedelta(seconds=1)


@pytest.fixture
def clock():
    return ManualClock(AT)


@pytest.fixture
def handled():
    return []


@pytest.fixture
def sweeper(storage, clock, handled):
    return Sweeper(storage, clock, {"end": lambda _connection, timer: handled.append(timer)})


@contextlib.asynccontextmanager
async def running(sweeper):
    task = asyncio.create_task(sweeper.run())
    yield
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


def rows(connection, table="timers"):
    return connection.scalar(text(f"SELECT count(*) FROM {table}"))


async def test_nothing_runs_a_millisecond_early(storage, clock, sweeper, handled):
    await storage.write(timers.set, "end", "s1", due_at=AT + SECOND, payload={"why": ["time"]})
    clock.set(AT + SECOND - MILLISECOND)
    assert await sweeper.sweep() == 0
    clock.advance(MILLISECOND)
    assert await sweeper.sweep() == 1
    assert handled == [Timer("end", "s1", AT + SECOND, {"why": ["time"]})]


async def test_a_timer_runs_once(storage, sweeper, handled):
    await storage.write(timers.set, "end", "s1", due_at=AT)
    assert [await sweeper.sweep() for _ in range(3)] == [1, 0, 0]
    assert await storage.read(rows) == 0


async def test_setting_again_moves_it(storage, clock, sweeper, handled):
    await storage.write(timers.set, "end", "s1", due_at=AT, payload={"n": 1})
    await storage.write(timers.set, "end", "s1", due_at=AT + SECOND, payload={"n": 2})
    assert await sweeper.sweep() == 0
    clock.advance(SECOND)
    assert await sweeper.sweep() == 1
    assert [timer.payload for timer in handled] == [{"n": 2}]


async def test_what_is_cancelled_does_not_run(storage, sweeper):
    await storage.write(timers.set, "end", "s1", due_at=AT)
    await storage.write(timers.cancel, "end", "s1")
    await storage.write(timers.cancel, "end", "unheard of")
    assert await sweeper.sweep() == 0


async def test_kinds_and_subjects_have_timers_of_their_own(storage, sweeper, handled):
    for kind, subject in (("end", "s1"), ("end", "s2"), ("remind", "s1")):
        await storage.write(timers.set, kind, subject, due_at=AT)
    await storage.write(timers.cancel, "remind", "s1")
    assert await sweeper.sweep() == 2
    assert {timer.subject for timer in handled} == {"s1", "s2"}


async def test_a_kind_without_a_handler_waits_for_one(storage, clock, sweeper, handled):
    await storage.write(timers.set, "other", "s1", due_at=AT)
    assert await sweeper.sweep() == 0
    other = Sweeper(storage, clock, {"other": lambda _connection, timer: handled.append(timer)})
    assert await other.sweep() == 1


async def test_one_subject_is_served_in_the_order_of_due_times(storage, clock, handled):
    kinds = [f"kind{index}" for index in range(7)]
    for index, kind in enumerate(kinds):
        await storage.write(timers.set, kind, "s1", due_at=AT + (index * 3 % 7) * SECOND)
    clock.advance(timedelta(hours=1))
    handlers = dict.fromkeys(kinds, lambda _connection, timer: handled.append(timer.due_at))
    assert await Sweeper(storage, clock, handlers).sweep() == 7
    assert handled == sorted(handled)


async def test_a_handler_may_set_its_own_timer_again(storage, clock):
    ticks = []

    def tick(connection, timer):
        ticks.append(timer.due_at)
        timers.set(connection, "tick", timer.subject, due_at=timer.due_at + SECOND)

    await storage.write(timers.set, "tick", "s1", due_at=AT)
    clock.advance(3 * SECOND)
    assert await Sweeper(storage, clock, {"tick": tick}).sweep() == 4
    assert ticks == [AT + index * SECOND for index in range(4)]


async def test_many_that_are_due_together_all_run(storage, sweeper, handled):
    def set_all(connection):
        for index in range(350):
            timers.set(connection, "end", f"s{index}", due_at=AT)

    await storage.write(set_all)
    assert await sweeper.sweep() == 350
    assert len({timer.subject for timer in handled}) == 350


async def test_a_failure_keeps_nothing_and_is_tried_again_later_and_later(storage, clock, handled):
    def fails(connection, timer):
        handled.append((clock.now() - AT, timer.attempts, timer.due_at))
        timers.set(connection, "never", "s1", due_at=AT)
        raise ConflictError("Not now.")

    sweeper = Sweeper(storage, clock, {"end": fails})
    await storage.write(timers.set, "end", "s1", due_at=AT)
    with structlog.testing.capture_logs() as lines:
        for _ in range(16):
            await sweeper.sweep()
            clock.advance(SECOND)
    assert handled == [(delay * SECOND, attempts, AT) for attempts, delay in enumerate((0, 1, 3, 7, 15))]
    assert [line["attempts"] for line in lines] == [1, 2, 3, 4, 5]
    assert await storage.read(rows) == 1


async def test_a_failure_is_nobody_elses(storage, clock, handled):
    def picky(_connection, timer):
        if timer.subject == "s1" and timer.kind == "a":
            raise ZeroDivisionError
        handled.append((timer.kind, timer.subject))

    for kind, subject in (("a", "s1"), ("b", "s1"), ("a", "s2")):
        await storage.write(timers.set, kind, subject, due_at=AT)
    with structlog.testing.capture_logs():
        assert await Sweeper(storage, clock, {"a": picky, "b": picky}).sweep() == 2
    assert sorted(handled) == [("a", "s2"), ("b", "s1")]


async def test_a_timer_that_is_set_anew_forgets_its_failures(storage, clock, handled):
    def fails_once(_connection, timer):
        handled.append(timer.attempts)
        if len(handled) == 1:
            raise ZeroDivisionError

    sweeper = Sweeper(storage, clock, {"end": fails_once})
    await storage.write(timers.set, "end", "s1", due_at=AT)
    with structlog.testing.capture_logs():
        await sweeper.sweep()
    await storage.write(timers.set, "end", "s1", due_at=AT)
    assert await sweeper.sweep() == 1
    assert handled == [0, 0]


async def test_two_nodes_share_the_work_and_do_none_of_it_twice(storage, storage_url, clock, handled):
    def set_all(connection):
        for index in range(200):
            timers.set(connection, "end", f"s{index}", due_at=AT)

    await storage.write(set_all)
    other = open_storage(storage_url)
    handlers = {"end": lambda _connection, timer: handled.append(timer.subject)}
    nodes = [Sweeper(node, clock, handlers) for node in (storage, other)]
    counts = await asyncio.gather(*(node.sweep() for node in nodes))
    counts += await asyncio.gather(*(node.sweep() for node in nodes))
    await other.close()
    assert sum(counts) == 200
    assert sorted(handled) == sorted(f"s{index}" for index in range(200))


async def test_a_sleeping_sweeper_wakes_for_what_is_set_and_is_never_early(storage, eventually):
    clock, seen, late = SystemClock(), [], []

    def note(_connection, timer):
        seen.append((timer.subject, clock.now() - timer.due_at))

    sweeper = Sweeper(storage, clock, {"end": note}, observe_lateness=late.append)
    await storage.write(timers.set, "end", "far", due_at=clock.now() + timedelta(hours=1))
    async with running(sweeper):
        for index in range(10):
            due_at = clock.now() + timedelta(milliseconds=index * 5)
            await storage.write(timers.set, "end", f"s{index}", due_at=due_at)
        await eventually(lambda: len(seen) == 10)
        await eventually(lambda: len(late) == 10)
    assert all(lateness >= timedelta(0) for _, lateness in seen)
    assert all(seconds >= 0 for seconds in late)


async def test_a_sweep_that_fails_is_not_the_last(storage, eventually, handled):
    class Moody:
        dialect = storage.dialect
        failures = 0
        write = staticmethod(storage.write)

        async def read(self, fn, *args):
            if self.failures < 1:
                self.failures += 1
                raise ConnectionError
            return await storage.read(fn, *args)

    sweeper = Sweeper(Moody(), SystemClock(), {"end": lambda _connection, timer: handled.append(timer)})
    await storage.write(timers.set, "end", "s1", due_at=AT)
    with structlog.testing.capture_logs() as lines:
        async with running(sweeper):
            await eventually(lambda: handled)
    assert [line["event"] for line in lines] == ["timers_sweep_failed"]


@pytest.fixture
def process():
    """The module that a killed server runs: ``process.complete`` is the handler of the next one, too."""
    path = Path(__file__).with_name("timer_process.py")
    spec = importlib.util.spec_from_file_location("timer_process", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def completed(storage):
    with storage.engine.begin() as connection:
        connection.execute(text("DROP TABLE IF EXISTS completed"))
        connection.execute(text("CREATE TABLE completed (subject TEXT)"))
    return storage


@pytest.mark.parametrize("stage", ["set", "handling"])
async def test_what_a_killed_server_left_undone_the_next_one_does_once(
    completed, storage_url, process, stage, eventually
):
    command = [sys.executable, process.__file__, storage_url, stage]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as server:
        assert server.stdout.readline() == f"{stage}\n"
        server.send_signal(signal.SIGKILL)
    assert server.returncode == -signal.SIGKILL
    assert await completed.read(rows, "completed") == 0

    clock = ManualClock(process.DUE_AT)
    sweeper = Sweeper(completed, clock, {"end": process.complete})
    async with running(sweeper):  # PostgreSQL may still hold the dead server's timer for a moment
        await eventually(lambda: completed.read(rows, "completed"))
    assert await sweeper.sweep() == 0
    assert await completed.read(rows, "completed") == 1
