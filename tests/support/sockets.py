"""Players of a mission over real sockets."""

import asyncio
import json
import time
from contextlib import asynccontextmanager
from itertools import count
from types import SimpleNamespace

import socketio
from tests.support.missions import add_person, put_mission, the_mission

from stoa.kernel.actor import AccessLevel
from stoa.platform.storage import postgres_engine, sqlite_engine

LEVELS = {"teacher": AccessLevel.INSTRUCTOR, "admin": AccessLevel.ADMIN, "student": AccessLevel.STUDENT}


def engine_of(place):
    """The database that a server with these arguments works on."""
    arguments = [str(each) for each in place]
    if "--database" in arguments:
        return postgres_engine(arguments[arguments.index("--database") + 1], connections=1)
    return sqlite_engine(f"sqlite:///{arguments[arguments.index('--data') + 1]}/stoa.db")


_count = count(1)


def peopled(place, *names):
    """A mission and people in the server's database: ``ids``, ``keys`` and the mission's id. All are new ones."""
    engine, number = engine_of(place), next(_count)
    mission = the_mission(f"6622{number:020}")
    made = SimpleNamespace(ids={}, keys={}, mission_id=put_mission(engine, mission))
    for name in names:
        level = LEVELS[name.partition(".")[2]]
        made.ids[name], made.keys[name] = add_person(engine, f"{name}.{number}", level)
    engine.dispose()
    return made


async def eventually(claim, *, within=60.0):
    deadline = time.monotonic() + within
    while not claim():
        assert time.monotonic() < deadline, f"not within {within} s"
        await asyncio.sleep(0.01)


class Player:
    """One connection. ``heard`` are the messages in their order."""

    def __init__(self, key=None, *, name=""):
        self.name = name
        self.key = key
        self.heard = []
        self.io = socketio.AsyncClient(reconnection=False, websocket_extra_options={"max_msg_size": 0})
        self.io.on("message", lambda text: self.heard.append(json.loads(text)))
        self._asked = 0

    async def connect(self, server, *, transports=("websocket",), auth=None, **headers):
        if self.key is not None:
            headers.setdefault("authorization", f"Bearer {self.key}")
        await self.io.connect(
            server.address,
            headers={name.replace("_", "-"): value for name, value in headers.items()},
            auth=auth,
            transports=list(transports),
            wait_timeout=60,
        )
        await eventually(lambda: self.heard or not self.io.connected)
        return self

    async def raw(self, payload):
        await self.io.emit("message", payload)

    async def send(self, method, data=None, **envelope):
        message = {"method": method, "data": {} if data is None else data, **envelope}
        await self.raw(json.dumps(message))

    async def ask(self, method, *, within=60.0, **data):
        """The message that answers: the first that bears the request's id and is fulfilled, or an error."""
        self._asked += 1
        request_id = f"{self.name}-{self._asked}"
        begin = len(self.heard)
        await self.send(f"request-{method}", data, requestId=request_id)

        def answer():
            for one in self.heard[begin:]:
                request = one.get("request")
                if request and request["event"].get("requestId") == request_id:
                    return one
            return None

        await eventually(lambda: answer() is not None, within=within)
        return answer()

    async def settled(self):
        """Everything that was sent to this client by now is heard: an answer comes after it."""
        await self.ask("current-session")

    def methods(self):
        return [one["method"] for one in self.heard]

    def last(self, method):
        return next(one for one in reversed(self.heard) if one["method"] == method)

    @property
    def position(self):
        """Where this client would resume."""
        placed = [one for one in self.heard if "seq" in one]
        last = placed[-1]
        return {"seq": last["seq"]} | ({"part": last["part"]} if "part" in last else {})

    async def leave(self):
        await self.io.disconnect()


@asynccontextmanager
async def leaving():
    """``player(key)``: players who are gone afterwards."""
    made = []

    def player(key=None, name=""):
        made.append(Player(key, name=name))
        return made[-1]

    try:
        yield player
    finally:
        await asyncio.gather(*(one.leave() for one in made), return_exceptions=True)
