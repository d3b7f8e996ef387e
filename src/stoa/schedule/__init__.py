"""Scheduled sessions: timelines, exact recurrence, conflicts, calendars."""

from stoa.schedule import api, store, wire
from stoa.web.kind import Kind

KIND = Kind(
    name="schedule",
    title="Schedule",
    about="Timelines of one-time and recurring sessions, without collisions, as calendars.",
    prefix="/schedule",
    paths=("/sessions", "/timelines", "/occurrences", "/free-busy"),
    handlers=api.HANDLERS,
    dialect=wire.DIALECT,
    tables=store.metadata,
)
