"""Missions towards the outside: effects call target environments, each in a process that can be killed.

``Installed`` is a part of the house: what is there and what it declares. ``alongside`` is what runs while the server
does: finding them, calling them when effects fall due, and cleaning up after uploads that never ended.
"""

from stoa.missions.outside._alongside import alongside
from stoa.missions.outside._caller import Caller
from stoa.missions.outside._installed import Installed, Limits
from stoa.missions.outside._workers import CallFailedError, Workers

__all__ = ["CallFailedError", "Caller", "Installed", "Limits", "Workers", "alongside"]
