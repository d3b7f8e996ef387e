"""A bare signalling server for ``tests/browser/call.html``: a page, and a media engine behind it, in a thread."""

import asyncio
import threading
from pathlib import Path

from aiohttp import web
from tests.support.callers import Stage

from stoa.live.media import messages as m

PAGE = Path(__file__).parents[1] / "browser/call.html"


class Signalling:
    """``run(coroutine)`` runs something on the engine's loop, from any other thread."""

    def __init__(self, folder, **how):
        self._folder, self._how = folder, how
        self._waiting, self._ready = {}, threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._thread.start()
        assert self._ready.wait(60)

    @property
    def controller(self):
        return self.stage.controller

    def run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(60)

    def of(self, kind, **about):
        return [
            event
            for event in list(self.stage.events)
            if isinstance(event, kind) and all(getattr(event, key) == value for key, value in about.items())
        ]

    def close(self):
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(30)

    async def _serve(self):
        self._loop, self._ended = asyncio.get_running_loop(), asyncio.Event()
        self.stage = Stage(self._folder, **self._how)
        tell = self.stage.told

        async def told(event):
            await tell(event)
            if isinstance(event, m.Offered):
                self._queue(event.room, event.participant).put_nowait(event)

        for link in self.stage.controller._links:
            link._told = told
        app = web.Application()
        app.add_routes([
            web.get("/", self._page), web.post("/join", self._join), web.post("/publish", self._publish),
            web.post("/answer", self._answer), web.post("/events", self._events),
        ])  # fmt: skip
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
        self._ready.set()
        await self._ended.wait()
        await self.stage.close()
        await runner.cleanup()

    def _queue(self, room, participant):
        return self._waiting.setdefault((room, participant), asyncio.Queue())

    async def _page(self, request):
        return web.Response(text=PAGE.read_text(), content_type="text/html")

    async def _join(self, request):
        asked = await request.json()
        self._waiting.pop((asked["room"], asked["participant"]), None)
        await self.controller.join(asked["room"], asked["participant"])
        return web.json_response({})

    async def _publish(self, request):
        asked = await request.json()
        answer = await self.controller.publish(asked["room"], asked["participant"], asked["sdp"])
        return web.json_response({"sdp": answer})

    async def _answer(self, request):
        asked = await request.json()
        await self.controller.answer(asked["room"], asked["participant"], asked["version"], asked["sdp"])
        return web.json_response({})

    async def _events(self, request):
        asked = await request.json()
        try:
            offered = await asyncio.wait_for(self._queue(asked["room"], asked["participant"]).get(), 2)
        except TimeoutError:
            return web.json_response([])
        return web.json_response([{"version": offered.version, "sdp": offered.sdp}])
