"""Sessions on the wire: the documented bodies, and what reviews are made of. Views make the sessions themselves."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, field

from stoa.kernel.errors import UnauthenticatedError
from stoa.missions.commands import MAX_INVITED
from stoa.missions.errors import NotPermittedError
from stoa.missions.service import Moment
from stoa.missions.wire._missions import ObjectId
from stoa.web.values import InstantText, iso_millis

Accessibility = Annotated[
    str, Meta(extra_json_schema={"enum": ["public", "id-required", "invite-only", "testing"]})
]
Flag = Annotated[
    bool | int | str, Meta(description="true or false; also 0, 1, and t, f, yes, no, y, n in any case.")
]


class DeletionRefusedError(UnauthenticatedError):
    """The document answers who may not delete a session with 401."""

    code = NotPermittedError.code
    number = NotPermittedError.number


class LaunchBody(Struct, rename="camel"):
    """What is not given is as documented: public, automatic, with resources that end, with effects."""

    mission_id: ObjectId
    name: Annotated[str, Meta(max_length=175)] | UnsetType | None = UNSET
    accessibility: Accessibility | UnsetType = UNSET
    auto_assign: Flag | UnsetType = UNSET
    infinite_resources: Flag | UnsetType = UNSET
    effects_enabled: Flag | UnsetType = UNSET
    capacity: Annotated[int, Meta(ge=1, le=100_000)] | UnsetType | None = UNSET

    def plain(self) -> dict[str, Any]:
        given: dict[str, Any] = msgspec.to_builtins(self)
        return given


class LaunchedBody(Struct, rename="camel"):
    session_id: ObjectId


class ConfigBody(Struct, rename="camel", omit_defaults=True):
    accessibility: Accessibility
    auto_assign: bool
    infinite_resources: bool
    effects_enabled: bool
    name: str | None = None
    capacity: int | None = None


class SessionBody(Struct, rename="camel"):
    """A session in the list. Nobody's ban list is shown there."""

    id: ObjectId = field(name="_id")
    mission_id: str
    state: Annotated[str, Meta(extra_json_schema={"enum": ["unstarted", "started", "ended"]})]
    name: str
    owner_id: ObjectId
    owner_username: str
    owner_first_name: str
    owner_last_name: str
    launched_at: InstantText
    config: ConfigBody
    participant_ids: list[ObjectId]
    ban_list: list[ObjectId]
    observer_ids: list[ObjectId]
    manager_ids: list[ObjectId]


class InvitationsBody(Struct, rename="camel", forbid_unknown_fields=True):
    """Who may join an invite-only session, in place of those named before."""

    user_ids: Annotated[list[Annotated[str, Meta(min_length=1, max_length=64)]], Meta(max_length=MAX_INVITED)]


class StateBody(Struct, omit_defaults=True):
    """A session as the caller saw it at a moment. ``hash`` is the state's fingerprint, for those who see all and ask."""

    at: InstantText
    seq: int
    session: dict[str, Any]
    hash: str | None = None

    @classmethod
    def of(cls, moment: Moment) -> StateBody:
        return cls(iso_millis(moment.at), moment.seq, moment.session, moment.hash)


class JournalFormat(StrEnum):
    JSONL = "jsonl"
    CSV = "csv"
    XAPI = "xapi"


MEDIA_TYPES = {
    JournalFormat.JSONL: "application/x-ndjson",
    JournalFormat.CSV: "text/csv",
    JournalFormat.XAPI: "application/json",
}


def journal_text(lines: Iterable[Mapping[str, Any]], form: JournalFormat) -> bytes:
    """Lines for JSON Lines and CSV, statements for xAPI."""
    if form is JournalFormat.XAPI:
        return msgspec.json.encode(list(lines))
    if form is JournalFormat.JSONL:
        return b"".join(msgspec.json.encode(line) + b"\n" for line in lines)
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(("seq", "at", "type", "actorId", "data"))
    for line in lines:
        what = line.get("data", line.get("messages"))
        row = (line["seq"], line["at"], line["type"], line.get("actorId") or "", json.dumps(what))
        writer.writerow(row)
    return table.getvalue().encode()
