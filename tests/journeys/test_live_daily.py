"""A class at Daily with the real server: over sockets, with webhooks that are posted to it, and through its death."""

import time

import httpx
import pytest
import socketio
from tests.support.daily import KEY, FakeDaily, serving
from tests.support.processes import free_port
from tests.support.sockets import eventually, peopled

pytestmark = pytest.mark.anyio
SPACE = "/live"


@pytest.fixture
def fake():
    with serving(FakeDaily()) as fake:
        yield fake


class Browser:
    def __init__(self, server):
        self.server, self.heard = server, []
        self.io = socketio.AsyncClient(reconnection=False)
        self.io.on("*", self._hear, namespace=SPACE)

    async def _hear(self, event, data):
        self.heard.append((event, data))

    def entries(self, kind):
        return [data for event, data in self.heard if event == "entry" and data["type"] == kind]

    async def join(self, token):
        await self.io.connect(
            self.server.address, namespaces=[SPACE], transports=["websocket"], wait_timeout=60
        )
        return await self.ask("join", token=token)

    async def ask(self, event, **data):
        return await self.io.call(event, data, namespace=SPACE, timeout=60)


def settings_for(fake, port):
    return {
        "STOA_LIVE_PROVIDER": "daily", "STOA_LIVE_DAILY_KEY": KEY, "STOA_LIVE_DAILY_API": fake.url,
        "STOA_PUBLIC_URL": f"http://127.0.0.1:{port}/", "STOA_MESSAGE_RATE_LIMIT": "0",
    }  # fmt: skip


async def test_a_class_at_daily(start, fake, tmp_path):
    place, port = ["--only", "live", "--data", tmp_path / "data"], free_port()
    server = start(*place, port=port, **settings_for(fake, port))
    people = peopled(place, "ines.teacher", "lea.student")

    def asking(name):
        headers = {"authorization": f"Bearer {people.keys[name]}"}
        return httpx.Client(base_url=server.address, headers=headers, timeout=60)

    await eventually(lambda: fake.hooks)
    (hook,) = fake.hooks.values()
    assert hook["url"] == f"{server.address}/webhooks/daily"
    with asking("ines.teacher") as teacher, asking("lea.student") as student:
        made = teacher.post("/sessions", json={
            "courseId": "c", "startsAt": "2026-01-01T10:00:00Z", "recordingEnabled": True,
        }).json()  # fmt: skip
        base = f"/sessions/{made['roomName']}"
        browsers = {}
        for client in (teacher, student):
            browser = browsers[client] = Browser(server)
            joined = await browser.join(client.post(f"{base}/token?client=stoa").json()["token"])
            assert (joined["ok"], joined["provider"], joined["offer"]) == (True, "daily", None)
            assert joined["entry"]["url"] == fake.rooms[made["roomName"]]["url"]
            refused = await browser.ask("publish", sdp="v=0")
            assert (refused["ok"], refused["code"]) == (False, "live.signalling_elsewhere")
            browser.seat = fake.join(joined["entry"]["token"])
            fake.flush()
        await eventually(lambda: len(browsers[teacher].entries("joined")) == 2)
        assert (await browsers[student].ask("chat", text="hello"))["ok"]
        await eventually(lambda: browsers[teacher].entries("chat"))
        assert teacher.get(base).json()["status"] == "live"
        started = teacher.post(f"{base}/start-recording").json()
        assert started["recordingId"] == fake.recordings[0]["id"]

        fake.leave(browsers[student].seat)
        fake.flush()
        await eventually(lambda: ("out", {"reason": "left"}) in browsers[student].heard)
        server.kill()
        for _ in range(4):
            fake._tell("meeting.started", room="x", meeting_id="x", start_ts=time.time())
        fake.flush()  # into the void
        assert hook["state"] == "FAILED"
        server = start(*place, port=port, **settings_for(fake, port))
        await eventually(lambda: hook["state"] == "ACTIVE")
        assert len(fake.hooks) == 1
        listed = {one["userId"]: one["leftAt"] for one in teacher.get(f"{base}/participants").json()}
        assert listed[people.ids["ines.teacher"]] is None
        assert listed[people.ids["lea.student"]] is not None

        stopped = teacher.post(f"{base}/stop-recording").json()
        assert stopped["recordingId"] == started["recordingId"]
        assert (fake.inside, fake.rooms) == ({}, {})
        fake.make_file()
        fake.flush()
        told = teacher.get(f"{base}/recording").json()
        assert (told["status"], told["downloadLink"]) == ("finished", told["accessLink"]["url"])
        for browser in browsers.values():
            await browser.io.disconnect()
    log = server.output()
    assert KEY not in log
    assert hook["hmac"] not in log
