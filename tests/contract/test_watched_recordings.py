"""The migration that has the recordings of before made into files."""

import json

import pytest
from alembic import command
from sqlalchemy import text
from tests.support.postgres import new_database

from stoa import server
from stoa.platform import migrate
from stoa.platform.storage import postgres_engine, sqlite_engine

ROW = (
    "INSERT INTO live_recordings (id, session_id, recording_id, s3_key, duration, status, started_at, stopped_at, created_at,"
    " updated_at) VALUES (:id, 's', :id, :key, 60, :status, 0, :stopped, 0, 0)"
)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def engine(request, tmp_path):
    if request.param == "sqlite":
        engine = sqlite_engine(f"sqlite:///{tmp_path}/stoa.db")
        yield engine
        engine.dispose()
    else:
        with new_database(request.getfixturevalue("service_or_skip"), "watched") as url:
            engine = postgres_engine(url, connections=1)
            yield engine
            engine.dispose()


def test_what_was_recorded_before_gets_its_file(engine):
    with engine.begin() as connection:
        command.upgrade(migrate._config(connection), "0007")
        for name, key, status, stopped in (
            ("tracks", None, "completed", 60_000), ("failed", None, "failed", 60_000), ("runs", None, "processing", None),
            ("elsewhere", "their/key", "completed", 60_000),
        ):  # fmt: skip
            connection.execute(text(ROW), {"id": name, "key": key, "status": status, "stopped": stopped})
    migrate.upgrade(engine)
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT id, status, progress FROM live_recordings ORDER BY id")).all()
        due = connection.execute(text("SELECT kind, subject, payload FROM timers")).all()
    assert [tuple(row) for row in rows] == [
        ("elsewhere", "completed", None), ("failed", "failed", None), ("runs", "processing", None), ("tracks", "processing", 0.0),
    ]  # fmt: skip
    assert [(kind, subject) for kind, subject, _ in due] == [("live.compose", "tracks")]
    payload = due[0].payload
    assert (json.loads(payload) if isinstance(payload, str) else payload) == {}
    assert not [
        each for each in migrate.differences(engine, server.TABLES) if "live_recordings" in repr(each)
    ]
