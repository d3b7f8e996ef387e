"""Which databases a journey runs on, and servers that many tests share."""

from contextlib import ExitStack, contextmanager

import pytest
from tests.support.postgres import new_database
from tests.support.processes import Running, command

_POSTGRES = pytest.mark.postgres
ON_ONE = ["sqlite", pytest.param("postgresql", marks=[_POSTGRES, pytest.mark.long])]
ON_MANY = [pytest.param("sqlite", marks=pytest.mark.long), pytest.param("postgresql", marks=_POSTGRES)]
on_one = pytest.mark.parametrize("place", ON_ONE, indirect=True)
"""A journey of one server runs on what comes with the house: the contract suite holds both databases to the same."""
on_many = pytest.mark.parametrize("place", ON_MANY, indirect=True)
"""A journey of several servers runs on what several servers are run on."""


@contextmanager
def standing(kind, folder, service_or_skip, *arguments, servers=1, **settings):
    """(servers on one database, its ``place``): killed afterwards."""
    place = ["--data", folder / "data"]
    with ExitStack() as stack:
        if kind == "postgresql":
            url = stack.enter_context(new_database(service_or_skip, "journeys"))
            assert command("migrate", "--database", url).returncode == 0
            place += ["--database", url]
        running = []
        for _ in range(servers):
            running.append(Running(folder, *arguments, *place, **settings))
            stack.callback(running[-1].kill)
            running[-1].wait_ready()
        yield running, place
