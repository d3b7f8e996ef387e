"""Decisions about sessions as a whole, by the permissions of accounts: who launches, lists, deletes, downloads."""

from __future__ import annotations

import re
from typing import Any

from stoa.kernel.actor import Actor
from stoa.missions.commands import invalid_message
from stoa.missions.engine import Exercise
from stoa.missions.errors import NotPermittedError
from stoa.missions.model import Accessibility, Member, SessionConfig
from stoa.missions.reading import Faults, Reader

_TRUE = (1, True, "1", "true", "True", "TRUE", "t", "T", "yes", "Yes", "YES", "y", "Y")
_FALSE = (0, False, "0", "false", "False", "FALSE", "f", "F", "no", "No", "NO", "n", "N")
_KEYS = (
    "missionId",
    "name",
    "accessibility",
    "autoAssign",
    "infiniteResources",
    "effectsEnabled",
    "capacity",
)
MAX_CAPACITY = 100_000
OBJECT_ID = re.compile(r"[0-9a-fA-F]{24}")


def check_launch(actor: Actor) -> None:
    """Raises NotPermittedError without one of the two write permissions, or without ``missions_read``."""
    writes = actor.may("sessions_write_native") or actor.may("sessions_write_foreign")
    if not (writes and actor.may("missions_read")):
        raise NotPermittedError("You may not launch sessions.")


def check_list(actor: Actor) -> None:
    if not actor.may("sessions_read"):
        raise NotPermittedError("You may not list sessions.")


def check_delete(actor: Actor, *, owner_id: str) -> None:
    """Raises NotPermittedError, which the document's DELETE answers with 401."""
    needed = "sessions_write_native" if actor.id == owner_id else "sessions_write_foreign"
    if not actor.may(needed):
        raise NotPermittedError("You may not delete this session.")


def is_listed(actor: Actor, *, accessibility: str, owner_id: str) -> bool:
    """Whether a session stands in the actor's list; one that doesn't may still be joined by its id."""
    if accessibility == Accessibility.PUBLIC or actor.may("sessions_write"):
        return True
    return actor.id == owner_id and actor.may("sessions_write_native")


def may_review(actor: Actor, *, owner_id: str) -> bool:
    """Whether somebody who is no member sees all of a session: its owner, and whoever may write others' sessions."""
    if actor.id == owner_id and actor.may("sessions_write_native"):
        return True
    return actor.may("sessions_write_foreign")


def may_download(exercise: Exercise, *, file_id: str, member: Member | None, actor: Actor) -> bool:
    """For a file that the mission has: whether its bytes may go to the actor."""
    if actor.may("files_read"):
        return True
    if member is None:
        return False
    return member.sees_all or member.force_id in exercise.access[file_id]


def launch_from(body: Any) -> tuple[str, SessionConfig]:
    """(mission id, configuration) of ``POST /launch/``. Unknown keys are dropped, booleans come in many spellings.

    Raises MissionInvalidError with every fault.
    """
    faults = Faults()
    known = {key: body[key] for key in _KEYS if key in body} if isinstance(body, dict) else body
    at = Reader(known, "", faults, known=_KEYS)
    accessibility = at.text("accessibility", default="public")
    if accessibility not in Accessibility._value2member_map_:
        at.fault("accessibility", f"must be one of {', '.join(Accessibility)}.")
        accessibility = "public"
    name = at.text("name", limit=175).strip() if at.has("name") else ""
    mission_id = at.text("missionId")
    if isinstance(at.raw("missionId"), str) and not OBJECT_ID.fullmatch(mission_id):
        at.fault("missionId", "must be an id of 24 hexadecimal digits.")
    config = SessionConfig(
        accessibility=Accessibility(accessibility),
        auto_assign=_boolean(at, "autoAssign", default=True),
        infinite_resources=_boolean(at, "infiniteResources", default=False),
        effects_enabled=_boolean(at, "effectsEnabled", default=True),
        name=name or None,
        capacity=at.whole("capacity", low=1, high=MAX_CAPACITY) if at.has("capacity") else None,
    )
    if faults:
        raise invalid_message(faults)
    return mission_id, config


def _boolean(at: Reader, key: str, *, default: bool) -> bool:
    value = at.raw(key)
    if key not in at:
        return default
    if isinstance(value, str | int):
        if value in _TRUE:
            return True
        if value in _FALSE:
            return False
    at.fault(key, "must be true or false.")
    return default
