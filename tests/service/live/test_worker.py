"""Workers that die, hang, or outlive the process that started them."""

import asyncio
import contextlib
import os
import signal

import pytest
from tests.support.callers import Hall, Stage, eventually

from stoa.live.media import _link
from stoa.live.media import messages as m
from stoa.live.media.controller import Listen

pytestmark = pytest.mark.anyio


@contextlib.asynccontextmanager
async def staged(folder, **how):
    stage = Stage(folder, **how)
    try:
        yield stage
    finally:
        await stage.close()


def pid_of(folder, index=0):
    return int((folder / f"media-{index}.sock.lock").read_text())


async def test_a_worker_that_is_killed_is_replaced_and_its_rooms_are_told(tmp_path, anyio_backend):
    async with staged(tmp_path) as stage:
        hall = Hall(stage, "r")
        await stage.controller.open_room("r", max_participants=2)
        await hall.caller("ada")
        await eventually(lambda: hall.of(m.Joined))
        assert not hall.of(m.RoomLost)
        killed = pid_of(tmp_path)
        os.kill(killed, signal.SIGKILL)
        await eventually(lambda: hall.of(m.RoomLost))
        assert pid_of(tmp_path) != killed
        again, bob = await hall.caller("ada"), await hall.caller("bob", publish=False)
        await eventually(lambda: bob.seen)
        assert again.sending.connectionState == "connected"
        with pytest.raises(m.RoomFullError):
            await stage.controller.join("r", "eve")


async def test_a_room_that_nobody_uses_is_closed_and_open_again_for_who_comes(
    tmp_path, anyio_backend, monkeypatch
):
    """A class whose teacher never ends it would have its room for ever."""
    monkeypatch.setattr(_link, "_TIDIED_EVERY", 0.2)
    monkeypatch.setattr(_link, "_IDLE_SECONDS", 0.1)
    async with staged(tmp_path) as stage:
        controller = stage.controller
        for room in ("left", "used", "recorded"):
            await controller.open_room(room)
            await controller.join(room, "ada")
        await controller.start_recording("recorded", tmp_path / "tracks")
        await controller.leave("recorded", "ada")
        await controller.leave("left", "ada")
        await eventually(lambda: sorted(controller.rooms) == ["recorded", "used"])
        with pytest.raises(m.UnknownError):
            await controller.stats("left")
        await controller.stop_recording("recorded")
        await eventually(lambda: controller.rooms == ["used"])
        monkeypatch.setattr(_link, "_IDLE_SECONDS", 60.0)
        await asyncio.sleep(0.5)  # whatever was asked with the other number is answered
        await controller.open_room("left")
        await controller.join("left", "ada")
        assert [one.participant for one in (await controller.stats("left")).participants] == ["ada"]


async def test_a_worker_that_hangs_is_replaced(tmp_path, anyio_backend):
    async with staged(tmp_path) as stage:
        await stage.controller.open_room("r")
        hall = Hall(stage, "r")
        os.kill(pid_of(tmp_path), signal.SIGSTOP)
        await eventually(lambda: hall.of(m.RoomLost))
        await stage.controller.join("r", "ada")


async def test_a_call_outlives_the_process_that_started_it(tmp_path, anyio_backend):
    async with staged(tmp_path) as first:
        hall = Hall(first, "r")
        await first.controller.open_room("r", max_participants=7)
        await hall.caller("ada")
        bob = await hall.caller("bob", publish=False)
        await eventually(lambda: bob.seen)
        worker = pid_of(tmp_path)
        await first.controller.stop()
        seen = sum(bob.seen.values())
        await eventually(lambda: sum(bob.seen.values()) > seen + 5)
        async with staged(tmp_path) as second:
            (room,) = await second.controller.start()
            assert (room.room, room.max_participants, room.participants) == ("r", 7, ["ada", "bob"])
            assert pid_of(tmp_path) == worker
            stats = await second.controller.stats("r")
            assert len(stats.participants) == 2
            seen = sum(bob.seen.values())
            await eventually(lambda: sum(bob.seen.values()) > seen + 5)
            assert not [event for event in second.events if isinstance(event, m.RoomLost)]


