"""Who is asking. The web's authenticator makes one; rules and services take it as an argument."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class AccessLevel(StrEnum):
    STUDENT = "student"
    INSTRUCTOR = "instructor"
    ADMIN = "admin"
    SYSTEM = "system"
    REVOKED = "revokedAccess"


@dataclass(frozen=True, slots=True)
class Actor:
    """``number`` and ``id`` are the same user's two names; ``login_at`` is when this login began."""

    number: int
    id: str
    username: str
    name: str
    access: AccessLevel
    permissions: frozenset[str]
    login_id: str
    login_at: datetime

    @property
    def is_admin(self) -> bool:
        return self.access in (AccessLevel.ADMIN, AccessLevel.SYSTEM)

    @property
    def teaches(self) -> bool:
        """Instructors and admins: those who may set things up for others."""
        return self.is_admin or self.access is AccessLevel.INSTRUCTOR

    def may(self, permission: str) -> bool:
        """A permission is held if any leading run of its pieces is: ``users_read`` gives ``users_read_students``."""
        pieces = permission.split("_")
        return any("_".join(pieces[: end + 1]) in self.permissions for end in range(len(pieces)))


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a request brought to prove who asks: exactly one is set."""

    bearer: str | None = None
    cookie: str | None = None
    api_key: str | None = None


class Authenticator(Protocol):
    async def authenticate(self, credentials: Credentials) -> Actor:
        """Raises UnauthenticatedError where the proof is no good, with the reason."""
        ...
