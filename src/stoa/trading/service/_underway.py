"""Whose commands are being carried out in this process right now: their sessions' bars are told when they are through.

A command is at the bar that was complete when it was held. What is told of the next bar before the command is known to
be stored would be told without it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager


class Underway:
    def __init__(self) -> None:
        self._users = Counter[int]()

    @contextmanager
    def by(self, user_id: int) -> Generator[None]:
        self._users[user_id] += 1
        try:
            yield
        finally:
            self._users[user_id] -= 1
            if not self._users[user_id]:
                del self._users[user_id]

    def __contains__(self, user_id: int) -> bool:
        return user_id in self._users
