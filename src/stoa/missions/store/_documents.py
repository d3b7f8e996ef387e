"""Missions' documents: what ``mission_to`` wrote, without stamps, as compressed JSON; and the missions in them.

Every session has a document of its own, which for a large mission is megabytes of JSON: compressed it is a tenth, and
written that much sooner. In memory such a mission is tens of thousands of objects. So the sessions of one mission
share it: a document that some mission alive was read from is not read again. What is remembered is found by the
document's own fingerprint, and goes with the last who holds it.
"""

from __future__ import annotations

import gc
import hashlib
import threading
import zlib
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from weakref import WeakValueDictionary

import msgspec

from stoa.missions.missionfile import mission_to, trusted_mission
from stoa.missions.model import Mission, Stamps

_encode = msgspec.json.Encoder().encode
_alive: WeakValueDictionary[bytes, Mission] = WeakValueDictionary()
_pausing = threading.Lock()
_paused = 0


def document_of(mission: Mission) -> bytes:
    return zlib.compress(_encode(mission_to(replace(mission, stamps=Stamps()))), level=1)


def mission_in(document: bytes) -> Mission:
    """The mission, without stamps."""
    fingerprint = hashlib.sha256(document).digest()
    mission = _alive.get(fingerprint)
    if mission is None:
        with _collecting_paused():
            mission = trusted_mission(msgspec.json.decode(zlib.decompress(document)))
        _alive[fingerprint] = mission
    return mission


@contextmanager
def _collecting_paused() -> Generator[None]:
    """All that is made meanwhile stays: looking through it for garbage again and again takes longer than making it."""
    global _paused  # noqa: PLW0603 - the collector is the process's too
    with _pausing:
        _paused += 1
        gc.disable()
    try:
        yield
    finally:
        with _pausing:
            _paused -= 1
            if not _paused:
                gc.enable()
