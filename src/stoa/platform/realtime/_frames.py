"""What goes out, encoded once however many receive it."""

from __future__ import annotations

from typing import Any

import msgspec

_encode = msgspec.json.Encoder().encode
_SHORT, _MEDIUM = 126, 65_536


def text_frame(text: str | bytes) -> bytes:
    """A whole unmasked WebSocket text message (RFC 6455, 5.2), as a server sends it."""
    data = text.encode() if isinstance(text, str) else text
    length = len(data)
    if length < _SHORT:
        return bytes((0x81, length)) + data
    if length < _MEDIUM:
        return b"\x81\x7e" + length.to_bytes(2) + data
    return b"\x81\x7f" + length.to_bytes(8) + data


class Frame:
    """One Socket.IO packet. Each of its two forms is made when it is first needed, and kept for all who receive it."""

    __slots__ = ("_packet", "_wire", "text")

    def __init__(self, text: bytes) -> None:
        self.text = text
        self._wire: bytes | None = None
        self._packet: Any = None

    def __len__(self) -> int:
        return len(self.text)

    @property
    def wire(self) -> bytes:
        """For a WebSocket: the Engine.IO message in its frame."""
        if self._wire is None:
            self._wire = text_frame(b"4" + self.text)
        return self._wire

    @property
    def packet(self) -> Any:
        """For Engine.IO's own queue: long polling, and connections that are only being made."""
        if self._packet is None:
            from engineio import packet  # noqa: PLC0415 - a server that has no sockets does without

            self._packet = packet.Packet(packet.MESSAGE, self.text.decode())
        return self._packet


def frame(event: str, data: Any, *, namespace: str = "/") -> Frame:
    """``data`` becomes JSON; ``msgspec.Raw`` is JSON already."""
    place = b"" if namespace == "/" else namespace.encode() + b","
    return Frame(b"2" + place + _encode([event, data]))
