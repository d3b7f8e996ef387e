"""What ``/metrics`` says of a call, from a real one."""

import os
import signal
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from tests.support.callers import Hall, Stage, eventually

from stoa.live.media import messages as m
from stoa.live.meters import Meters

pytestmark = pytest.mark.anyio


class Rooms:
    def __init__(self, controller):
        self.controller = controller

    @property
    def starts(self):
        return self.controller.starts

    @property
    def rooms(self):
        return self.controller.rooms

    async def inside(self, room):
        return await self.controller.stats(room)


def read(registry):
    lines = generate_latest(registry).decode().splitlines()
    pairs = [
        line.rpartition(" ") for line in lines if line.startswith("stoa_live_") and "_created" not in line
    ]
    return {name.removeprefix("stoa_live_"): float(value) for name, _, value in pairs}


async def test_a_call_is_counted_and_counts_never_fall(tmp_path, anyio_backend):
    stage, registry = Stage(tmp_path), CollectorRegistry()
    meters, rooms = Meters(registry), Rooms(stage.controller)
    try:
        await meters.look(rooms)
        assert set(read(registry).values()) == {0}
        hall = Hall(stage, "room")
        await stage.controller.open_room("room")
        await stage.controller.start_recording("room", tmp_path / "recording")
        await hall.caller("ada")
        bob = await hall.caller("bob", publish=False)
        await eventually(lambda: sum(bob.seen.values()) > 20)
        await meters.look(rooms)
        first = read(registry)
        assert (first["rooms"], first["participants"], first["recordings"]) == (1, 2, 1)
        assert first["workers_started_total"] == 1
        assert first["packets_received_total"] > 20
        assert first["packets_forwarded_total"] > 20
        await meters.look(rooms)
        assert first["packets_received_total"] <= read(registry)["packets_received_total"]
        os.kill(int(Path(f"{tmp_path}/media-0.sock.lock").read_text()), signal.SIGKILL)
        await eventually(lambda: hall.of(m.RoomLost))
        await meters.look(rooms)
        after = read(registry)
        assert after["packets_received_total"] >= first["packets_received_total"]
        assert (after["participants"], after["workers_started_total"]) == (0, 2)
        await stage.controller.close_room("room")
        await meters.look(rooms)
        assert (read(registry)["rooms"], read(registry)["recordings"]) == (0, 0)
    finally:
        await stage.close()
