"""Demo people: two who teach and a class. Everybody knows their password, so they are for trying things out only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stoa.accounts import store
from stoa.accounts.model import NewUser
from stoa.accounts.passwords import Passwords
from stoa.accounts.service import add_user
from stoa.kernel.actor import AccessLevel

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from stoa.kernel.ids import Ids

PASSWORD = "stoa-demo"  # noqa: S105 - documented, and refused on an address that others can reach
_INSTRUCTOR, _STUDENT = AccessLevel.INSTRUCTOR, AccessLevel.STUDENT
PEOPLE = (
    NewUser("ines.moreau", "Inès", "Moreau", _INSTRUCTOR),
    NewUser("tom.baker", "Tom", "Baker", _INSTRUCTOR),
    NewUser("lea.petit", "Léa", "Petit", _STUDENT),
    NewUser("sam.young", "Sam", "Young", _STUDENT),
    NewUser("noor.haddad", "Noor", "Haddad", _STUDENT),
    NewUser("kofi.mensah", "Kofi", "Mensah", _STUDENT),
    NewUser("mei.tanaka", "Mei", "Tanaka", _STUDENT),
    NewUser("jonas.weber", "Jonas", "Weber", _STUDENT),
    NewUser("ana.silva", "Ana", "Silva", _STUDENT),
    NewUser("ravi.patel", "Ravi", "Patel", _STUDENT),
)


def seed(
    connection: Connection, *, ids: Ids, now: datetime, passwords: Passwords | None = None
) -> list[tuple[str, str]]:
    """Adds who is not there yet and answers every demo sign-in as (username, password).

    Hashes once for all, in the caller's thread: for a start, not for a server that runs.
    """
    missing = [new for new in PEOPLE if store.find_user(connection, new.username) is None]
    if missing:
        password_hash = (passwords or Passwords()).hash(PASSWORD)
        for new in missing:
            add_user(connection, new, password_hash=password_hash, ids=ids, now=now)
    return [(new.username, PASSWORD) for new in PEOPLE]
