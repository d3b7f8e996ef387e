"""Bad input to the running service while a call goes on: a documented status or a clear answer, nobody let in, and the
call goes on. What each HTTP route makes of wrong bodies is in ``tests/api/test_bad_input.py``.
"""

import asyncio
import random
import re
import socket
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import Counter

import pytest
from tests.support.classes import SETTINGS, SPACE, Browser, end_workers_of, new_class, token_of
from tests.support.sockets import eventually, peopled

pytestmark = pytest.mark.anyio
CROWD = 51
RATE = 60
NONSENSE = [
    ("join", {}), ("join", {"token": 7}), ("join", {"token": "x" * 5_000}), ("join", []), ("join", None), ("join", "text"),
    ("join", {"token": "x", "after": -1}), ("join", {"token": "x", "after": 2**40}), ("join", {"token": "x", "resume": "yes"}),
    ("publish", {}), ("publish", {"sdp": 1}), ("publish", {"sdp": "v=0"}), ("publish", {"sdp": "\0" * 100}),
    ("publish", {"sdp": "v=0\r\n" + "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n" * 600}),
    ("publish", {"sdp": "v=0", "sources": {"0": 7}}), ("publish", {"sdp": "v=0", "sources": {str(n): "mic" for n in range(99)}}),
    ("answer", {"version": 1}), ("answer", {"version": "1", "sdp": ""}),
    ("answer", {"version": -1, "sdp": "v=0\r\n"}),
    ("candidate", {}), ("candidate", {"candidate": "nonsense"}), ("candidate", {"candidate": "x" * 3_000}),
    ("candidate", {"candidate": "candidate:1 1 udp 1 127.0.0.1 99999 typ host"}),
    ("mute", {}), ("mute", {"source": "camera"}), ("mute", {"source": "toaster", "muted": True}),
    ("mute", {"source": "camera", "muted": 1}), ("mute", {"source": "camera", "muted": True, "userId": "nobody"}),
    ("show", {"publication": "none"}), ("show", {"publication": "", "maxHeight": 1}), ("show", {"publication": "p", "maxHeight": -1}),
    ("chat", {}), ("chat", {"text": ""}), ("chat", {"text": "x" * 4_001}), ("chat", {"text": "a\0b"}), ("chat", {"text": ["a"]}),
    ("hand", {}), ("hand", {"raised": "up"}), ("nonsense", {}), ("__proto__", {"a": 1}), ("disconnecting", {}),
]  # fmt: skip


@pytest.fixture
async def call(start, tmp_path):
    """Ines and Lea see each other; ``browser(room)`` makes more. Ends with their seeing each other still."""
    place = ["--data", tmp_path / "data"]
    server = await asyncio.to_thread(start, *place, **SETTINGS | {"STOA_MESSAGE_RATE_LIMIT": str(RATE)})
    names = ["ines.teacher", "lea.student", "tom.teacher", *(f"p{n:02}.student" for n in range(CROWD))]
    made = peopled(place, *names)
    browsers = []

    async def browser(room):
        browsers.append(Browser(server, room))
        return await browsers[-1].connect()

    async with server.client(made.keys["ines.teacher"]) as teacher:
        made.server, made.teacher, made.browser = server, teacher, browser
        made.room = await new_class(teacher)
        made.ines, made.lea = await browser(made.room), await browser(made.room)
        for one, name in ((made.ines, "ines.teacher"), (made.lea, "lea.student")):
            assert (await one.join(await token_of(server, made.keys[name], made.room)))["ok"]
        await asyncio.gather(made.ines.caller.publish(), made.lea.caller.publish())
        yield made
    await asyncio.gather(*(each.close() for each in browsers), return_exceptions=True)
    end_workers_of(tmp_path)


async def goes_on(call):
    """Both see and hear each other still, neither is out, and the server is well."""
    before = [sum(counts.values()) for counts in flows(call)]
    await eventually(
        lambda: all(sum(now.values()) > then + 5 for now, then in zip(flows(call), before, strict=True)),
        within=30,
    )
    assert not call.ines.told("out") + call.lea.told("out") + call.ines.told("room-lost")
    assert (await call.teacher.get("/health/ready")).status_code == 200


