"""Who speaks, from the levels that come with the packets of sound (RFC 6464)."""

from __future__ import annotations

from dataclasses import dataclass

_SILENCE = 127
_AUDIBLE = 127 - 50
"""Louder than -50 dBov."""
_RISE, _FALL = 0.3, 0.1
_LOUDER = 6
_FORGOTTEN = 0.5
_HOLD = 1.0


@dataclass(slots=True)
class _Voice:
    volume: float
    at: float


class Speakers:
    """One room's voices. Whoever speaks stays the speaker through short pauses and small interjections."""

    def __init__(self) -> None:
        self._voices: dict[str, _Voice] = {}
        self._speaker: str | None = None
        self._since = float("-inf")

    def heard(self, who: str, level: int, now: float) -> None:
        """``level`` as on the wire: the voice-activity bit, and 0 (loudest) to 127 (silence)."""
        loud = _SILENCE - (level & 0x7F)
        voice = self._voices.get(who)
        if voice is None:
            self._voices[who] = _Voice(loud, now)
            return
        voice.volume += (loud - voice.volume) * (_RISE if loud > voice.volume else _FALL)
        voice.at = now

    def left(self, who: str) -> None:
        self._voices.pop(who, None)
        if self._speaker == who:
            self._speaker, self._since = None, float("-inf")

    def speaker(self, now: float) -> str | None:
        """Who speaks now; nobody if all is quiet for a while."""
        loudest, volume = None, float(_AUDIBLE)
        for who, voice in self._voices.items():
            if now - voice.at <= _FORGOTTEN and voice.volume > volume:
                loudest, volume = who, voice.volume
        present = self._voices.get(self._speaker) if self._speaker is not None else None
        if loudest == self._speaker:
            self._since = now if loudest is not None else self._since
        elif (
            present is None
            or now - self._since > _HOLD
            or (loudest is not None and present.volume >= _AUDIBLE and volume > present.volume + _LOUDER)
        ):
            self._speaker, self._since = loudest, now
        return self._speaker
