"""What each viewer may see of a session, in the protocol's words. Nothing else makes JSON of an exercise for a client.

``session_view`` is the whole, ``basic_view`` a row of the list, ``audience`` who is told what of an event and
``tell`` of several. Applying
``audience``'s messages to an old ``session_view`` gives the new one. No seed, no effect, no number that is hidden, and
no node, output or resource of a force that is not the viewer's ever stands in any of them.
"""

from stoa.missions.views._audience import Delivery, audience, tell
from stoa.missions.views._journal import journal_line
from stoa.missions.views._mission import Exposure, exposure_of
from stoa.missions.views._session import (
    basic_view,
    current_session,
    session_view,
)
from stoa.missions.views._viewer import Viewer, circles
from stoa.missions.views._xapi import xapi_statements

__all__ = [
    "Delivery",
    "Exposure",
    "Viewer",
    "audience",
    "basic_view",
    "circles",
    "current_session",
    "exposure_of",
    "journal_line",
    "session_view",
    "tell",
    "xapi_statements",
]
