"""The sessions that are watched here, and one ticker for all of them: no task, no query and no row for a bar."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Coroutine, Iterable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import structlog

from stoa.kernel.clock import Clock, to_millis
from stoa.kernel.journal import Entry
from stoa.platform.realtime import Client, Frame, Realtime, Watch
from stoa.platform.storage import Storage
from stoa.trading import playback, service, store
from stoa.trading.errors import SessionNotFoundError
from stoa.trading.market import Market
from stoa.trading.realtime._loading import load, load_missed
from stoa.trading.realtime._messages import Afresh, Placed, StatusEvent, framed
from stoa.trading.realtime._tape import Tape
from stoa.trading.service import CHANGED, DELETED, FORKED, SOUGHT, STREAMS, Underway, stream_of

MOST_AT_ONCE = 1_000
"""Bars that are told one after another; a longer step is answered with a fresh picture."""
UNDER_WAY = 0.002
"""Seconds until it is asked again whether the owner's command is through."""
AGAIN = 1.0
"""Seconds until what failed is tried again."""
IDLE = 0.2
"""Seconds that the ticker sleeps at most."""
_log = structlog.get_logger(__name__)


class Seat:
    """One client's place at a session. While it waits for what it missed, what happens is kept for it."""

    __slots__ = ("client", "seen", "waiting")

    def __init__(self, client: Client, *, seen: int, waits: bool = False) -> None:
        self.client = client
        self.seen = seen
        self.waiting: list[tuple[int, Frame]] | None = [] if waits else None

    def tell(self, seq: int, frame: Frame) -> None:
        if self.waiting is not None:
            self.waiting.append((seq, frame))
        elif seq > self.seen:
            self.seen = seq
            self.client.send(frame)

    def begin_afresh(self, frame: Frame, *, seq: int) -> None:
        self.seen = seq
        self.waiting = None if self.waiting is None else []
        self.client.send(frame)

    def go_on(self, missed: Iterable[tuple[int, Frame]]) -> None:
        """What was missed, then what was kept meanwhile."""
        kept, self.waiting = self.waiting or [], None
        for seq, frame in (*missed, *kept):
            self.tell(seq, frame)


class Show:
    """One session as this process follows it. Whoever holds ``lock`` is changing the tape."""

    def __init__(self, session_id: int, user_id: int, tape: Tape, seq: int) -> None:
        self.session_id = session_id
        self.user_id = user_id
        self.tape = tape
        self.seq = seq
        self.seats: dict[Client, Seat] = {}
        self.lock = asyncio.Lock()
        self.heard = seq
        self.behind = False
        self.over = False
        self.turn = 0
        self.watch: Watch | None = None

    def tell(self, events: Iterable[Placed]) -> None:
        for event in events:
            frame = framed(event)
            for seat in tuple(self.seats.values()):
                seat.tell(event.seq, frame)


