"""A server that is going to be killed: ``timer_process.py URL STAGE``; prints one line when the moment has come.

``set`` stores a timer and then waits; ``handling`` also sweeps, and waits inside the handler, before its commit.
"""

import asyncio
import sys
import threading
from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from stoa.kernel.clock import ManualClock
from stoa.platform import timers
from stoa.platform.storage import open_storage

DUE_AT = datetime(2026, 3, 1, 9, 0, 0, 123000, tzinfo=UTC)


def complete(connection, timer):
    connection.execute(text("INSERT INTO completed (subject) VALUES (:subject)"), {"subject": timer.subject})


def complete_and_hang(connection, timer):
    complete(connection, timer)
    wait_to_be_killed("handling")


def wait_to_be_killed(stage):
    print(stage, flush=True)
    threading.Event().wait()


async def main(url, stage):
    storage = open_storage(url)
    await storage.write(timers.set, "end", "s1", due_at=DUE_AT)
    if stage == "set":
        wait_to_be_killed(stage)
    clock = ManualClock(DUE_AT + timedelta(seconds=1))
    await timers.Sweeper(storage, clock, {"end": complete_and_hang}).run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
