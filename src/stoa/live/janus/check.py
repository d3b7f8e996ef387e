"""Whether classes can be held on a Janus: it is reached, lets Stoa in, and has VideoRoom as Stoa needs it."""

from __future__ import annotations

import secrets

from stoa.kernel.clock import Clock
from stoa.live.janus._server import JanusGoneError, JanusRefusedError, Server

Problem = tuple[str, str]
"""What is wrong, and what to do."""

_WRONG_TYPE, _NO_KEY, _WRONG_KEY = 430, 429, 433
"""VideoRoom's codes for a room's name that is no number, where it takes only those; and for want of its ``admin_key``."""


async def problem_of(address: str, secret: str, admin_key: str, clock: Clock) -> Problem | None:
    """A room is made on it and taken away again. None: nothing is wrong."""
    server = Server(address, secret=secret, clock=clock, heard=lambda *_: None, lost=lambda *_: None)
    await server.start()
    try:
        about = await server.about()
        await _try_a_room(server, admin_key)
    except JanusGoneError:
        return (
            "it does not answer, or lets nobody in with this secret",
            "Is it running with its WebSocket transport, reached from here, and is STOA_LIVE_JANUS_SECRET its `api_secret`?",
        )
    except JanusRefusedError as refused:
        return _meant(refused)
    finally:
        await server.stop()
    if not about.get("reclaim-session-timeout"):
        return (
            "a connection to it that breaks for a moment ends its calls",
            "Set `reclaim_session_timeout = 10` in janus.jcfg.",
        )
    return None


async def _try_a_room(server: Server, admin_key: str) -> None:
    handle = await server.attach()
    room = {"room": f"stoa-check-{secrets.token_hex(4)}", "secret": secrets.token_hex(8)}
    key = {"admin_key": admin_key} if admin_key else {}
    await server.ask(handle, {"request": "create", "permanent": False, "is_private": True} | room | key)
    await server.ask(handle, {"request": "destroy"} | room)
    await server.detach(handle)


def _meant(refused: JanusRefusedError) -> Problem:
    if refused.number == _WRONG_TYPE:
        return (
            "its rooms have numbers for names",
            "Set `string_ids = true` in janus.plugin.videoroom.jcfg.",
        )
    if refused.number in (_NO_KEY, _WRONG_KEY):
        return (
            "it lets Stoa make no rooms",
            "Is STOA_LIVE_JANUS_ADMIN_KEY the `admin_key` in janus.plugin.videoroom.jcfg?",
        )
    return refused.message, "Does it have the VideoRoom plugin?"
