"""A connection to each database, with activity's tables in it and a transaction that is never kept."""

import pytest
from sqlalchemy import create_engine
from tests.support.postgres import new_database

from stoa.activity import store


@pytest.fixture(scope="session")
def sqlite_engine(tmp_path_factory):
    engine = create_engine(f"sqlite:///{tmp_path_factory.mktemp('activity')}/stoa.db")
    store.metadata.create_all(engine)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def postgres_engine(service_or_skip):
    with new_database(service_or_skip, "activity") as url:
        engine = create_engine(url)
        store.metadata.create_all(engine)
        yield engine
        engine.dispose()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def engine(request):
    return request.getfixturevalue(f"{request.param}_engine")


@pytest.fixture
def connection(engine):
    with engine.connect() as connection:
        yield connection
        connection.rollback()
