"""The exercise's own dice: the same seed and the same order of draws give the same values, on every machine.

A draw is SHA-256 of ``<mission seed>/<action>/<how many this action drew before>``, its first 53 bits as a fraction
in [0, 1). The action goes by its local keys (force/node/action), so that a copy of a mission plays like the mission.
"""

from __future__ import annotations

import hashlib

_BITS = 53


def draw(seed: str, path: str, count: int) -> float:
    digest = hashlib.sha256(f"{seed}/{path}/{count}".encode()).digest()
    return (int.from_bytes(digest[:8], "big") >> (64 - _BITS)) / (1 << _BITS)


def succeeds(value: float, chance: float) -> bool:
    """Strictly more: a chance of nothing never succeeds."""
    return value > 1 - chance
