"""Servers as they are really run: processes that are started, used, stopped and killed."""

import time

import pytest
from tests.support.postgres import new_database
from tests.support.processes import Running, command


@pytest.fixture
def start(tmp_path):
    """``start(*arguments, **settings)``: a server over a folder of this test's own, or of ``--data``; it is ready."""
    running = []

    def begin(*arguments, port=None, **settings):
        if "--data" not in arguments:
            arguments = ("--data", tmp_path / "data", *arguments)
        server = Running(tmp_path, *arguments, port=port, **settings)
        running.append(server)
        return server.wait_ready()

    yield begin
    for server in running:
        if server.process.poll() is None:
            server.kill()


@pytest.fixture
def postgres_url(service_or_skip):
    """An empty database whose schema is current."""
    with new_database(service_or_skip, "journey") as url:
        assert command("migrate", "--database", url).returncode == 0
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def place(request, tmp_path):
    """Arguments that let every server of a test work on the same database. ``tests.support.places`` has less of them."""
    arguments = ["--data", tmp_path / "data"]
    if request.param == "postgresql":
        arguments += ["--database", request.getfixturevalue("postgres_url")]
    return arguments


@pytest.fixture
def eventually_sync():
    """Polls until ``claim()`` is true."""

    def ask(claim, *, within=60.0):
        deadline = time.monotonic() + within
        while not claim():
            assert time.monotonic() < deadline, f"not within {within} s"
            time.sleep(0.02)

    return ask
