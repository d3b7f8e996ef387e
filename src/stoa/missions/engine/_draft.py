"""A decision in the making: what has been decided so far, and the state that it would lead to."""

from __future__ import annotations

import hashlib
from typing import Any

from stoa.kernel.actor import Actor
from stoa.kernel.errors import ConflictError
from stoa.kernel.journal import Event
from stoa.missions.engine import _events as names
from stoa.missions.engine._apply import enact
from stoa.missions.engine._exercise import Exercise
from stoa.missions.engine._plain import to_plain
from stoa.missions.errors import NotPermittedError, StateConflictError
from stoa.missions.model import (
    LIFECYCLE,
    Member,
    MemberPermission,
    Output,
    OutputKind,
    Request,
    SessionAction,
    SessionState,
)


class Draft:
    """``now_ms`` is the moment that is decided about: a completion's is its due time, however late somebody looks."""

    def __init__(
        self, exercise: Exercise, *, by: Actor | None, now_ms: int, request: Request | None = None
    ) -> None:
        self.state = exercise.fork()
        self.by = by
        self.now_ms = now_ms
        self.events: list[Event] = []
        self._request = request

    def trial(self) -> Draft:
        """A draft that goes on from here, and that nothing comes of unless it is accepted."""
        return Draft(self.state, by=self.by, now_ms=self.now_ms, request=self._request)

    def accept(self, trial: Draft) -> None:
        self.state = trial.state
        self.events += trial.events

    def emit(self, kind: str, /, **data: Any) -> None:
        event = Event(kind, data)
        enact(self.state, event)
        self.events.append(event)

    def new_id(self) -> str:
        """An id for what the next event makes: the same whenever the same history is played again."""
        text = f"{self.state.session_id}/{self.state.version}"
        return hashlib.sha256(text.encode()).hexdigest()[:24]

    def request(self) -> dict[str, Any] | None:
        """What is told of the message that asked for this."""
        if self._request is None:
            return None
        event = {"method": self._request.method, "data": self._request.data}
        if self._request.request_id is not None:
            event["requestId"] = self._request.request_id
        return {"event": event, "requesterId": self.by.id if self.by is not None else None}

    def member(self) -> Member:
        """Who asks. Raises StateConflictError for somebody who is not in the session."""
        found = None if self.by is None else self.state.member_by_user(self.by.id)
        if found is None:
            raise StateConflictError("You are not in this session.")
        return found

    def permitted(self, permission: MemberPermission) -> Member:
        member = self.member()
        if not member.may(permission):
            raise NotPermittedError("Your role in this session does not permit this.")
        return member

    def require_state(self, *states: SessionState) -> None:
        if self.state.state not in states:
            raise StateConflictError(f"The session is {self.state.state}: this is not possible now.")

    def require_action(self, action: SessionAction) -> None:
        """Raises StateConflictError where the lifecycle has no row."""
        try:
            LIFECYCLE.after(self.state.state, action)
        except ConflictError as error:
            raise StateConflictError(error.message) from None

    def require_open(self) -> None:
        """What is ended is final."""
        self.require_state(SessionState.UNSTARTED, SessionState.STARTED)

    def output(self, force_id: str, kind: OutputKind, *, prefix: str, message: str, **links: Any) -> None:
        """Nothing is sent where there is nothing to say."""
        if not message:
            return
        output = Output(
            id=self.new_id(),
            force_id=force_id,
            kind=kind,
            prefix=f"{prefix.replace(' ', '-')}:",
            message=message,
            time_ms=self.now_ms,
            **links,
        )
        self.emit(names.OUTPUT_SENT, output=to_plain(output))

    def intros(self) -> None:
        for force in self.state.mission.forces:
            self.output(force.id, OutputKind.INTRO, prefix=force.name, message=force.intro)
