"""One stream's way to one receiver, who sees one unbroken stream whatever its source does."""

from __future__ import annotations

from dataclasses import dataclass

from stoa.live.rtp import vp8
from stoa.live.rtp.loss import Sent
from stoa.live.rtp.packet import SEQUENCES, TIMESTAMPS

MARKER = 0x80


@dataclass(slots=True)
class Inbound:
    """A packet of a publication, read once for all of its receivers.

    ``source`` is the SSRC it came with (each simulcast layer has its own), ``number`` its sequence number without the
    wrapping. ``starts`` says that a receiver can begin here: a key frame's first packet, or any packet of sound.
    """

    source: int
    number: int
    timestamp: int
    marker: bool
    payload: bytes
    starts: bool
    picture: vp8.Descriptor | None = None


class Forwarding:
    """Numbers of one outgoing stream. It stays on its source until a packet of ``target`` comes that starts there.

    ``clock`` is the timestamps' rate; ``renumber`` makes VP8's picture numbers whole too, which a stream whose source
    never changes does not need.
    """

    __slots__ = (
        "_clock", "_from", "_last_at", "_last_number", "_last_picture", "_last_sequence", "_last_timestamp", "_last_tl0",
        "_picture_shift", "_renumber", "_sequence_shift", "_timestamp_shift", "_tl0_shift", "source", "target",
    )  # fmt: skip

    def __init__(
        self, *, clock: int, first_sequence: int = 0, first_timestamp: int = 0, renumber: bool = False
    ) -> None:
        self.source: int | None = None
        self.target: int | None = None
        self._clock = clock
        self._renumber = renumber
        self._last_sequence = first_sequence - 1
        self._last_timestamp = first_timestamp
        self._last_at: float | None = None
        self._last_picture = self._last_tl0 = -1
        self._from = self._last_number = 0
        self._sequence_shift = self._timestamp_shift = self._picture_shift = self._tl0_shift = 0

    def pause(self) -> None:
        """Nothing goes out until a packet of ``target`` comes that starts there."""
        self.source = None

    def forward(self, inbound: Inbound, payload_type: int, now: float) -> Sent | None:
        """What goes out for this packet; None if it does not."""
        number = inbound.number
        if inbound.source != self.source:
            if not inbound.starts or inbound.source != self.target:
                return None
            self._switch(inbound, now)
        elif number < self._from:
            return None
        sequence = (number + self._sequence_shift) % SEQUENCES
        timestamp = (inbound.timestamp + self._timestamp_shift) % TIMESTAMPS
        if number >= self._last_number:
            self._last_number, self._last_at = number, now
            self._last_sequence, self._last_timestamp = sequence, timestamp
        payload = inbound.payload
        if self._renumber and inbound.picture is not None:
            payload = self._renumbered(inbound.picture, payload)
        return Sent(sequence, timestamp, payload_type | (MARKER if inbound.marker else 0), payload)

    def timestamp_of(self, source: int, timestamp: int) -> int | None:
        """Where a source's timestamp stands in the outgoing stream; None if that source is not the one that goes out."""
        return (timestamp + self._timestamp_shift) % TIMESTAMPS if source == self.source else None

    def _switch(self, inbound: Inbound, now: float) -> None:
        self.source = inbound.source
        self._from = self._last_number = inbound.number
        self._sequence_shift = self._last_sequence + 1 - inbound.number
        passed = 0 if self._last_at is None else max(1, round((now - self._last_at) * self._clock))
        self._timestamp_shift = self._last_timestamp + passed - inbound.timestamp
        if inbound.picture is not None:
            self._picture_shift = self._last_picture + 1 - (inbound.picture.picture_id or 0)
            self._tl0_shift = self._last_tl0 + 1 - (inbound.picture.tl0_index or 0)

    def _renumbered(self, picture: vp8.Descriptor, payload: bytes) -> bytes:
        picture_id = ((picture.picture_id or 0) + self._picture_shift) % vp8.PICTURE_IDS
        tl0_index = ((picture.tl0_index or 0) + self._tl0_shift) % vp8.TL0_INDEXES
        if (
            picture_id - self._last_picture
        ) % vp8.PICTURE_IDS < vp8.PICTURE_IDS // 2 or self._last_picture < 0:
            self._last_picture, self._last_tl0 = picture_id, tl0_index
        return vp8.renumbered(payload, picture, picture_id, tl0_index)
