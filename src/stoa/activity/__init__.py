"""Activity of users in an application: honest time on each page."""

from stoa.activity import api, store, wire
from stoa.web.kind import Kind

KIND = Kind(
    name="activity",
    title="Activity",
    about="Who is in an application, and how long each of its pages was really seen.",
    prefix="",
    paths=("/api/v2",),
    handlers=api.HANDLERS,
    dialect=wire.DIALECT,
    tables=store.metadata,
)
