"""Our people as Daily knows them: by their id, and from their first kick on by how often tokens of theirs were made void."""

from __future__ import annotations

from collections.abc import Sequence

_MOST = 20
"""Tokens older than so many kicks have long expired."""


def user_key(user_id: str, generation: int) -> str:
    """At most 36 characters, as Daily wants it: ours are 24."""
    return f"{user_id}-{generation}" if generation else user_id


def read_key(key: str) -> tuple[str, int]:
    """The user's id and the generation of their token."""
    user_id, dash, number = key.rpartition("-")
    if dash and number.isascii() and number.isdigit() and len(number) < 10:
        return user_id, int(number)
    return key, 0


def void_keys(user_id: str, generation: int) -> list[str]:
    """Of the tokens before that generation."""
    return [user_key(user_id, number) for number in range(max(0, generation - _MOST), generation)]


def can_send(*, mic: bool, camera: bool) -> bool | Sequence[str]:
    """Daily's words for what may be sent: all sound is the microphone's, all pictures the camera's."""
    if mic and camera:
        return True
    sound = ["audio", "screenAudio", "customAudio"] if mic else []
    return sound + (["video", "screenVideo", "customVideo"] if camera else [])
