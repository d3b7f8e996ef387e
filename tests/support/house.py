"""People, and how they come into an empty database."""

from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import make_url, text

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
    if url.startswith("sqlite"):
        Path(make_url(url).database).write_bytes(_empty_file())
        engine = sqlite_engine(url)
    else:
        engine = postgres_engine(url, connections=1)
        with engine.begin() as connection:
            _clear(connection)
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


@cache
def _empty_file():
    """A SQLite database with the current schema, as bytes: made once, since making it takes longer than most tests."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "stoa.db"
        engine = sqlite_engine(f"sqlite:///{file}")
        upgrade(engine)
        engine.dispose()  # the last connection writes all of it into the one file
        return file.read_bytes()


def _clear(connection):
    """As TRUNCATE of all tables would leave it, which takes a second."""
    names = connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).scalars()
    tables = [name for name in names if name != "alembic_version"]
    filled = " UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT FROM {name})" for name in tables)
    connection.execute(text("SET LOCAL session_replication_role = replica"))  # whatever refers to whatever
    for name in connection.execute(text(filled)).scalars().all():
        connection.execute(text(f"DELETE FROM {name}"))
    connection.execute(
        text("SELECT setval(sequencename::regclass, 1, false) FROM pg_sequences WHERE last_value IS NOT NULL")
    )
