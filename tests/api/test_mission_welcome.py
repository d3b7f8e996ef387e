"""Whoever is welcomed is told what happens from then on, however soon."""

import asyncio
from types import SimpleNamespace

import msgspec
import pytest
from tests.support.house import NOW
from tests.support.missions import MISSION_ID, put_mission
from tests.support.sockets import eventually

from stoa.accounts import service as people
from stoa.accounts.model import LEVEL_PERMISSIONS
from stoa.kernel.actor import Actor
from stoa.kernel.ids import SystemIds
from stoa.missions import commands, service
from stoa.missions.model import Request, SessionConfig
from stoa.missions.realtime._sockets import MissionSockets
from stoa.platform.realtime._bus import SilentBus
from stoa.platform.realtime._feed import Feed

pytestmark = pytest.mark.anyio
SERVED = ("missions",)


class Student:
    """A client that has something happen as soon as it is welcomed."""

    def __init__(self, actor, happens):
        self.actor, self.refusal, self.state, self.closed = actor, None, None, False
        self.auth, self.headers = None, {}
        self.heard = []
        self._happens = happens

    def send(self, frame, **_):
        _, _, text = frame.text.partition(b",")
        message = msgspec.json.decode(msgspec.json.decode(b"[" + text)[0])
        self.heard.append(message)
        if message["method"] == "connection-success":
            self._happens()
        return True

    def close(self):
        self.closed = True


def actor(engine, username):
    with engine.begin() as connection:
        user = people.user_named(connection, username)
    rights = LEVEL_PERMISSIONS[user.access]
    return Actor(user.number, user.id, username, user.name, user.access, rights, "login", NOW)


async def test_what_happens_at_the_welcome_is_told(sqlite_house):
    engine = sqlite_house.storage.engine
    put_mission(engine)
    ines, lea = (actor(engine, name) for name in ("ines.teacher", "lea.student"))
    with engine.begin() as connection:
        session_id = service.launch(
            connection,
            MISSION_ID,
            SessionConfig(infinite_resources=True),
            actor=ines,
            now=NOW,
            ids=SystemIds(),
        )
        for one in (ines, lea):
            service.join(connection, session_id, actor=one, now=NOW)
        service.command(connection, session_id, commands.Start(), by=ines, now=NOW)

    def speak():
        asked = Request("request-send-chat-message", {"channelId": "all", "message": "at once"})
        with engine.begin() as connection:
            said = commands.SendChat("all", "at once")
            service.command(connection, session_id, said, by=ines, now=NOW, request=asked)

    feed = Feed(sqlite_house.storage, SilentBus())
    seats = SimpleNamespace(take=taken)
    sockets = MissionSockets(
        sqlite_house.storage, sqlite_house.clock, SimpleNamespace(feed=feed, seats=seats)
    )
    hearing = asyncio.create_task(feed.run())
    student = Student(lea, speak)
    await sockets.connected(student)
    await eventually(lambda: len(student.heard) > 1)
    hearing.cancel()
    assert [one["method"] for one in student.heard] == ["connection-success", "chat-message-received"]


async def taken(*_, **__):
    return True
