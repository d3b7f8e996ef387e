"""The one source of identifiers, secrets and chance."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from typing import Protocol


class Ids(Protocol):
    def object_id(self) -> str:
        """24 lower-case hexadecimal digits."""
        ...

    def uuid(self) -> str:
        """A version 4 UUID in its usual text form."""
        ...

    def secret(self) -> str:
        """43 URL-safe characters that carry 256 bits nobody can guess."""
        ...


class SystemIds:
    def object_id(self) -> str:
        return secrets.token_hex(12)

    def uuid(self) -> str:
        return str(uuid.uuid4())

    def secret(self) -> str:
        return secrets.token_urlsafe(32)


class SeededIds:
    """The same identifiers in the same order for one seed: for tests and simulations."""

    def __init__(self, seed: str = "stoa") -> None:
        self._seed = seed
        self._count = 0

    def _next(self) -> bytes:
        self._count += 1
        return hashlib.sha256(f"{self._seed}/{self._count}".encode()).digest()

    def object_id(self) -> str:
        return self._next().hex()[:24]

    def uuid(self) -> str:
        return str(uuid.UUID(bytes=self._next()[:16], version=4))

    def secret(self) -> str:
        return self._next().hex()[:43]
