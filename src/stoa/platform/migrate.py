"""The schema, by Alembic: at start on SQLite, by ``stoa migrate`` on PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, MetaData

from stoa.kernel.errors import UnavailableError
from stoa.platform.storage import lock


class SchemaError(UnavailableError):
    """The database's schema is not the one that this version of Stoa works on."""

    code = "schema"


def upgrade(engine: Engine) -> None:
    """Brings the schema up to date. Two servers that start at once take turns."""
    with engine.begin() as connection:
        lock(connection, "stoa:migrate")
        command.upgrade(_config(connection), "head")


def current(engine: Engine) -> str | None:
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def newest() -> str:
    head = ScriptDirectory.from_config(_config(None)).get_current_head()
    assert head is not None
    return head


def has_history() -> bool:
    return ScriptDirectory.from_config(_config(None)).get_current_head() is not None


def require_current(engine: Engine) -> None:
    """Raises SchemaError, with what to do, unless the schema is the newest."""
    found = current(engine)
    if found == newest():
        return
    known = {script.revision for script in ScriptDirectory.from_config(_config(None)).walk_revisions()}
    if found is not None and found not in known:
        raise SchemaError(
            f"The database's schema ({found}) is newer than this Stoa. Install the newer version."
        )
    state = "has no schema yet" if found is None else f"has an old schema ({found}, needed: {newest()})"
    raise SchemaError(f"The database {state}. Run `stoa migrate` with the same --database, then start again.")


def differences(engine: Engine, tables: Sequence[MetaData]) -> list[Any]:
    """How the database differs from the declared tables: nothing, after an upgrade."""
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, merged(tables)))


def revise(engine: Engine, tables: Sequence[MetaData], message: str) -> None:
    """Writes a new migration from what the declared tables have and the database has not (``make revision``)."""
    with engine.begin() as connection:
        config = _config(connection)
        config.attributes["metadata"] = merged(tables)
        command.revision(config, message, autogenerate=True, rev_id=_next_id())


def _next_id() -> str:
    count = len(list(ScriptDirectory.from_config(_config(None)).walk_revisions()))
    return f"{count + 1:04}"


def merged(tables: Sequence[MetaData]) -> MetaData:
    whole = MetaData()
    for part in tables:
        for table in part.sorted_tables:
            table.to_metadata(whole)
    return whole


def _config(connection: Connection | None) -> Config:
    config = Config()
    config.set_main_option("script_location", "stoa:migrations")
    config.attributes["connection"] = connection
    return config
