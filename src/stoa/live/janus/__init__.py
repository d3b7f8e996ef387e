"""The Janus provider: rooms on Janus servers (their VideoRoom), with all signalling through Stoa.

One session at each Janus a node, over its WebSocket API; in it two handles for everybody whose browser signals to the
node: one takes what they send, the other, with one connection for all, sends them what the others send. Which room is
on which Janus is a row in the database. See ``_provider`` for what Stoa asks, ``_crowd`` for what Janus says, ``_fleet``
for rooms and servers, ``_server`` for the wire, ``_recordings`` and ``convert`` for what is recorded.
"""

from stoa.live.janus._fleet import Setup
from stoa.live.janus._provider import Janus

__all__ = ["Janus", "Setup"]
