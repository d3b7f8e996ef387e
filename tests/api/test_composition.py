"""How the server is put together: what is served is there, and in its order."""

import time
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.support.house import fill
from tests.support.threads import served

from stoa import server as composition
from stoa.kernel.clock import SystemClock
from stoa.live.studio import Studio
from stoa.missions.outside import Installed
from stoa.platform import timers
from stoa.schedule import api as schedule_api
from stoa.settings import Limits, Server, Settings
from stoa.trading.market import Market

pytestmark = pytest.mark.anyio
OWN = {"missions": Installed, "trading": Market, "live": Studio}


@pytest.fixture
def settings(tmp_path, sqlite_url):
    fill(sqlite_url)
    return Settings(Server(data=str(tmp_path), database=sqlite_url), Limits(http_rate=0))


@pytest.mark.parametrize("only", [None, *(kind.name for kind in composition.KINDS)])
async def test_a_kind_has_its_parts_where_it_is_served(settings, only):
    built = composition.build(settings, only=only)
    has = {name for name, part in OWN.items() if part in built.house.parts}
    assert has == (set(OWN) if only is None else {only} & set(OWN))
    await built.storage.close()


async def test_a_kind_is_ready_before_anything_falls_due(settings):
    told = []

    @asynccontextmanager
    async def alongside(house):
        def due(connection):
            timers.set(connection, "probe", "it", due_at=SystemClock().now() - timedelta(days=1))

        await house.storage.write(due)
        for _ in range(20):  # the sweeper would have had its time
            await house.storage.read(lambda connection: time.sleep(0.02))
        told.append("ready")
        yield
        told.append("over")

    def handlers(_house):
        return {"probe": lambda _connection, _timer: told.append("due")}

    kind = replace(schedule_api.KIND, alongside=alongside, due_handlers=handlers)
    deadline = time.monotonic() + 30
    with served(composition.build(settings, kinds=[kind]).app):
        while "due" not in told:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    assert told == ["ready", "due", "over"]