async def test_what_happened_meanwhile_is_told_afterwards(tmp_path, anyio_backend):
    async with staged(tmp_path) as first:
        hall = Hall(first, "r")
        await first.controller.open_room("r")
        ada = await hall.caller("ada")
        await eventually(lambda: hall.of(m.Joined))
        await first.controller.stop()
        await ada.close()
        async with staged(tmp_path) as second:
            await second.controller.start()
            await eventually(lambda: any(isinstance(event, m.Left) for event in second.events))


async def test_events_are_told_again_until_they_were_taken(tmp_path, anyio_backend):
    async with staged(tmp_path) as stage:
        taken, told = asyncio.Event(), []

        async def slow(event):
            told.append(event)
            await taken.wait()

        stage.controller._links[0]._told = slow
        await stage.controller.open_room("r")
        await stage.controller.join("r", "ada")
        await eventually(lambda: told)
        await stage.controller.stop()
        async with staged(tmp_path) as second:
            await second.controller.start()
            await eventually(lambda: second.events)
            assert second.events[0] == told[0]


async def test_a_listener_that_fails_stops_no_events(tmp_path, anyio_backend):
    async with staged(tmp_path) as stage:
        told = []

        async def failing(event):
            told.append(event)
            raise ZeroDivisionError

        stage.controller._links[0]._told = failing
        await stage.controller.open_room("r")
        await stage.controller.join("r", "ada")
        await stage.controller.leave("r", "ada")
        await eventually(lambda: len(told) == 2)


async def test_rooms_are_spread_over_the_workers(tmp_path, anyio_backend):
    async with staged(tmp_path, workers=3) as stage:
        await asyncio.gather(*(stage.controller.open_room(f"r{index}") for index in range(3)))
        workers = {pid_of(tmp_path, index) for index in range(3)}
        assert len(workers) == 3
        os.kill(pid_of(tmp_path, 1), signal.SIGKILL)
        await eventually(lambda: any(isinstance(event, m.RoomLost) for event in stage.events))
        await asyncio.gather(*(stage.controller.stats(f"r{index}") for index in range(3)))
        assert len([event for event in stage.events if isinstance(event, m.RoomLost)]) == 1


async def test_a_worker_of_another_setup_is_replaced_when_it_is_idle(tmp_path, anyio_backend):
    async with staged(tmp_path) as first:
        await first.controller.open_room("r")
        await first.controller.close_room("r")
        worker = pid_of(tmp_path)
        await first.controller.stop()
        async with staged(tmp_path, listen=[Listen("127.0.0.1", "127.0.0.2")]) as second:
            await second.controller.start()
            await second.controller.open_room("r")
            assert pid_of(tmp_path) != worker
            await second.controller.join("r", "ada")
            assert "127.0.0.2" in (await second.controller.offer("r", "ada")).sdp


async def test_a_worker_without_a_controller_ends(tmp_path, anyio_backend):
    async with staged(tmp_path, linger=0.3) as stage:
        await stage.controller.open_room("r")
        process = stage.controller._links[0]._process
        await stage.controller.stop()
        await eventually(lambda: process.poll() is not None)
        assert process.returncode == 0


async def test_a_server_imports_no_codec():
    import subprocess
    import sys

    asked = "import sys, stoa.cli, stoa.live.media.controller; print([m for m in ('aiortc', 'av', 'pylibsrtp') if m in sys.modules])"
    answer = subprocess.run(
        [sys.executable, "-c", asked], capture_output=True, text=True, check=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert answer.stdout.strip() == "[]"


async def test_a_folder_too_deep_for_a_socket_is_refused(tmp_path):
    with pytest.raises(ValueError, match="too long"):
        Stage(tmp_path / ("x" * 100))


async def test_an_offer_that_waits_is_told_the_next_controller(tmp_path, anyio_backend):
    async with staged(tmp_path) as first:
        await first.controller.open_room("r")
        await first.controller.join("r", "ada")
        await eventually(lambda: first.events)
        await first.controller.stop()
        async with staged(tmp_path) as second:
            await second.controller.start()
            await eventually(
                lambda: [each.participant for each in second.events if isinstance(each, m.Offered)] == ["ada"]
            )
