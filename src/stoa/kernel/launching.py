"""Where one kind asks another to begin something, without knowing it.

``server.py`` fills the registry with what each kind can launch; a kind that launches others only knows this page.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from stoa.kernel.actor import Actor
from stoa.kernel.errors import InvalidError

Launcher = Callable[[Any, Actor, Mapping[str, Any]], str]
"""(connection, on whose behalf, configuration) → the new session's id, all in the caller's transaction."""


@dataclass(slots=True)
class Launchers:
    by_kind: dict[str, Launcher] = field(default_factory=dict)

    def get(self, kind: str) -> Launcher:
        try:
            return self.by_kind[kind]
        except KeyError:
            known = ", ".join(sorted(self.by_kind)) or "none yet"
            raise InvalidError.field(
                "launches.kind", f"nothing here launches {kind!r} (known: {known})."
            ) from None
