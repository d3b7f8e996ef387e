"""Whether STUN and TURN servers do for browsers what they are named for: an address told, a relay allocated."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from dataclasses import dataclass
from typing import Any, cast

from aioice import stun, turn
from aiortc.rtcicetransport import parse_stun_turn_uri

_SECONDS = 6.0


@dataclass(frozen=True, slots=True)
class Answered:
    """``address``: ours as the STUN server sees it, or the relayed one. None where ``problem`` says why not."""

    url: str
    address: tuple[str, int] | None
    problem: str = ""


async def check_stun(url: str) -> Answered:
    """A binding request and its answer, by UDP."""
    try:
        server = await _resolved(parse_stun_turn_uri(url))
        return Answered(url, await _mapped(server))
    except (OSError, TimeoutError, ValueError) as error:
        return Answered(url, None, _told(error))


async def check_turn(url: str, username: str, password: str) -> Answered:
    """An allocation with these credentials, given back at once."""
    try:
        named = parse_stun_turn_uri(url)
        server = await _resolved(named)
        async with asyncio.timeout(_SECONDS):
            transport, _ = await turn.create_turn_endpoint(
                asyncio.DatagramProtocol, server, username, password, ssl=named["scheme"] == "turns",
                transport=named["transport"],
            )  # fmt: skip
        address = transport.get_extra_info("sockname")
        transport.close()
        return Answered(url, address)
    except (OSError, TimeoutError, ValueError, stun.TransactionError) as error:
        return Answered(url, None, _told(error))


async def _resolved(named: dict[str, Any]) -> tuple[str, int]:
    found = await asyncio.get_running_loop().getaddrinfo(
        named["host"], named["port"], family=socket.AF_INET, type=socket.SOCK_DGRAM
    )
    return cast("tuple[str, int]", found[0][4][:2])


class _Asking(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.answer: asyncio.Future[stun.Message] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: tuple[str | object, int]) -> None:  # noqa: ARG002
        with contextlib.suppress(ValueError):
            message = stun.parse_message(data)
            if not self.answer.done():
                self.answer.set_result(message)

    def error_received(self, exc: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(exc)


async def _mapped(server: tuple[str, int]) -> tuple[str, int]:
    loop = asyncio.get_running_loop()
    transport, asking = await loop.create_datagram_endpoint(_Asking, remote_addr=server)
    request = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
    try:
        async with asyncio.timeout(_SECONDS):
            while not asking.answer.done():
                transport.sendto(bytes(request))
                await asyncio.wait([asking.answer], timeout=0.5)
        return cast("tuple[str, int]", asking.answer.result().attributes["XOR-MAPPED-ADDRESS"])
    except KeyError:
        raise ValueError("it answers, but tells no address") from None
    finally:
        transport.close()


def _told(error: BaseException) -> str:
    if isinstance(error, stun.TransactionFailed):
        code, reason = error.response.attributes.get("ERROR-CODE", (0, ""))
        return f"it refuses ({code} {reason})"
    if isinstance(error, TimeoutError | stun.TransactionTimeout):
        return "it does not answer"
    reason = error.strerror if isinstance(error, OSError) else None
    return reason or str(error) or type(error).__name__
