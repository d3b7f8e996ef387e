"""A PostgreSQL database that is there for one run and gone afterwards."""

import secrets
from contextlib import contextmanager

from sqlalchemy import create_engine, text

SERVER = "postgresql+psycopg://root@127.0.0.1:5432"


@contextmanager
def new_database(service_or_skip, prefix):
    """The address of an empty database. Skips, or fails where services are required, without a server."""
    name = f"stoa_{prefix}_{secrets.token_hex(6)}"
    admin = create_engine(f"{SERVER}/test", isolation_level="AUTOCOMMIT", connect_args={"connect_timeout": 3})

    def create():
        with admin.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))

    service_or_skip("PostgreSQL", create)
    try:
        yield f"{SERVER}/{name}"
    finally:
        with admin.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        admin.dispose()
