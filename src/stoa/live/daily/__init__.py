"""Rooms at Daily.co: its REST API for what we ask, its webhooks for what happens, and looks for what they leave out."""

from stoa.live.daily._provider import Account, Daily
from stoa.live.daily._rest import Rest
from stoa.live.daily._webhooks import LARGEST

__all__ = ["LARGEST", "Account", "Daily", "Rest"]
