"""Providers that signal through Stoa, each with callers who speak to it as browsers would."""

import asyncio
import contextlib

from bench.januses import SECRET
from tests.support.callers import Caller

from stoa.kernel.clock import SystemClock
from stoa.kernel.ids import SystemIds
from stoa.live.janus import Janus, Setup
from stoa.live.media import messages as m
from stoa.live.media.controller import Listen
from stoa.live.provider import Embedded


def embedded(folder):
    return Embedded(
        folder, clock=SystemClock(), listen=[Listen("127.0.0.1")], first_port=0, workers=1
    )  # fmt: skip


def janus(servers, recordings, storage):
    setup = Setup([server.url for server in servers], SECRET, "", recordings)
    return Janus(setup, storage, SystemClock(), SystemIds())


class Scene:
    """One provider, its events, and its rooms. ``callers`` are those who are to take their offers."""

    def __init__(self, provider):
        self.provider, self.events, self.callers, self.tasks = provider, [], {}, []
        self.standing = []

    async def start(self):
        self.standing = await self.provider.start(self.told)
        return self

    async def told(self, event):
        self.events.append(event)
        caller = self.callers.get((event.room, getattr(event, "participant", None)))
        if isinstance(event, m.Offered) and caller is not None:
            self.tasks.append(asyncio.ensure_future(self._take(caller, event)))

    async def _take(self, caller, event):
        """One after another: a connection can't answer two at once."""
        async with caller.__dict__.setdefault("taking", asyncio.Lock()):
            with contextlib.suppress(m.UnknownError):
                await caller.take(event)

    async def caller(self, room, name, *tracks, publish=True, **allowed):
        caller = self.callers[room, name] = Caller(self.provider.signalling, room, name)
        await caller.join(**allowed)
        if publish:
            await caller.publish(*tracks)
        return caller

    def of(self, kind, **about):
        return [
            event
            for event in list(self.events)
            if isinstance(event, kind) and all(getattr(event, key) == value for key, value in about.items())
        ]

    async def close(self):
        await asyncio.gather(*(caller.close() for caller in self.callers.values()))
        for task in self.tasks:
            task.cancel()
        if self.provider.name == "embedded":
            await self.provider.signalling.stop(end_calls=True)
        else:
            await self.provider.stop()
