"""Whether classes can be held on a Janus: it is reached, lets Stoa in, and has VideoRoom as Stoa needs it."""

from __future__ import annotations

from stoa.kernel.clock import Clock
from stoa.live.janus._server import JanusGoneError, JanusRefusedError, Server

_WRONG_TYPE = 430
"""VideoRoom's code for a room's name that is no number, where it takes only those."""


async def problem_of(address: str, secret: str, clock: Clock) -> tuple[str, str] | None:
    """What is wrong with it, and what to do. None: nothing."""
    server = Server(address, secret=secret, clock=clock, heard=lambda *_: None, lost=lambda *_: None)
    await server.start()
    try:
        handle = await server.attach()
        await server.ask(handle, {"request": "exists", "room": "stoa-check"})
    except JanusGoneError:
        return (
            "it does not answer, or lets nobody in with this secret",
            "Is it running with its WebSocket transport, reached from here, and is STOA_LIVE_JANUS_SECRET its `api_secret`?",
        )
    except JanusRefusedError as refused:
        if refused.number == _WRONG_TYPE:
            return (
                "its rooms have numbers for names",
                "Set `string_ids = true` in janus.plugin.videoroom.jcfg.",
            )
        return refused.message, "Does it have the VideoRoom plugin?"
    else:
        await server.detach(handle)
        return None
    finally:
        await server.stop()
