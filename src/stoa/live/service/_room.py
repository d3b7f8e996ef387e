"""What happens in a session's room, told in its stream; and how somebody, or all, come out of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from stoa.kernel.journal import Event
from stoa.live import rules, store
from stoa.live.model import (
    Participant,
    Recording,
)
from stoa.platform import journal, timers

JOINED, LEFT, KICKED, PERMITTED = "live.joined", "live.left", "live.kicked", "live.permitted"
CHAT, HAND, ENDED = "live.chat", "live.hand", "live.ended"
RECORDING, RECORDED = "live.recording_started", "live.recording_stopped"
TROUBLED = "live.recording_failed"
COMPOSE = "live.compose"
"""The timer that stands for a recording, by its id, until its files are made."""


def stream_of(session_id: str) -> str:
    """The journal's stream of what happens in a session's room."""
    return f"live/{session_id}"


def tell(
    connection: Connection, session_id: str, event: Event, *, now: datetime, actor_id: str | None = None
) -> None:
    journal.append(connection, stream_of(session_id), event, actor_id=actor_id, at=now)


def of_user(connection: Connection, session_id: str, user_id: str) -> list[Participant]:
    return [one for one in store.present(connection, session_id) if one.user_id == user_id]


def out(
    connection: Connection, there: Sequence[Participant], *, now: datetime, reason: str = "left",
    kicked: bool = False,
) -> None:  # fmt: skip
    """Who never came in has no interval. The room is told of those who did."""
    came = [one for one in there if one.joined_at is not None]
    store.drop_participants(connection, [one for one in there if one.joined_at is None])
    ended = [
        replace(one, left_at=max(now, one.joined_at or now), was_kicked=kicked, updated_at=now)
        for one in came
    ]
    store.save_participants(connection, ended)
    for one in came:
        told = {"userId": one.user_id, "reason": reason}
        tell(connection, one.session_id, Event(LEFT, told), now=now)


def finish(connection: Connection, recording: Recording, *, now: datetime) -> Recording:
    """It is completed once its files are made, which is due from now on."""
    finished = replace(
        recording,
        stopped_at=now,
        updated_at=now,
        duration=rules.recorded_seconds(recording, now),
        progress=0.0,
    )
    store.save_recording(connection, finished)
    timers.set(connection, COMPOSE, recording.recording_id, due_at=now)
    tell(connection, recording.session_id, Event(RECORDED), now=now)
    return finished
