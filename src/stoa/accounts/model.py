"""Users, their logins, keys and permissions. Frozen values; times are aware UTC."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from stoa.kernel.actor import AccessLevel

SYSTEM_ID = "0" * 24
ADMIN_ID = "0" * 23 + "1"
SYSTEM_NUMBER = 0
SYSTEM_USERNAME = "system"
ADMIN_USERNAME = "admin"

LOGIN_LIFETIME = timedelta(days=7)
"""A login that is not refreshed ends after this long; each refresh begins it anew."""
KEY_ROTATION = timedelta(days=30)
"""How old the newest signing key may become."""
KEY_GRACE = timedelta(hours=1)
"""How long an older key verifies beyond its last token's life, for a node that learned of the new one late."""

PERMISSIONS = (
    "missions_read",
    "missions_write",
    "environments_read",
    "users_read",
    "users_write",
    "users_read_students",
    "users_write_students",
    "files_read",
    "files_write",
    "sessions_read",
    "sessions_write",
    "sessions_write_native",
    "sessions_write_foreign",
    "sessions_join_participant",
    "sessions_join_manager",
    "sessions_join_manager_native",
    "sessions_join_observer",
    "changelog_read",
)

_STUDENT = frozenset({"sessions_join_participant", "sessions_read", "environments_read"})
_INSTRUCTOR = frozenset(
    {
        "sessions_join_manager_native",
        "sessions_join_observer",
        "sessions_read",
        "sessions_write_native",
        "missions_read",
        "environments_read",
        "users_read_students",
        "users_write_students",
        "files_read",
        "files_write",
        "changelog_read",
    }
)
_ADMIN = frozenset(
    {
        "sessions_join_manager",
        "sessions_read",
        "sessions_write",
        "missions_read",
        "missions_write",
        "environments_read",
        "users_read",
        "users_write",
        "files_read",
        "files_write",
        "changelog_read",
    }
)
LEVEL_PERMISSIONS: Mapping[AccessLevel, frozenset[str]] = MappingProxyType(
    {
        AccessLevel.REVOKED: frozenset(),
        AccessLevel.STUDENT: _STUDENT,
        AccessLevel.INSTRUCTOR: _INSTRUCTOR,
        AccessLevel.ADMIN: _ADMIN,
        AccessLevel.SYSTEM: _ADMIN,
    }
)


@dataclass(frozen=True, slots=True)
class User:
    """``number`` and ``id`` (24 hexadecimal digits) both name the user for good; a username can change."""

    number: int
    id: str
    username: str
    first_name: str
    last_name: str
    access: AccessLevel
    express_permissions: tuple[str, ...]
    needs_password_reset: bool
    created_at: datetime
    updated_at: datetime
    created_by: str
    created_by_username: str

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()

    @property
    def permissions(self) -> frozenset[str]:
        """What the access level gives and what was granted on top; a user whose access is revoked has none."""
        if self.access is AccessLevel.REVOKED:
            return frozenset()
        return LEVEL_PERMISSIONS[self.access].union(self.express_permissions)


@dataclass(frozen=True, slots=True)
class NewUser:
    username: str
    first_name: str
    last_name: str
    access: AccessLevel
    express_permissions: tuple[str, ...] = ()
    needs_password_reset: bool = False


@dataclass(frozen=True, slots=True)
class UserChange:
    """None leaves a field as it is."""

    username: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    access: AccessLevel | None = None
    express_permissions: tuple[str, ...] | None = None
    needs_password_reset: bool | None = None


class LoginKind(StrEnum):
    """``single`` logins are one an account at a time; ``independent`` ones know nothing of each other."""

    INDEPENDENT = "independent"
    SINGLE = "single"


@dataclass(frozen=True, slots=True)
class Login:
    """``refresh_id`` is the one refresh token that is good now."""

    id: str
    user_id: str
    kind: LoginKind
    refresh_id: str
    began_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class SignedIn:
    user: User
    login: Login


@dataclass(frozen=True, slots=True)
class ApiKey:
    """``hint`` is the secret's beginning, to tell keys apart; the secret itself is kept nowhere."""

    id: str
    user_id: str
    name: str
    hint: str
    created_at: datetime
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class SigningKey:
    """``retires_at`` is None for the newest, which signs; the others only verify, until then."""

    kid: str
    secret: str
    created_at: datetime
    retires_at: datetime | None


@dataclass(frozen=True, slots=True)
class AccessChanged:
    """What a user may do has changed, or some of the user's logins have ended (``login_ids``)."""

    user_id: str
    login_ids: tuple[str, ...] = ()


Listener = Callable[[AccessChanged], None]


def tell_nobody(_changed: AccessChanged) -> None:
    """The listener of a process that serves nobody: the command line, a test."""
