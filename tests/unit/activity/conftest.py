"""A connection to each database, with activity's tables in it and a transaction that is never kept."""

import os

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from stoa.activity import store

POSTGRES = "postgresql+psycopg://root@127.0.0.1:5432/test"


@pytest.fixture(scope="session")
def sqlite_engine(tmp_path_factory):
    engine = create_engine(f"sqlite:///{tmp_path_factory.mktemp('activity')}/stoa.db")
    store.metadata.create_all(engine)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def postgres_engine():
    schema = f"activity_tests_{os.getpid()}"
    owner = create_engine(POSTGRES, connect_args={"connect_timeout": 3})
    try:
        with owner.begin() as connection:
            connection.execute(text(f"CREATE SCHEMA {schema}"))
    except OperationalError:
        pytest.skip("no PostgreSQL")
    engine = create_engine(POSTGRES, connect_args={"options": f"-csearch_path={schema}"})
    store.metadata.create_all(engine)
    yield engine
    engine.dispose()
    with owner.begin() as connection:
        connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
    owner.dispose()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def engine(request):
    return request.getfixturevalue(f"{request.param}_engine")


@pytest.fixture
def connection(engine):
    with engine.connect() as connection:
        yield connection
        connection.rollback()
