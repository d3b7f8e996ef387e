"""A lifecycle is a table: (state, action) → state. What is not in it can't happen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from stoa.kernel.errors import ConflictError

State = TypeVar("State", bound=StrEnum)
Action = TypeVar("Action", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Lifecycle(Generic[State, Action]):
    table: Mapping[tuple[State, Action], State]

    def after(self, state: State, action: Action) -> State:
        """The state that ``action`` leads to. Raises ConflictError where the table has no row."""
        try:
            return self.table[state, action]
        except KeyError:
            raise ConflictError(f"It is {state}: {action} is not possible now.") from None

    def actions(self, state: State) -> tuple[Action, ...]:
        return tuple(action for (at, action) in self.table if at is state)