def flows(call):
    return [call.ines.caller.seen, call.ines.caller.heard, call.lea.caller.seen, call.lea.caller.heard]


async def test_bad_input_while_a_call_goes_on(call):
    await goes_on(call)
    await nonsense(call)
    await a_megabyte(call)
    await candidates_of_others(call)
    await too_many(call)
    await datagrams(call)
    await tokens_that_are_no_good(call)
    await recorded_twice_at_once(call)
    await goes_on(call)


async def nonsense(call):
    """From somebody who is in, and from somebody who is not: refused with a sentence, and the socket stays."""
    stranger = await call.browser("nowhere")
    for event, data in NONSENSE:
        for one in (call.lea, stranger):
            answer = await one.io.call(event, data, namespace=SPACE, timeout=60)
            assert answer["ok"] is False, (event, data)
            assert answer["code"] and answer["message"], (event, data)
        await asyncio.sleep(2 / RATE)
    answer = await call.lea.io.call("chat", ({"text": "a"}, {"text": "b"}), namespace=SPACE, timeout=60)
    assert answer["ok"] is False, "two objects"
    answer = await call.lea.io.call("chat", {"text": b"\xff\xfe"}, namespace=SPACE, timeout=60)
    assert answer["ok"] is False, "bytes"
    assert stranger.io.connected
    await goes_on(call)


async def a_megabyte(call):
    """It is not even read: the sender is told of its length."""
    await call.lea.io.emit("publish", {"sdp": "v=0\r\n" + "a=x\r\n" * 200_000}, namespace=SPACE)
    await eventually(lambda: call.lea.told("error"))
    assert "are too many" in call.lea.told("error")[0]["message"]
    answer = await call.lea.io.call(
        "publish", {"sdp": "v=0\r\n" + "a=x\r\n" * 18_000}, namespace=SPACE, timeout=20
    )
    assert answer["ok"] is False, "just below what is read"
    await goes_on(call)


async def candidates_of_others(call):
    """Nothing is ever sent to an address because somebody named it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as victim:
        victim.bind(("127.0.0.3", 0))
        victim.setblocking(False)
        named = f"candidate:1 1 udp 2130706431 127.0.0.3 {victim.getsockname()[1]} typ host"
        assert (await call.lea.ask("candidate", candidate=named))["ok"]
        offer = call.lea.caller.sending.localDescription.sdp
        changed = re.sub(r"a=candidate:.*", f"a={named}", offer)
        assert (await call.lea.ask("publish", sdp=changed))["ok"]
        await goes_on(call)
        with pytest.raises(BlockingIOError):
            victim.recv(2_000)


async def too_many(call):
    """Of what costs the server next to nothing, so that it is not too slow to be asked too much."""
    answers = await asyncio.gather(*(call.lea.ask("renew") for _ in range(10 * RATE)))
    told = Counter(answer["code"] for answer in answers)
    assert told["live.not_authorized"] >= RATE / 2, told
    assert told["rate_limited"] >= RATE, told
    assert sum(told.values()) == len(answers)
    await asyncio.sleep(1)
    await goes_on(call)


async def datagrams(call):
    """Garbage, cut and forged datagrams at the media port, from a stranger and from a participant's own address."""
    chance = random.Random("datagrams")
    sdp = call.ines.caller.receiving.remoteDescription.sdp
    host, port = re.search(r" udp \d+ (\S+) (\d+) typ", sdp).groups()
    ufrag = re.search(r"a=ice-ufrag:(\S+)", sdp).group(1).encode()
    sending = call.lea.caller.sending.getTransceivers()[0].sender.transport
    (pair,) = sending.transport._connection._nominated.values()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for index in range(3_000):
            body = chance.randbytes(chance.choice([0, 1, 7, 11, 12, 19, 20, 40, 300, 1_400]))
            first = chance.choice([
                bytes((0x80 | chance.randrange(64), chance.randrange(256))),
                b"\x00\x01" + struct.pack("!HI", len(body), 0x2112A442),
                b"\x00\x01" + struct.pack("!HI", 20, 0x2112A442) + bytes(12) + b"\x00\x06\x00\x10" + ufrag + b":",
                bytes((chance.randrange(20, 64), 0xFE, 0xFD)),
                b"",
            ])  # fmt: skip
            stranger.sendto(first + body, (host, int(port)))
            if first[:1] >= b"\x80":
                pair.protocol.transport.sendto(first + body, (host, int(port)))
                whole = sending._tx_srtp.protect(
                    b"\x80\x60" + struct.pack("!HLL", index, index, 9) + body[:40]
                )
                pair.protocol.transport.sendto(whole[: chance.randrange(1, len(whole))], (host, int(port)))
            if index % 50 == 0:
                await asyncio.sleep(0.002)
    await goes_on(call)


