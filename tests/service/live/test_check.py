import pytest
from tests.support.callers import Stage

from stoa.live.media.check import check
from stoa.live.media.controller import Listen

pytestmark = pytest.mark.anyio


async def test_an_address_that_leads_here_is_reached(stage):
    (reached,) = await check(stage.controller)
    assert (reached.host, reached.answered, reached.secured) == ("127.0.0.1", True, True)
    assert not [room for link in stage.controller._links for room in link.rooms]


async def test_an_address_that_leads_elsewhere_is_not(tmp_path, anyio_backend):
    stage = Stage(tmp_path, listen=[Listen("127.0.0.1", "127.0.0.9"), Listen("127.0.0.2")])
    try:
        elsewhere, here = await check(stage.controller)
        assert (elsewhere.host, elsewhere.answered, elsewhere.secured) == ("127.0.0.9", False, False)
        assert (here.host, here.secured) == ("127.0.0.2", True)
    finally:
        await stage.close()
