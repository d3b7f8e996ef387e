"""Series that end now: what a strategy sees of prices and indicators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from stoa.trading.metrics import Floats

Rule = Callable[..., Any]


class LookAheadError(Exception):
    """An indicator's past would have been another one, had its future been."""


class Now:
    """How many bars are complete. One is shared by all lines of a run."""

    __slots__ = ("end",)

    def __init__(self) -> None:
        self.end = 0


class Line:
    """Values up to now, the last at ``[-1]``: a float for a place, a NumPy view for a slice or ``values``.

    What is still to come is in no array that can be reached from here: values are copied into ``values`` as they become
    known. Places that don't exist yet raise IndexError.
    """

    __slots__ = ("_filled", "_known", "_now", "_numbers", "_source")

    def __init__(self, now: Now, source: NDArray[Any]) -> None:
        self._now = now
        self._source = source
        self._numbers: list[float] | None = None
        self._known: NDArray[Any] | None = None
        self._filled = 0

    @overload
    def __getitem__(self, place: int) -> float: ...
    @overload
    def __getitem__(self, place: slice) -> NDArray[Any]: ...
    def __getitem__(self, place: int | slice) -> float | NDArray[Any]:
        if not isinstance(place, int):
            return self.values[place]
        end = self._now.end
        at = place + end if place < 0 else place
        if not 0 <= at < end:
            raise IndexError(f"There are {end} values so far.")
        if self._numbers is None:
            self._numbers = self._source.tolist()
        return self._numbers[at]

    def __len__(self) -> int:
        return self._now.end

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self.values, dtype=dtype, copy=copy)

    @property
    def values(self) -> NDArray[Any]:
        """All values up to now."""
        end = self._now.end
        if self._known is None:
            self._known = np.zeros(len(self._source), self._source.dtype)
        if self._filled < end:
            self._known[self._filled : end] = self._source[self._filled : end]
            self._filled = end
        return self._known[:end]


_CUTS = (0.25, 0.5, 0.75)
_NOISE = 1e-9
"""Relative: what another order of additions may do."""


def checked(rule: Rule, columns: tuple[NDArray[Any], ...], args: tuple[Any, ...]) -> Floats:
    """``rule`` over whole columns, once it gave the same past for columns that end earlier. Raises LookAheadError."""
    whole = _applied(rule, columns, args)
    for cut in _CUTS:
        end = int(len(whole) * cut)
        past = _applied(rule, tuple(each[:end] for each in columns), args) if end else whole[:0]
        if not np.allclose(past, whole[:end], rtol=_NOISE, atol=0, equal_nan=True):
            name = getattr(rule, "__name__", "The indicator")
            raise LookAheadError(f"{name} gives another past when the future is cut off: it looks ahead.")
    return whole


def _applied(rule: Rule, columns: tuple[NDArray[Any], ...], args: tuple[Any, ...]) -> Floats:
    found = np.asarray(rule(*columns, *args), np.float64)
    if found.shape != columns[0].shape:
        raise ValueError("An indicator gives one number a bar.")
    return found
