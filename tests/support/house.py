"""People, and how they come into an empty database."""

from datetime import UTC, datetime

from sqlalchemy import text

from stoa.accounts import service as people
from stoa.accounts.model import NewUser
from stoa.kernel.actor import AccessLevel
from stoa.kernel.ids import SeededIds
from stoa.platform.migrate import upgrade
from stoa.platform.storage import postgres_engine, sqlite_engine

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
PEOPLE = {
    "ines.teacher": AccessLevel.INSTRUCTOR,
    "tom.teacher": AccessLevel.INSTRUCTOR,
    "lea.student": AccessLevel.STUDENT,
    "ada.admin": AccessLevel.ADMIN,
}


def fill(url):
    """People and their keys in an empty schema; ({username: key}, {username: id})."""
    engine = sqlite_engine(url) if url.startswith("sqlite") else postgres_engine(url, connections=1)
    if url.startswith("sqlite"):
        upgrade(engine)
    else:
        with engine.begin() as connection:
            names = connection.execute(
                text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            ).scalars()
            tables = ", ".join(name for name in names if name != "alembic_version")
            connection.execute(text(f"TRUNCATE {tables} RESTART IDENTITY"))
    ids, keys, numbers = SeededIds(), {}, {}
    with engine.begin() as connection:
        people.ensure_admin(connection, ids=ids, now=NOW, password_hash="none")
        for username, access in PEOPLE.items():
            new = NewUser(username, username.split(".")[0].title(), access.value.title(), access)
            user = people.add_user(connection, new, password_hash="none", ids=ids, now=NOW)
            _, keys[username] = people.issue_key(
                connection, user_id=user.id, name="test", expires_at=None, ids=ids, now=NOW
            )
            numbers[username] = user.id
    engine.dispose()
    return keys, numbers
