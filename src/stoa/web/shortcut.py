"""A shorter way to a handler whose requests come by the thousand.

Litestar makes for every request a copy of the handler, a parsed signature and a response object; for a route that has
a signed-in user, one JSON body and one JSON answer, and nothing else, none of that is needed. ``shortcut`` calls the
same handler with the same body and sends the same answer. What is unusual (nobody signed in, no length given, a long
body) goes the usual way, so that there is one place for each refusal.
"""

from __future__ import annotations

from typing import Any, cast

import msgspec
from litestar import Request
from litestar.exceptions import ClientException
from litestar.types import ASGIApp, HTTPReceiveMessage, Middleware, Receive, Scope, Send

from stoa.web.body import decode

LONGEST = 65_536
"""Bytes of a body that is read here; longer ones meet the usual limit."""
_encoder = msgspec.json.Encoder()
_TYPE = (b"content-type", b"application/json")


def shortcut(body_type: type[Any]) -> Middleware:
    """Middleware for a handler of the form ``async def handler(request, data: body_type) -> Struct``, status 200."""
    decoder = msgspec.json.Decoder(body_type)

    def around(app: ASGIApp) -> ASGIApp:
        async def call(scope: Scope, receive: Receive, send: Send) -> None:
            if scope.get("user") is None or not 0 < _length(scope) <= LONGEST:
                await app(scope, receive, send)
                return
            data = decode(await _body(receive), decoder)
            handler = cast(Any, scope["route_handler"]).fn
            request: Request[Any, Any, Any] = Request(scope, receive, send)
            answer = _encoder.encode(await handler(request, data))
            headers = [_TYPE, (b"content-length", b"%d" % len(answer))]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": answer, "more_body": False})

        return call

    return around


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
