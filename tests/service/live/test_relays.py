"""TURN by a real coturn on the loopback: checked, refused, and talked through by clients that use nothing else."""

import time
from datetime import timedelta
from pathlib import Path

import pytest
from aiortc import RTCConfiguration, RTCIceServer, RTCIceTransportPolicy
from tests.support import relays
from tests.support.callers import eventually
from tests.support.processes import command, free_port

from stoa.kernel.clock import SystemClock
from stoa.live.ice import Ice
from stoa.live.media.relays import check_stun, check_turn

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def coturn(service_or_skip, tmp_path_factory):
    service_or_skip("coturn (/usr/bin/turnserver)", lambda: Path(relays.TURNSERVER).stat())
    with relays.coturn(tmp_path_factory.mktemp("coturn")) as port:
        yield port


@pytest.fixture
async def turn(coturn):
    """What browsers are told, once the server answers."""
    ice = Ice((f"stun:127.0.0.1:{coturn}",), (f"turn:127.0.0.1:{coturn}",), relays.SECRET)
    deadline = time.monotonic() + 30
    while (await check_stun(ice.stun[0])).address is None:
        assert time.monotonic() < deadline
    return ice


def credentials(ice, **aged):
    return ice.credentials("lea", now=SystemClock().now() - timedelta(**aged))


async def test_a_server_that_works_is_told_from_one_that_does_not(turn):
    assert (await check_stun(turn.stun[0])).address[0] == "127.0.0.1"
    for url in (turn.turn[0], f"{turn.turn[0]}?transport=tcp"):
        host, port = (await check_turn(url, *credentials(turn))).address
        assert host == "127.0.0.1"
        assert relays.LOWEST <= port <= relays.HIGHEST
    wrong = Ice(turn.stun, turn.turn, "guessed")
    for username, password in (credentials(wrong), credentials(turn, hours=3), ("lea", "sesame")):
        refused = await check_turn(turn.turn[0], username, password)
        assert refused.address is None
        assert "refuses" in refused.problem
    nobody = await check_turn(f"turn:127.0.0.1:{free_port()}", *credentials(turn))
    assert nobody.address is None
    assert (await check_stun("stun:no such host")).problem


async def test_people_who_can_only_relay_are_in_the_call(turn, hall):
    """The engine takes the relay's address for theirs: it is where their signed checks come from."""
    (server,) = [one for one in turn.servers("lea", now=SystemClock().now()) if "username" in one]
    only_relay = RTCConfiguration(
        [RTCIceServer(server["urls"], server["username"], server["credential"])], RTCIceTransportPolicy.RELAY
    )
    lea, tom = await hall.caller("lea", configuration=only_relay), await hall.caller("tom")
    await eventually(lambda: lea.seen and lea.heard and tom.seen and tom.heard, within=60)
    seen = sum(lea.seen.values()), sum(tom.seen.values())
    await eventually(
        lambda: sum(lea.seen.values()) > seen[0] + 20 and sum(tom.seen.values()) > seen[1] + 20, within=60
    )
    for connection in (lea.sending, lea.receiving):
        (pair,) = connection.getTransceivers()[0].sender.transport.transport._connection._nominated.values()
        assert pair.local_candidate.type == "relay"


async def test_check_live_says_what_works_and_what_to_do(turn, tmp_path):
    urls = {"STOA_LIVE_STUN": turn.stun[0], "STOA_LIVE_TURN": turn.turn[0], "STOA_LIVE_LISTEN": "127.0.0.1"}
    port = free_port()
    good = await run("check", "live", **urls, STOA_LIVE_TURN_SECRET="sesame", STOA_LIVE_FIRST_PORT=str(port))
    assert good.returncode == 0, good.stdout
    for words in (
        f"UDP port {port}",
        "media round trip to 127.0.0.1",
        "sees us at 127.0.0.1",
        "relays from 127.0.0.1",
    ):
        assert any(line.startswith("ok") and words in line for line in good.stdout.splitlines()), good.stdout
    bad = await run(
        "check",
        "live",
        **urls | {"STOA_LIVE_LISTEN": "127.0.0.1,192.0.2.77"},
        STOA_LIVE_TURN_SECRET="guessed",
    )
    assert bad.returncode == 1
    assert "192.0.2.77: is not this machine's" in bad.stdout
    bad = await run(
        "check", "live", **urls | {"STOA_LIVE_LISTEN": "127.0.0.2=10.1.2.3"}, STOA_LIVE_TURN_SECRET="guessed"
    )
    assert bad.returncode == 1
    assert "refuses (401" in bad.stdout
    assert "only browsers on the same network reach it" in bad.stdout
    assert "no answer from here" in bad.stdout


async def run(*arguments, **settings):
    import asyncio

    return await asyncio.to_thread(command, *arguments, **settings)
