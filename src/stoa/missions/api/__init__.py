"""The missions kind over HTTP."""

from stoa.missions import due, outside, realtime, service, store
from stoa.missions.api import _commands, _files, _info, _missions, _review, _sessions
from stoa.missions.api._files import file_store
from stoa.missions.wire import DIALECT, PATHS
from stoa.web.kind import Kind

KIND = Kind(
    name="missions",
    title="Missions",
    about="Exercises with forces on a tree of nodes: written, launched, played live, reviewed.",
    prefix="",
    paths=PATHS,
    handlers=[
        *_sessions.HANDLERS,
        *_commands.HANDLERS,
        *_review.HANDLERS,
        *_missions.HANDLERS,
        *_files.HANDLERS,
        _files.member_download(service.member_view),
        *_info.HANDLERS,
    ],
    dialect=DIALECT,
    tables=store.metadata,
    due_handlers=due.handlers,
    alongside=outside.alongside,
    namespaces=realtime.namespaces,
)

__all__ = ["KIND", "file_store"]
