"""Garbage, forgeries and floods at the media port: the call goes on."""

import asyncio
import random
import re
import socket
import struct

import pytest
from aioice import stun
from aiortc import RTCPeerConnection
from tests.support.callers import eventually

from stoa.live.media import messages as m

pytestmark = pytest.mark.anyio


@pytest.fixture
async def call(hall):
    """Ada sends, Bob watches; and the address of the port between them."""
    await hall.caller("ada")
    bob = await hall.caller("bob", publish=False)
    await eventually(lambda: bob.seen and bob.heard)
    host, port = re.search(r" udp \d+ (\S+) (\d+) typ", hall.of(m.Offered)[0].sdp).groups()
    hall.bob, hall.address = bob, (host, int(port))
    return hall


async def goes_on(call):
    seen, heard = sum(call.bob.seen.values()), sum(call.bob.heard.values())
    await eventually(
        lambda: sum(call.bob.seen.values()) > seen + 5 and sum(call.bob.heard.values()) > heard + 5
    )
    assert not call.of(m.Left)


def garbage(chance, kind):
    """A datagram whose first byte says what it claims to be."""
    body = chance.randbytes(chance.choice([0, 1, 3, 7, 11, 12, 19, 20, 40, 300, 1400]))
    first = {
        "rtp": bytes((0x80 | chance.randrange(64), chance.randrange(128))),
        "rtcp": bytes((0x80 | chance.randrange(32), 200 + chance.randrange(8))),
        "dtls": bytes((chance.randrange(20, 64), 0xFE, 0xFD)),
        "stun": b"\x00\x01" + struct.pack("!HI", len(body), 0x2112A442),
        "noise": b"",
    }[kind]
    return first + body


@pytest.mark.parametrize("kind", ["rtp", "rtcp", "dtls", "stun", "noise"])
async def test_garbage_from_a_stranger(call, kind):
    chance = random.Random(kind)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for index in range(2000):
            stranger.sendto(garbage(chance, kind), call.address)
            if index % 100 == 0:
                await asyncio.sleep(0)
    await goes_on(call)


@pytest.mark.parametrize("kind", ["rtp", "rtcp", "dtls", "stun"])
async def test_garbage_from_a_participants_own_address(call, kind):
    """From the very socket that has proved itself: what no firewall sees."""
    chance = random.Random(kind)
    wire = wire_of(call.callers[call.room, "ada"].sending)
    for index in range(2000):
        wire.sendto(garbage(chance, kind), call.address)
        if index % 100 == 0:
            await asyncio.sleep(0.005)  # what the kernel has no room for is gone
    if kind == "dtls":
        # Whoever holds the address may end the association; they harm nobody but themselves.
        seen = sum(call.bob.heard.values())
        await asyncio.sleep(0.2)
        assert sum(call.bob.heard.values()) >= seen
        assert not call.of(m.Left, participant="bob")
        return
    await goes_on(call)
    stats = await call.controller.stats(call.room)
    if kind != "stun":
        assert stats.participants[0].refused > 50


async def test_truncated_copies_of_real_packets(call):
    """Cut off anywhere, and with bits turned over: the keys are right, the packets are not."""
    chance = random.Random(7)
    sending = call.callers[call.room, "ada"].sending
    wire = wire_of(sending)
    dtls = sending.getTransceivers()[0].sender.transport
    for index in range(1500):
        packet = struct.pack("!BBHLL", 0x80 | chance.randrange(64), chance.randrange(128), index, index, 99)
        try:
            protected = dtls._tx_srtp.protect(packet + chance.randbytes(chance.randrange(60)))
        except Exception:  # noqa: BLE001 - the library refuses to send some of these
            continue
        wire.sendto(protected[: chance.randrange(1, len(protected) + 1)], call.address)
        wire.sendto(protected, call.address)
    await goes_on(call)


async def test_garbage_under_the_right_keys(call):
    """A participant with a broken or evil client: RTCP of every shape, properly encrypted."""
    chance = random.Random(11)
    connection = call.bob.receiving
    wire, dtls = wire_of(connection), connection.getTransceivers()[0].sender.transport
    for _ in range(1500):
        body = chance.randbytes(4 * chance.randrange(0, 30))
        head = struct.pack("!BBH", 0x80 | chance.randrange(32), 200 + chance.randrange(8), len(body) // 4)
        wire.sendto(dtls._tx_srtp.protect_rtcp(head + (body or bytes(4))), call.address)
    await goes_on(call)


async def test_a_flood_of_one_participant_is_cut(call):
    wire = wire_of(call.callers[call.room, "ada"].sending)
    for _ in range(20):
        for _ in range(1000):
            wire.sendto(b"\x80\x60" + bytes(60), call.address)
        await asyncio.sleep(0.01)
    await goes_on(call)


async def test_a_check_with_a_wrong_password_is_not_answered(call):
    ufrag = re.search(r"a=ice-ufrag:(\S+)", call.of(m.Offered)[0].sdp).group(1)
    check = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    check.attributes["USERNAME"] = f"{ufrag}:x"
    check.attributes["USE-CANDIDATE"] = None
    check.add_message_integrity(b"a guess")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.settimeout(0.3)
        stranger.sendto(bytes(check), call.address)
        with pytest.raises(TimeoutError):
            await asyncio.to_thread(stranger.recv, 2000)
    await goes_on(call)


def wire_of(connection: RTCPeerConnection):
    """The socket from which a connection sends."""
    (pair,) = connection.getTransceivers()[0].sender.transport.transport._connection._nominated.values()
    return pair.protocol.transport
