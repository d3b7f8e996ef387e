"""What one receiver's path bears: raised while all goes well, lowered on loss or on a queue that does not empty.

A simple relative of Google's congestion control (draft-ietf-rmcat-gcc): instead of a delay's slope it looks at how long
packets stand in the path's queue, against the shortest way seen in the last seconds.
"""

from __future__ import annotations

from collections.abc import Iterable

from stoa.live.rtp.twcc import Arrival

LEAST, START, MOST = 100_000, 1_500_000, 30_000_000
"""Bits a second."""
_KEPT = 4096
_DECIDE_EVERY = 0.25
_HEAVY_LOSS, _LIGHT_LOSS = 0.10, 0.02
_STANDING_QUEUE = 0.1
_GROWTH, _CAREFUL_GROWTH = 0.15, 0.02
"""Shares of the estimate, a second."""
_BASE_SECONDS = 10.0
_HOLD = 1.0


class Bandwidth:
    """An estimate in bits a second, from transport-wide feedback; from REMB or receiver reports where there is none."""

    def __init__(self, now: float, start: float = START) -> None:
        self.bitrate = float(start)
        self._sent: list[tuple[int, int, float] | None] = [None] * _KEPT
        self._began = self._grown_at = now
        self._octets = self._came = self._lost = 0
        self._least_queue = float("inf")
        self._bases = [float("inf"), float("inf")]
        self._base_at = now
        self._ceiling = float("inf")
        self._held_until = now
        self._remb = float("inf")

    @property
    def available(self) -> float:
        return min(self.bitrate, self._remb)

    def sent(self, sequence: int, octets: int, now: float) -> None:
        self._sent[sequence % _KEPT] = (sequence, octets, now)

    def heard(self, arrivals: Iterable[Arrival], now: float) -> None:
        for arrival in arrivals:
            slot = arrival.sequence % _KEPT
            sent = self._sent[slot]
            if sent is None or sent[0] != arrival.sequence:
                continue
            if arrival.at is None:
                self._lost += 1
                continue
            self._sent[slot] = None
            self._came += 1
            self._octets += sent[1]
            self._look_at_queue(arrival.at - sent[2], now)
        if now - self._began >= _DECIDE_EVERY:
            self._decide(now)

    def told(self, bitrate: int) -> None:
        """The receiver's own estimate (REMB): never more than that."""
        self._remb = max(float(LEAST), float(bitrate))

    def reported(self, fraction_lost: float, now: float) -> None:
        """A receiver report, for a path without transport-wide feedback."""
        self._change(fraction_lost, self.bitrate, now)

    def _look_at_queue(self, way: float, now: float) -> None:
        if now - self._base_at > _BASE_SECONDS:
            self._bases = [self._bases[1], float("inf")]
            self._base_at = now
        self._bases[1] = min(self._bases[1], way)
        self._least_queue = min(self._least_queue, way - min(self._bases))

    def _decide(self, now: float) -> None:
        told = self._came + self._lost
        if told:
            rate = self._octets * 8 / (now - self._began)
            self._change(self._lost / told, rate, now)
        self._octets = self._came = self._lost = 0
        self._least_queue = float("inf")
        self._began = now

    def _change(self, loss: float, rate: float, now: float) -> None:
        queued = _STANDING_QUEUE < self._least_queue < float("inf")
        elapsed = min(1.0, now - self._grown_at)
        self._grown_at = now
        if loss > _HEAVY_LOSS or queued:
            if now >= self._held_until:
                self._ceiling = self.bitrate
                kept = min(self.bitrate, rate)
                self.bitrate = max(LEAST, kept * (0.85 if queued else 1 - loss / 2))
                self._held_until = now + _HOLD
        elif loss < _LIGHT_LOSS and now >= self._held_until:
            careful = 0.9 * self._ceiling < self.bitrate < 1.1 * self._ceiling
            growth = _CAREFUL_GROWTH if careful else _GROWTH
            self.bitrate = min(MOST, self.bitrate * (1 + growth * elapsed))
