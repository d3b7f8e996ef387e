"""One session as this process follows it: each entry of its journal is told once, in order, to those who are here.

The views decide who is told what. Everything that is sent bears its place, ``seq`` and ``part``: the number of the entry
and of the message within it. What was told last is remembered, so that who missed it can be told again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

import structlog

from stoa.kernel.journal import Entry
from stoa.missions import service, views
from stoa.missions.engine import Exercise
from stoa.missions.model import SessionState
from stoa.missions.realtime._messages import Position, told
from stoa.platform.realtime import Client, Frame, Watch
from stoa.platform.storage import Storage

MOST_REMEMBERED = 1_000
"""Entries. Who has missed more takes a fresh snapshot."""
MOST_BYTES = 16 * 2**20
"""Of the messages that are remembered."""
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Message:
    part: int
    users: Sequence[str]
    frame: Frame


@dataclass(frozen=True, slots=True)
class Told:
    """What was told of one entry."""

    seq: int
    messages: list[Message]

    @property
    def size(self) -> int:
        return sum(len(message.frame) for message in self.messages)


class Room:
    """``here`` are those who are told what happens, by their users' ids; ``coming`` are about to join. ``followers``
    have use of the room. ``left(user id)`` is called when somebody has been told of leaving the session.
    """

    def __init__(
        self, session_id: str, exercise: Exercise, seq: int, *, storage: Storage, left: Callable[[str], None]
    ) -> None:
        self.session_id = session_id
        self.exercise = exercise
        self.seq = seq
        self.here: dict[str, Client] = {}
        self.coming: set[str] = set()
        self.followers: set[Client] = set()
        self.watch: Watch | None = None
        self._storage = storage
        self._left = left
        self._inbox: list[Entry] = []
        self._turn = asyncio.Lock()
        self._telling: asyncio.Task[None] | None = None
        self._history: deque[Told] = deque()
        self._bytes = 0

    @property
    def over(self) -> bool:
        """Whether the session holds nobody any more: who is here may be in another one."""
        return self.exercise.state is SessionState.ENDED

    def hear(self, entries: Sequence[Entry]) -> None:
        """The feed's listener."""
        self._inbox += entries
        if self._telling is None or self._telling.done():
            self._telling = asyncio.create_task(self._settle())

    async def _settle(self) -> None:
        async with self._turn:
            with suppress(Exception):  # it is put back, and logged
                await self._tell()

    async def present(self, *, hold: str | None = None) -> tuple[Exercise, int]:
        """The state with everything that is committed by now, and its number. From there on the user ``hold`` is told
        nothing, until ``follow``.
        """
        async with self._turn:
            if self.watch is not None:
                await self.watch.catch_up()
            await self._tell()
            if hold is not None:
                self.here.pop(hold, None)
            return self.exercise, self.seq

    async def follow(
        self, client: Client, user_id: str, position: Position, *, first: Sequence[Frame] = (),
        then: Callable[[int], Frame] | None = None,
    ) -> bool:  # fmt: skip
        """Sends ``first``, what the user was told after ``position``, ``then``, and from there on what happens.

        False, and nothing sent, where it is too long ago.
        """
        async with self._turn:
            await self._tell()
            if not await self._reach_back(position.seq - (position.part is not None)):
                return False
            frames = [*first, *self._missed(user_id, position)]
            if then is not None:
                frames.append(then(self.seq))
            # All of it is sent, however much it is; who still reads nothing of it has to ask again.
            keeps_up = all(client.send(frame, whole=True) for frame in frames)
            if keeps_up and user_id in self.exercise.member_of and not client.closed:
                self.here[user_id] = client
            return True

    def _missed(self, user_id: str, position: Position) -> Iterator[Frame]:
        for one in self._history:
            if one.seq < position.seq:
                continue
            for message in one.messages:
                seen = one.seq == position.seq and (position.part is None or message.part <= position.part)
                if not seen and user_id in message.users:
                    yield message.frame

    async def _tell(self) -> None:
        while self._inbox:
            batch, self._inbox = self._inbox, []
            try:
                self.exercise, happened = await asyncio.to_thread(_framed, self.exercise, batch)
            except BaseException:
                self._inbox[:0] = batch
                _log.exception("mission_not_told", session=self.session_id, seq=batch[0].seq)
                raise
            self.seq = batch[-1].seq
            for one in happened:
                self._remember(one)
                self._send(one)
            self._see_off()

    def _send(self, one: Told) -> None:
        here = self.here
        for message in one.messages:
            frame = message.frame
            for user_id in message.users:
                client = here.get(user_id)
                if client is not None and not client.send(frame):
                    del here[user_id]  # until it has room, and asks for a snapshot or for what it missed

    def _see_off(self) -> None:
        members = {} if self.exercise.destroyed else self.exercise.member_of
        for user_id in [one for one in self.here if one not in members and one not in self.coming]:
            self._left(user_id)

    def _remember(self, one: Told) -> None:
        self._history.append(one)
        self._bytes += one.size
        while self._history and (len(self._history) > MOST_REMEMBERED or self._bytes > MOST_BYTES):
            self._bytes -= self._history.popleft().size

    async def _reach_back(self, after: int) -> bool:
        """Has what was told after the entry ``after`` remembered. False where that is too much, or not yet."""
        begins = self._history[0].seq - 1 if self._history else self.seq
        if begins <= after <= self.seq:
            return True
        if not 1 <= after < begins or self.seq - after > MOST_REMEMBERED:
            return False
        state, entries = await self._storage.read(service.missed, self.session_id, after=after, until=begins)
        _, happened = await asyncio.to_thread(_framed, state, entries)
        self._history.extendleft(reversed(happened))
        self._bytes += sum(one.size for one in happened)
        return True


def _framed(before: Exercise, entries: Sequence[Entry]) -> tuple[Exercise, list[Told]]:
    """In a thread: what a large mission's start shows to everybody takes longer than the event loop may wait."""
    after, happened = views.tell(before, entries)
    return after, [
        Told(
            entry.seq,
            [
                Message(part, one.users, told(one.message, seq=entry.seq, part=part))
                for part, one in enumerate(deliveries)
            ],
        )
        for entry, deliveries in zip(entries, happened, strict=True)
    ]
