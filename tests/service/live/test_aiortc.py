"""What of aiortc is used without being documented: fails where a new version changes it."""

import asyncio
import importlib.metadata
import inspect
import re

import pytest
from aioice import stun
from aiortc import RTCDtlsTransport
from tests.support.processes import ROOT

from stoa.live.media._aiortc import Check, Identity, Secured

pytestmark = pytest.mark.anyio


def test_the_version_is_the_one_that_was_looked_at():
    pinned = re.search(r'"aiortc==([\d.]+)"', (ROOT / "pyproject.toml").read_text())
    assert pinned is not None
    assert importlib.metadata.version("aiortc") == pinned.group(1)


def test_the_transport_asks_of_ice_what_we_give_it():
    source = inspect.getsource(RTCDtlsTransport)
    assert set(re.findall(r"self\.transport\.(\w+)", source)) == {"role", "_recv", "_send"}
    assert set(re.findall(r"self\._(?:tx|rx)_srtp\.(\w+)", source)) >= {"protect", "unprotect"}


@pytest.mark.parametrize("kind", ["protect", "protect_rtcp"])
async def test_two_shake_hands_and_share_keys(kind):
    ours, theirs = Identity(), Identity()
    ends = {}
    loop = asyncio.get_running_loop()
    ends["server"] = Secured(
        ours, lambda data: loop.call_soon(ends["client"].received, data), print, server=True
    )
    ends["client"] = Secured(
        theirs, lambda data: loop.call_soon(ends["server"].received, data), print, server=False
    )
    done = await asyncio.gather(
        ends["server"].start([("sha-256", theirs.fingerprint)]),
        ends["client"].start([("sha-256", ours.fingerprint)]),
    )
    assert done == [True, True]
    packet = b"\x80\x60" + bytes(10) + b"payload!" if kind == "protect" else b"\x80\xc9\x00\x01" + bytes(4)
    for one, other in (("server", "client"), ("client", "server")):
        protected = getattr(ends[one], kind)(packet)
        assert protected != packet
        assert getattr(ends[other], "un" + kind)(protected) == packet
    await asyncio.gather(ends["server"].stop(), ends["client"].stop())


async def test_somebody_else_is_not_let_in():
    ours, theirs, somebody = Identity(), Identity(), Identity()
    ends = {}
    loop = asyncio.get_running_loop()
    ends["server"] = Secured(
        ours, lambda data: loop.call_soon(ends["client"].received, data), print, server=True
    )
    ends["client"] = Secured(
        somebody, lambda data: loop.call_soon(ends["server"].received, data), print, server=False
    )
    done = await asyncio.gather(
        ends["server"].start([("sha-256", theirs.fingerprint)]),
        ends["client"].start([("sha-256", ours.fingerprint)]),
    )
    assert done[0] is False
    await asyncio.gather(ends["server"].stop(), ends["client"].stop())


async def test_the_end_of_an_association_is_noticed():
    ours, theirs, ended = Identity(), Identity(), asyncio.Event()
    ends = {}
    loop = asyncio.get_running_loop()
    ends["server"] = Secured(
        ours, lambda data: loop.call_soon(ends["client"].received, data), ended.set, server=True
    )
    ends["client"] = Secured(
        theirs, lambda data: loop.call_soon(ends["server"].received, data), print, server=False
    )
    await asyncio.gather(
        ends["server"].start([("sha-256", theirs.fingerprint)]),
        ends["client"].start([("sha-256", ours.fingerprint)]),
    )
    await ends["client"].stop()
    async with asyncio.timeout(5):
        await ended.wait()
    await ends["server"].stop()


def test_a_check_is_read_and_answered():
    check = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    check.attributes["USERNAME"] = "ours:theirs"
    check.attributes["USE-CANDIDATE"] = None
    check.add_message_integrity(b"secret")
    read = Check.parse(bytes(check))
    assert (read.ufrag, read.nominates, read.is_signed_with("secret"), read.is_signed_with("other")) == (
        "ours", True, True, False,
    )  # fmt: skip
    answer = stun.parse_message(read.answer(("192.0.2.7", 4711), "secret"))
    assert answer.transaction_id == check.transaction_id
    assert answer.attributes["XOR-MAPPED-ADDRESS"] == ("192.0.2.7", 4711)
    assert answer.check_message_integrity(b"secret")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 20,
        b"\x00\x01\x00\x20\x21\x12\xa4\x42" + bytes(16),
        b"\x01\x01\x00\x00\x21\x12\xa4\x42" + bytes(12),
    ],
    ids=range(4),
)
def test_what_is_no_check(data):
    assert Check.parse(data) is None
