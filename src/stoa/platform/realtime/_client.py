"""Who is connected, and what a kind does with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from stoa.platform.realtime._frames import Frame
from stoa.platform.realtime._outbox import Outbox

if TYPE_CHECKING:
    from stoa.kernel.actor import Actor
    from stoa.kernel.errors import StoaError


class Client:
    """One connection to one namespace. ``state`` is the namespace's own.

    ``actor`` is None where nobody is signed in, and ``refusal`` then says why; it is a new one when the user's rights
    change. ``headers`` are the handshake's, in
    lower case; ``auth`` is what the client sent with its connect packet.
    """

    __slots__ = (
        "_close", "_missed", "_outbox", "actor", "auth", "closed", "headers", "id", "namespace", "refusal", "seated", "state",
    )  # fmt: skip

    def __init__(
        self, client_id: str, namespace: Namespace, outbox: Outbox, *, headers: Mapping[str, str], auth: Any,
        close: Callable[[Client], None],
    ) -> None:  # fmt: skip
        self.id = client_id
        self.namespace = namespace
        self.headers = headers
        self.auth = auth
        self.actor: Actor | None = None
        self.refusal: StoaError | None = None
        self.state: Any = None
        self.closed = False
        self.seated = False
        self._outbox = outbox
        self._missed = False
        self._close = close

    def send(self, frame: Frame, *, whole: bool = False) -> bool:
        """Never waits. False where the client does not keep up: it gets nothing until ``Namespace.has_room``.

        A ``whole`` picture of things is sent whatever its size. What is said after ``close`` goes nowhere.
        """
        if self.closed or self._outbox.push(frame, whole=whole):
            return True
        self._missed = True
        return False

    def ping(self) -> int:
        """Asks whether whoever is at the other end lives, and never waits: how many such went unanswered since the last
        word of theirs. By long polling, and under another server, nobody can be asked: 0.
        """
        return 0 if self.closed else self._outbox.ping()

    def close(self) -> None:
        """What was sent before still goes."""
        if not self.closed:
            self.closed = True
            self._close(self)

    def tell_of_room(self) -> None:
        if self._missed and not self.closed:
            self._missed = False
            self.namespace.has_room(self)


class Namespace:
    """What a kind does in one Socket.IO namespace. All of it runs on the event loop, and must not block it."""

    name = "/"

    async def run(self) -> None:
        """Runs as long as the server does: tickers and the like."""

    async def connected(self, client: Client) -> None:
        """Somebody came, signed in or not. To refuse, say so and ``client.close()``."""

    async def received(self, client: Client, event: str, *args: Any) -> Any:
        """An event; those of one client come one after another. What is answered acknowledges it."""

    async def oversized(self, client: Client, length: int) -> None:
        """A message of ``length`` characters came, which is more than is read."""

    async def disconnected(self, client: Client) -> None:
        """The connection is gone."""

    def has_room(self, client: Client) -> None:
        """The client missed something, and can take things again: tell it to take a fresh picture, or to resume."""

    def logged_out(self, client: Client) -> None:
        """The client's login has ended; it is closed next."""

    def taken_over(self, client: Client) -> None:
        """Another connection has the client's seat now: say so and close it."""
