"""A shorter way to a use case whose requests come by the thousand.

Litestar finds the route, copies the handler, parses its signature and makes a response object for every request. A
route that has a signed-in user, one JSON body and one JSON answer, and nothing else, needs none of that: a
``Shortcut`` calls the same use case with the same body and sends the same answer. What is unusual (nobody signed in,
no length given, a long body) goes the usual way, so that each refusal has one place. What is raised is answered at
the door, as always.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, cast

import msgspec
from litestar.exceptions import ClientException
from litestar.types import ASGIApp, HTTPReceiveMessage, Receive, Scope, Send

from stoa.kernel.actor import Actor
from stoa.web.body import decode
from stoa.web.house import House

LONGEST = 65_536
"""Bytes of a body that is read here; longer ones meet the usual limit."""
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Shortcut:
    """``answer(house, user, body)`` is what the route's handler awaits, too; its result is sent with status 200."""

    method: str
    path: str
    body: type[Any]
    answer: Callable[[House, Actor, Any], Awaitable[Any]]


class Shortcuts:
    """ASGI middleware, inside the one that finds out who asks."""

    def __init__(self, app: ASGIApp, house: House, known: Iterable[Shortcut]) -> None:
        self.app = app
        self.house = house
        self.known = {each.path: (each, msgspec.json.Decoder(each.body)) for each in known}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = self.known.get(scope.get("path", ""))
        if found is None:
            await self.app(scope, receive, send)
            return
        shortcut, decoder = found
        user = scope["user"]
        if user is None or scope.get("method") != shortcut.method or not 0 < _length(scope) <= LONGEST:
            await self.app(scope, receive, send)
            return
        cast("dict[str, Any]", scope)["path_template"] = shortcut.path
        body = decode(await _body(receive), decoder)
        answer = _encode(await shortcut.answer(self.house, user, body))
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer, "more_body": False})


def _length(scope: Scope) -> int:
    """What the request says; the server has checked that it is a number, and reads no more than that."""
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value)
    return 0


async def _body(receive: Receive) -> bytes:
    message = cast(HTTPReceiveMessage, await receive())
    body = _piece(message)
    while message["type"] == "http.request" and message["more_body"]:
        message = cast(HTTPReceiveMessage, await receive())
        body += _piece(message)
    return body


def _piece(message: HTTPReceiveMessage) -> bytes:
    if message["type"] == "http.disconnect":
        raise ClientException("The client went away.")
    return message["body"]
