"""Missions that were stored before their documents were compressed are the same afterwards, and back again."""

import json

import pytest
from alembic import command
from sqlalchemy import text
from tests.support.postgres import new_database

from stoa.missions.store import mission_in
from stoa.platform import migrate
from stoa.platform.storage import postgres_engine, sqlite_engine

BEFORE, AFTER = "0005", "0006"
DOCUMENT = {
    "_id": "m1", "name": "Nîght ‘Watch’", "seed": "s", "structure": {}, "prototypes": [], "forces": [], "files": [],
    "versionNumber": 1, "resourceLabel": "Fuel", "createdAt": None, "updatedAt": None, "launchedAt": None,
    "createdBy": None, "createdByUsername": None, "deleted": False,
}  # fmt: skip
MISSION = (
    "INSERT INTO missions_missions (id, document, name, seed, version_number, resource_label, created_at, updated_at,"
    " created_by, created_by_username) VALUES (:key, :document, 'n', 's', 1, 'r', 1, 2, 'u', 'u')"
)
SESSION = "INSERT INTO missions_session_missions (session_id, document) VALUES (:key, :document)"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def engine(request, tmp_path):
    if request.param == "sqlite":
        opened = sqlite_engine(f"sqlite:///{tmp_path}/stoa.db")
        yield opened
        opened.dispose()
        return
    with new_database(request.getfixturevalue("service_or_skip"), "packed") as url:
        opened = postgres_engine(url, connections=1)
        yield opened
        opened.dispose()


def move(engine, revision):
    with engine.begin() as connection:
        way = command.upgrade if revision == AFTER else command.downgrade
        way(migrate._config(connection), revision)


def test_documents_are_the_same_after_they_were_packed(engine):
    written = json.dumps(DOCUMENT, ensure_ascii=False)
    move(engine, AFTER)
    move(engine, BEFORE)
    with engine.begin() as connection:
        for statement in (MISSION, SESSION):
            connection.execute(text(statement), [{"key": f"k{n}", "document": written} for n in range(3)])
    move(engine, AFTER)
    with engine.begin() as connection:
        for table in ("missions_missions", "missions_session_missions"):
            packed = connection.execute(text(f"SELECT document FROM {table}")).scalars().all()
            assert [mission_in(bytes(one)).name for one in packed] == [DOCUMENT["name"]] * 3
    move(engine, BEFORE)
    with engine.begin() as connection:
        for table in ("missions_missions", "missions_session_missions"):
            assert set(connection.execute(text(f"SELECT document FROM {table}")).scalars()) == {written}
