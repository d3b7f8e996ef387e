"""What was made is kept for the next who asks, up to a number of bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future

from stoa.trading.candles import Bars


class BarsCache:
    """Bars by key, those that were asked for longest ago go first. What many threads ask for at once is made once."""

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self.bytes = 0
        self._kept: OrderedDict[Hashable, Bars] = OrderedDict()
        self._making: dict[Hashable, Future[Bars]] = {}
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], Bars]) -> Bars:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            others = self._making.get(key)
            if others is None:
                mine = self._making[key] = Future[Bars]()
        if others is not None:
            return others.result()
        try:
            made = make()
        except BaseException as error:
            with self._lock:
                del self._making[key]
            mine.set_exception(error)
            raise
        with self._lock:
            del self._making[key]
            self._keep(key, made)
        mine.set_result(made)
        return made

    def find(self, key: Hashable) -> Bars | None:
        with self._lock:
            return self._kept.get(key)

    def _keep(self, key: Hashable, made: Bars) -> None:
        self._kept[key] = made
        self.bytes += size_of(made)
        while self.bytes > self.most_bytes and len(self._kept) > 1:
            _, gone = self._kept.popitem(last=False)
            self.bytes -= size_of(gone)


def size_of(bars: Bars) -> int:
    return 6 * 8 * len(bars)
