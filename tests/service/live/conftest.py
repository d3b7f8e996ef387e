import secrets

import pytest
from tests.support.callers import Hall, Stage


@pytest.fixture(scope="module")
async def stage(tmp_path_factory, anyio_backend):
    """A controller with one worker."""
    stage = Stage(tmp_path_factory.mktemp("media"))
    yield stage
    await stage.close()


@pytest.fixture
async def hall(stage):
    """A room of its own for each test."""
    hall = Hall(stage, f"room-{secrets.token_hex(4)}")
    await hall.controller.open_room(hall.room)
    yield hall
    await hall.close()
