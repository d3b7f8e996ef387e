"""A stream that arrives: its loss, its jitter, and the reports about it (RFC 3550, sections 6.4 and A.8)."""

from __future__ import annotations

from stoa.live.rtp.packet import TIMESTAMPS, RtpPacket, Unwrapper
from stoa.live.rtp.rtcp import ReportBlock, SenderReport

_RATE_OVER = 1.0
_NTP_SECONDS = 65536


class Reception:
    """Statistics of one SSRC. ``clock`` is its timestamps' rate in Hz."""

    def __init__(self, ssrc: int, clock: int) -> None:
        self.ssrc = ssrc
        self.clock = clock
        self.packets = self.octets = 0
        self.last_at = float("-inf")
        self.bitrate = 0.0
        """Bits a second over the last second, eased."""
        self._unwrapper = Unwrapper()
        self._first = self._highest = -1
        self._transit: float | None = None
        self._jitter = 0.0
        self._told = (0, 0)
        self._report: tuple[int, float] | None = None
        self._window = (0.0, 0)

    def add(self, packet: RtpPacket, now: float) -> None:
        number = self._unwrapper.unwrap(packet.sequence)
        if self._first < 0:
            self._first = self._highest = number
            self._window = (now, 0)
        if number >= self._highest:
            self._highest = number
            self._ease_jitter(packet.timestamp, now)
        self.packets += 1
        self.octets += len(packet.payload)
        self.last_at = now
        self._measure(len(packet.payload), now)

    def add_repaired(self) -> None:
        """One that was lost and came by retransmission: not lost after all."""
        self.packets += 1

    def heard(self, report: SenderReport, now: float) -> None:
        self._report = (report.ntp >> 16 & 0xFFFFFFFF, now)

    @property
    def jitter(self) -> float:
        """Seconds."""
        return self._jitter / self.clock

    @property
    def lost(self) -> int:
        expected = self._highest - self._first + 1 if self._first >= 0 else 0
        return expected - self.packets

    def block(self, now: float) -> ReportBlock:
        """The report on what came since the last one."""
        expected = self._highest - self._first + 1 if self._first >= 0 else 0
        expected_since, came_since = expected - self._told[0], self.packets - self._told[1]
        self._told = (expected, self.packets)
        missing = expected_since - came_since
        fraction = min(255, missing * 256 // expected_since) if expected_since > 0 and missing > 0 else 0
        last_sr = delay = 0
        if self._report is not None:
            last_sr, delay = self._report[0], int((now - self._report[1]) * _NTP_SECONDS) & 0xFFFFFFFF
        highest = (self._highest - (1 << 16)) & 0xFFFFFFFF
        return ReportBlock(self.ssrc, fraction, self.lost, highest, int(self._jitter), last_sr, delay)

    def _ease_jitter(self, timestamp: int, now: float) -> None:
        transit = (now * self.clock - timestamp) % TIMESTAMPS
        if self._transit is not None:
            difference = abs((transit - self._transit + TIMESTAMPS / 2) % TIMESTAMPS - TIMESTAMPS / 2)
            # A pause of the sender restarts its clock: that is no jitter.
            if difference < self.clock:
                self._jitter += (difference - self._jitter) / 16
        self._transit = transit

    def _measure(self, octets: int, now: float) -> None:
        began, counted = self._window
        counted += octets
        if now - began >= _RATE_OVER:
            rate = counted * 8 / (now - began)
            self.bitrate = rate if not self.bitrate else 0.5 * (self.bitrate + rate)
            began, counted = now, 0
        self._window = (began, counted)