class Shows:
    def __init__(
        self, storage: Storage, market: Market, clock: Clock, live: Realtime, underway: Underway
    ) -> None:
        self._storage = storage
        self._market = market
        self._clock = clock
        self._live = live
        self._underway = underway
        self._shows: dict[int, Show] = {}
        self._opening: dict[int, asyncio.Task[Show]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._turns: list[tuple[int, int, int]] = []
        self._woken = asyncio.Event()
        live.feed.follow(STREAMS, self._stirred)

    # Sessions come and go with those who watch them.

    async def show(self, session_id: int) -> Show:
        """The session, followed from now on. Raises SessionNotFoundError."""
        found = self._shows.get(session_id)
        if found is not None:
            return found
        opening = self._opening.get(session_id)
        if opening is None:
            opening = self._opening[session_id] = asyncio.create_task(self._open(session_id))
            opening.add_done_callback(lambda _: self._opening.pop(session_id, None))
        return await asyncio.shield(opening)

    async def _open(self, session_id: int) -> Show:
        await self._write_due(session_id)
        loaded = await self._storage.read(load, self._market, session_id, now=self._clock.now())
        show = Show(session_id, loaded.tape.session.user_id, loaded.tape, loaded.seq)
        watch = self._live.feed.watch(
            stream_of(session_id), after=show.seq, listener=lambda entries: self._hear(show, entries)
        )
        show.watch = watch
        self._shows[session_id] = show
        await watch.catch_up()
        self._plan(show)
        return show

    def leave(self, show: Show, client: Client) -> None:
        show.seats.pop(client, None)
        if not show.seats:
            self._close(show)

    def _close(self, show: Show) -> None:
        show.over = True
        if self._shows.get(show.session_id) is show:
            del self._shows[show.session_id]
        if show.watch is not None:
            show.watch.close()

    def _stirred(self, stream: str, entries: Sequence[Entry] | None) -> None:
        """Another node changed something: a session that it deleted leaves no entry to be read."""
        session_id = service.session_of(stream)
        show = None if session_id is None or entries is not None else self._shows.get(session_id)
        if show is not None:
            self._spawn(show, self._check(show))

    async def _check(self, show: Show) -> None:
        if await self._storage.read(store.get_session, show.session_id) is None:
            self._deleted(show)

    def _deleted(self, show: Show) -> None:
        last = show.tape.status(show.tape.seq + 1)
        gone = StatusEvent(last.session_id, last.seq, "DELETED", last.speed, show.tape.bar, last.now)
        show.tell([gone])
        self._close(show)

    # What happens.

    def _hear(self, show: Show, entries: Sequence[Entry]) -> None:
        show.heard = max(show.heard, entries[-1].seq)
        for entry in entries:
            if entry.seq <= show.seq or show.over:
                continue
            if entry.type == DELETED:
                self._deleted(show)
                return
            if show.behind:
                return  # a reload is on its way, and reads this too
            if show.lock.locked() or not self._follows(show.tape, entry):
                show.behind = True
                self._spawn(show, self._reload(show))
                return
            show.seq = entry.seq
            show.tell(show.tape.enter(entry))
        self._tick(show)

    def _follows(self, tape: Tape, entry: Entry) -> bool:
        """Whether the tape can go on with ``entry``: not where time went back, and not where it has told too much.

        A fill whose rows it does not know yet, it has to look up.
        """
        if entry.type in (SOUGHT, FORKED) or entry.data["bar"] < tape.bar:
            return False
        if entry.type == CHANGED and entry.data["anchor"]["last_bar"] != tape.session.anchor.last_bar:
            return False
        if entry.data["bar"] - tape.bar > MOST_AT_ONCE:
            return False
        return tape.next_fill is None or tape.next_fill > entry.data["bar"]

    def _tick(self, show: Show) -> None:
        """Tells what is complete by now, and says when there will be more."""
        if show.over or show.lock.locked():
            return
        if show.user_id in self._underway:
            asyncio.get_running_loop().call_later(UNDER_WAY, self._tick, show)
            return
        tape = show.tape
        bar = playback.position_at(tape.session.anchor, self._clock.now())
        if show.behind or bar - tape.bar > MOST_AT_ONCE:
            self._spawn(show, self._reload(show))
            return
        upcoming = tape.next_fill
        if upcoming is not None and upcoming <= bar:
            show.tell(tape.through(upcoming - 1))
            self._spawn(show, self._fill(show))
            return
        show.tell(tape.through(bar))
        self._plan(show)

    async def _fill(self, show: Show) -> None:
        """Something happened to the account: its rows are written first, since they have the names of things."""
        async with show.lock:
            tape, upcoming = show.tape, show.tape.next_fill
            if upcoming is not None and not show.behind:
                await self._storage.write(service.sync, self._market, show.session_id, clock=self._clock)
                written = await self._storage.read(store.get_session, show.session_id)
                tape.ids |= await self._storage.read(store.position_ids, show.session_id)
                if written is None or written.synced < upcoming:
                    show.behind = True  # it ended before that bar, or time went back
                if not show.behind:
                    show.tell(tape.through(upcoming))
        if show.behind:
            await self._reload(show)
        else:
            self._tick(show)

    async def _reload(self, show: Show) -> None:
        """From the database: what the watchers missed is told, or that they have to look again."""
        async with show.lock:
            again = True
            while again:
                show.behind = True  # until it is not: whatever fails is tried again
                await self._write_due(show.session_id)
                try:
                    loaded = await self._storage.read(
                        load_missed, self._market, show.session_id, after=show.tape.seq, now=self._clock.now(),
                        here=True,
                    )  # fmt: skip
                except SessionNotFoundError:
                    self._deleted(show)
                    return
                again, show.behind = show.heard > loaded.seq, False
                show.tape, show.seq = loaded.tape, loaded.seq
                if loaded.missed is None:
                    look = framed(Afresh(show.session_id, show.tape.seq))
                    for seat in tuple(show.seats.values()):
                        seat.begin_afresh(look, seq=show.tape.seq)
                else:
                    show.tell(loaded.missed)
        self._tick(show)

    async def _write_due(self, session_id: int) -> None:
        if await self._storage.read(store.due, self._clock.now(), session_id=session_id):
            await self._storage.write(service.sync, self._market, session_id, clock=self._clock)

    # One ticker.

    def _plan(self, show: Show) -> None:
        anchor, bar = show.tape.session.anchor, show.tape.bar
        show.turn += 1
        due = playback.time_of(anchor, bar + 1) if bar < anchor.last_bar else None
        if due is None:
            return
        at = to_millis(due)
        heapq.heappush(self._turns, (at, show.session_id, show.turn))
        if self._turns[0][0] == at:
            self._woken.set()

    async def run(self) -> None:
        while True:
            seconds = self._run_due()
            self._woken.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._woken.wait()

    def _run_due(self) -> float:
        """Ticks what is due; the seconds until more is."""
        now = to_millis(self._clock.now())
        while self._turns and self._turns[0][0] <= now:
            _, session_id, turn = heapq.heappop(self._turns)
            show = self._shows.get(session_id)
            if show is not None and show.turn == turn:
                self._tick(show)
        if not self._turns:
            return IDLE
        return min(max((self._turns[0][0] - to_millis(self._clock.now())) / 1000, 0.0), IDLE)

    def _spawn(self, show: Show, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(partial(self._done, show))

    def _done(self, show: Show, task: asyncio.Task[None]) -> None:
        """The database may not answer for a while: then it is tried again."""
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("trading_stream_failed", session=show.session_id, exc_info=error)
            asyncio.get_running_loop().call_later(AGAIN, self._tick, show)
