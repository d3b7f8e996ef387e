"""``make revision``: writes a migration for what the declared tables have and the schema has not."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from stoa import server
from stoa.platform import migrate
from stoa.platform.storage import sqlite_engine


def main(message: str) -> None:
    with TemporaryDirectory() as folder:
        engine = sqlite_engine(f"sqlite:///{Path(folder) / 'stoa.db'}")
        if migrate.has_history():
            migrate.upgrade(engine)
        migrate.revise(engine, server.TABLES, message)
        engine.dispose()


if __name__ == "__main__":
    main(sys.argv[1])
