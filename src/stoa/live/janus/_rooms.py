"""A room of Janus as one node of Stoa follows it: its own people, and what anybody sends there."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from stoa.live.janus._describing import KINDS
from stoa.live.janus._server import Message, Server
from stoa.live.media import messages as m


def new_feed(user: str) -> str:
    """A name for somebody at Janus, who may be there twice for a moment: when their page was loaded again."""
    return f"{user}.{secrets.token_hex(4)}"


def user_of(feed: str) -> str:
    return feed.rpartition(".")[0]


@dataclass(slots=True)
class Publication:
    """A section that somebody sends. ``told`` is the state that the room was told last."""

    feed: str
    mid: str
    source: str
    moderated: bool = False
    receiving: bool = True
    told: str = ""

    @property
    def id(self) -> str:
        return f"{self.feed}:{self.mid}"

    @property
    def user(self) -> str:
        return user_of(self.feed)

    @property
    def state(self) -> str:
        return "on" if self.receiving and not self.moderated else "off"


@dataclass(slots=True, eq=False)
class Person:
    """Somebody whose browser signals to this node: a handle that takes what they send, and one that sends to them.

    ``streams`` tells by the sections of their receiving connection whose (feed, mid) each shows; ``heights`` are their
    tiles'; ``flowing`` are the sections from which something comes.
    """

    user: str
    room: str
    server: Server
    mic: bool
    camera: bool
    feed: str
    sender: int = 0
    receiver: int = 0
    identity: tuple[tuple[str, str], ...] = ()
    sources: dict[str, str] = field(default_factory=dict)
    is_sending: bool = False
    muted: set[str] = field(default_factory=set)
    offered: m.Offered | None = None
    answered: int = 0
    streams: dict[str, tuple[str, str]] = field(default_factory=dict)
    refused: set[tuple[str, str]] = field(default_factory=set)
    heights: dict[str, int] = field(default_factory=dict)
    flowing: set[str] = field(default_factory=set)
    quality: str = "good"
    is_in: bool = False
    is_settling: bool = False
    timers: dict[str, asyncio.TimerHandle] = field(default_factory=dict)
    negotiating: asyncio.Lock = field(default_factory=asyncio.Lock)

    def may_send(self, source: str) -> bool:
        allowed = self.mic if KINDS[source] == "audio" else self.camera
        return allowed and source not in self.muted

    def stop_timers(self) -> None:
        for timer in self.timers.values():
            timer.cancel()
        self.timers.clear()


@dataclass(slots=True, eq=False)
class Room:
    """``talking`` are the feeds that are loud, the last one last."""

    name: str
    people: dict[str, Person] = field(default_factory=dict)
    publications: dict[str, Publication] = field(default_factory=dict)
    talking: list[str] = field(default_factory=list)
    speaker: str | None = None
    recording: str | None = None

    def of_feed(self, feed: str) -> list[Publication]:
        return [each for each in self.publications.values() if each.feed == feed]

    def of_user(self, user: str) -> list[Publication]:
        return [each for each in self.publications.values() if each.user == user]

    def learn(self, feed: str, streams: Iterable[Message]) -> Iterator[Publication]:
        """All that a feed sends now. Those that changed come out, and are forgotten if they are ``gone``.

        Whether something comes is known only of this node's own people.
        """
        own = next((person for person in self.people.values() if person.feed == feed), None)
        sent = {
            str(each["mid"]): each
            for each in streams
            if not each.get("disabled") and each.get("description") in KINDS
        }
        for known in self.of_feed(feed):
            if known.mid not in sent:
                yield from self.forget([known])
        for mid, each in sent.items():
            comes = own is None or mid in own.flowing
            found = Publication(feed, mid, each["description"], bool(each.get("moderated")), comes)
            before = self.publications.get(found.id)
            if before is None or before.source != found.source:
                self.publications[found.id] = found
                yield from self.changed(found)

    def forget(self, publications: Iterable[Publication]) -> Iterator[Publication]:
        for each in publications:
            del self.publications[each.id]
            each.told = "gone"
            yield each

    def changed(self, publication: Publication) -> Iterator[Publication]:
        """What never was on is not told to be off."""
        if publication.state != (publication.told or "off"):
            publication.told = publication.state
            yield publication

    def heard(self, feed: str, *, talks: bool) -> bool:
        """Whether somebody else is the speaker now."""
        if feed in self.talking:
            self.talking.remove(feed)
        if talks:
            self.talking.append(feed)
        speaker = user_of(self.talking[-1]) if self.talking else None
        is_new, self.speaker = speaker != self.speaker, speaker
        return is_new
