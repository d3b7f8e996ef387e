"""How a worker is set up: said by the controller, read by the worker."""

from __future__ import annotations

import socket
from dataclasses import dataclass

import msgspec


@dataclass(frozen=True, slots=True)
class Listen:
    """An address of this machine, and the one under which the world knows it (behind a NAT; empty: the same)."""

    host: str
    announced: str = ""


def listens(text: str) -> list[Listen]:
    """``10.0.0.5=203.0.113.7, 192.0.2.1``: addresses to listen on, with what each is announced as where that differs.

    Empty: the address by which this machine reaches others, and the loopback for browsers on the same machine.
    """
    named = [part.strip().partition("=") for part in text.split(",") if part.strip()]
    if named:
        return [Listen(host.strip(), announced.strip()) for host, _, announced in named]
    return [Listen(host) for host in dict.fromkeys((_own_address(), "127.0.0.1"))]


def _own_address() -> str:
    """A UDP socket that is connected sends nothing, and knows from where it would."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            asking.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        return str(asking.getsockname()[0])


class Setup(msgspec.Struct, frozen=True):
    """``port`` 0 takes any that is free. Without a controller for ``linger`` seconds the worker ends."""

    socket: str
    listens: list[Listen]
    port: int
    linger: float

    @property
    def text(self) -> str:
        return msgspec.json.encode(self).decode()
