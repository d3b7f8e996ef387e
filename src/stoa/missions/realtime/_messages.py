"""The protocol's frame: messages that come in are read whole or refused; messages that go out are encoded once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from stoa.kernel.errors import StoaError, UnavailableError
from stoa.missions import commands
from stoa.missions.commands import Command, command_from, invalid_message
from stoa.missions.errors import MissionInvalidError
from stoa.missions.model import Person, Request
from stoa.missions.reading import MAX_NUMBER, Faults, Reader
from stoa.missions.wire import code_of
from stoa.platform.realtime import Frame, frame

EVENT = "message"
DUPLICATE, RATE_LIMITED, UNAUTHENTICATED, SWITCHED, SERVER_ERROR = 10002, 10003, 10004, 10005, 30000
CURRENT, JOIN, RESUME = "request-current-session", "request-join-session", "request-resume"
CLOSE, ERROR = "close", "error"
_ENVELOPE = frozenset({"method", "data", "requestId"})
_LONGEST_ID = 128
_NOBODY = Person("", "")
"""Only joining asks who comes, and the service knows."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


@dataclass(frozen=True, slots=True)
class Position:
    """How far a client has come: it saw the first ``part + 1`` messages of the entry ``seq``, or with None all."""

    session_id: str | None
    seq: int
    part: int | None


@dataclass(frozen=True, slots=True)
class Asked:
    """A message that was understood. ``command`` is what it asks of a session, ``position`` where it resumes."""

    request: Request
    command: Command | None = None
    position: Position | None = None


class UnreadableError(MissionInvalidError):
    """A message of the wrong shape. ``request`` is what could be read of it, to be told with the error."""

    request: Request | None = None


def read(text: Any) -> Asked:
    """What a message asks. Raises UnreadableError (10001) with every fault and its field."""
    request: Request | None = None
    try:
        request = _read_frame(text)
        return _understood(request)
    except MissionInvalidError as fault:
        error = UnreadableError(fault.message, faults=fault.faults)
        error.request = request
        raise error from None


def _read_frame(text: Any) -> Request:
    if not isinstance(text, str):
        raise MissionInvalidError.field("message", "must be a JSON text.")
    try:
        content = _decode(text)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise MissionInvalidError.field("message", "is not JSON.") from None
    if not isinstance(content, dict):
        raise MissionInvalidError.field("message", "must be a JSON object.")
    faults = Faults()
    at = Reader(content, "", faults, known=_ENVELOPE)
    method = at.text("method", limit=64, empty=False)
    data = at.raw("data")
    if not isinstance(data, dict):
        at.fault("data", "must be an object." if "data" in at else "is required.")
    request_id = at.text("requestId", limit=_LONGEST_ID) if at.has("requestId") else None
    if faults:
        raise invalid_message(faults)
    return Request(method, data, request_id)


def _understood(request: Request) -> Asked:
    if request.method in _PLAIN:
        faults = Faults()
        Reader(request.data, "", faults, known=_PLAIN[request.method])
        if faults:
            raise invalid_message(faults)
        return Asked(request)
    if request.method == RESUME:
        return Asked(request, position=position_from(request.data))
    return Asked(request, command_from(request.method, request.data, person=_NOBODY))


def position_from(data: Any) -> Position:
    """``{"sessionId"?, "seq", "part"?}``. Raises MissionInvalidError."""
    faults = Faults()
    at = Reader(data, "", faults, known={"sessionId", "seq", "part"})
    session_id = at.ident("sessionId") if at.has("sessionId") else None
    seq = at.whole("seq", low=1, high=MAX_NUMBER)
    part = at.whole("part", high=MAX_NUMBER) if at.has("part") else None
    if faults:
        raise invalid_message(faults)
    return Position(session_id, seq, part)


_PLAIN = {
    CURRENT: frozenset[str](),
    CLOSE: frozenset[str](),
    ERROR: frozenset({"code", "message", "data", "request"}),
}
"""Messages that are no command of a session, and what their data may hold."""


def methods() -> tuple[str, ...]:
    return (*commands.methods(), *_PLAIN, RESUME)


def told(message: dict[str, Any], **more: Any) -> Frame:
    """The packet of a message. It is a JSON text within JSON: so the protocol has it."""
    return frame(EVENT, _encode({**message, **more} if more else message).decode())


def response(method: str, data: dict[str, Any], request: dict[str, Any] | None = None, **more: Any) -> Frame:
    framed: dict[str, Any] = {"method": method, "data": data}
    if request is not None:
        framed["request"] = {**request, "fulfilled": True}
    return told(framed, **more)


def error(code: int, text: str, request: dict[str, Any] | None = None) -> Frame:
    framed: dict[str, Any] = {"method": ERROR, "code": code, "message": text, "data": {}}
    if request is not None:
        framed["request"] = {**request, "fulfilled": False}
    return told(framed)


def error_of(fault: StoaError, request: dict[str, Any] | None = None) -> Frame:
    code = SERVER_ERROR if isinstance(fault, UnavailableError) else code_of(fault)
    return error(code, fault.message, request)


def echo(request: Request | None, user_id: str) -> dict[str, Any] | None:
    """What a response tells of the message that it answers."""
    if request is None:
        return None
    event: dict[str, Any] = {"method": request.method, "data": request.data}
    if request.request_id is not None:
        event["requestId"] = request.request_id
    return {"event": event, "requesterId": user_id}