async def tokens_that_are_no_good(call):
    server, keys = call.server, call.keys
    other = await new_class(call.teacher)
    theirs = await token_of(server, keys["p00.student"], other)
    stranger = await call.browser(call.room)
    assert (await call.lea.ask("join", token=theirs))["code"] == "live.not_in_room", "one is in another room"
    await eventually(lambda: len(call.ines.entries("joined")) == 2)
    head, claims, signature = theirs.split(".")
    text = urlsafe_b64decode(claims + "==").replace(other.encode(), call.room.encode())
    forged = f"{head}.{urlsafe_b64encode(text).decode().rstrip('=')}.{signature}"
    login = await call.teacher.get("/auth/me")
    assert login.status_code == 200
    for token in (forged, theirs[:-2] + "AA", head, "", keys["ines.teacher"], f"{head}.{claims}."):
        assert (await stranger.ask("join", token=token))["code"] == "live.token_refused", token
    assert (await stranger.ask("join", token=theirs))["room"] == other, (
        "a token's room is the one it was made for"
    )
    used = await call.browser(other)
    assert (await used.ask("join", token=theirs))["code"] == "live.token_refused"
    kept = await token_of(server, keys["p00.student"], other)
    kicked = await call.teacher.post(f"/live/sessions/{other}/participants/{call.ids['p00.student']}/kick")
    assert kicked.status_code == 200
    await eventually(lambda: stranger.told("out") == [{"reason": "kicked"}])
    assert (await stranger.ask("join", token=kept))["code"] == "live.token_refused"
    async with server.client(keys["p00.student"]) as student:
        for path in (f"participants/{call.ids['lea.student']}/kick", "start-recording", "stop-recording"):
            assert (await student.post(f"/live/sessions/{call.room}/{path}")).status_code == 403
    ledger = (await call.teacher.get(f"/live/sessions/{call.room}/participants")).json()
    assert {one["userId"] for one in ledger} == {call.ids["ines.teacher"], call.ids["lea.student"]}


async def recorded_twice_at_once(call):
    path = f"/live/sessions/{call.room}/start-recording"
    answers = await asyncio.gather(*(call.teacher.post(path) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [200, *[409] * 5]
    recordings = (await call.teacher.get(f"/live/sessions/{call.room}/recordings")).json()
    assert len(recordings) == 1


async def test_fifty_one_come_at_once_to_a_room_of_fifty(call):
    room = await new_class(call.teacher, maxParticipants=CROWD - 1)
    keys = [call.keys[f"p{n:02}.student"] for n in range(CROWD)]
    browsers = await asyncio.gather(*(call.browser(room) for _ in keys))
    tokens = await asyncio.gather(*(token_of(call.server, key, room) for key in keys))  # good for a minute
    answers = await asyncio.gather(*(
        one.io.call("join", {"token": token}, namespace=SPACE, timeout=60)
        for one, token in zip(browsers, tokens, strict=True)
    ))  # fmt: skip
    assert Counter(answer.get("code", "in") for answer in answers) == {"in": CROWD - 1, "live.room_full": 1}
    late = next(index for index, answer in enumerate(answers) if not answer["ok"])
    async with call.server.client(keys[late]) as student:
        assert (await student.post(f"/live/sessions/{room}/token")).status_code == 409
    assert (await browsers[(late + 1) % CROWD].ask("leave"))["ok"]
    assert (await browsers[late].ask("join", token=tokens[late]))["ok"], "its token was not used up"
    await goes_on(call)
