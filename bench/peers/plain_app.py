"""The peer of the keepalives: FastAPI and SQLAlchemy asyncio on SQLite, one commit a request.

It does less than Stoa: one row a login, no counters, no roll-ups. The database is as durable: write-ahead log,
``synchronous=FULL``. ``python -m bench.peers.plain_app PORT FOLDER CONNECTIONS``.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated, Any

import jwt
import uvicorn
from fastapi import Depends, FastAPI, Header, HTTPException, Request
from pydantic import BaseModel
from sqlalchemy import BigInteger, String, event, select, update
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

SECRET = "0123456789abcdef0123456789abcdef"
ALGORITHM = "HS256"


class Base(DeclarativeBase):
    pass


class Activity(Base):
    __tablename__ = "activity"
    login: Mapped[str] = mapped_column(String(64), primary_key=True)
    last_ping_ms: Mapped[int] = mapped_column(BigInteger)
    visible_ms: Mapped[int] = mapped_column(BigInteger)
    path: Mapped[str] = mapped_column(String(255))


class Keepalive(BaseModel):
    visible: bool
    path: list[str] | str


class Kept(BaseModel):
    description: str
    time: int
    visible: bool
    paths: list[str] | str


def token_for(login: str) -> str:
    return jwt.encode({"sub": login, "exp": 4_000_000_000}, SECRET, ALGORITHM)


def login_of(authorization: Annotated[str, Header()]) -> str:
    try:
        claims = jwt.decode(authorization.removeprefix("Bearer "), SECRET, algorithms=[ALGORITHM])
    except jwt.PyJWTError as error:
        raise HTTPException(401, "The token is not valid.") from error
    return str(claims["sub"])


async def session_of(request: Request) -> AsyncGenerator[AsyncSession]:
    async with request.app.state.sessions() as session:
        yield session


def create_app(url: str, logins: list[str], *, connections: int) -> FastAPI:
    engine = create_async_engine(url, pool_size=connections, max_overflow=0, connect_args={"timeout": 60})
    sessions = async_sessionmaker(engine, expire_on_commit=False)

    @event.listens_for(engine.sync_engine, "connect")
    def _configure(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=wal")
        cursor.execute("PRAGMA synchronous=full")
        cursor.close()

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncGenerator[None]:
        async with engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        async with sessions() as session:
            session.add_all(Activity(login=login, last_ping_ms=0, visible_ms=0, path="") for login in logins)
            await session.commit()
        yield
        await engine.dispose()

    app = FastAPI(lifespan=lifespan)
    app.state.sessions = sessions

    @app.get("/health/live")
    async def live() -> dict[str, str]:
        return {"status": "ok"}

    @app.post("/api/v2/keepalive")
    async def keepalive(
        data: Keepalive,
        login: Annotated[str, Depends(login_of)],
        session: Annotated[AsyncSession, Depends(session_of)],
    ) -> Kept:
        now_ms = int(datetime.now(UTC).timestamp() * 1000)
        found = await session.execute(select(Activity).where(Activity.login == login))
        row = found.scalar_one_or_none()
        if row is None:
            raise HTTPException(400, "There is no session.")
        added = now_ms - row.last_ping_ms if data.visible else 0
        await session.execute(
            update(Activity)
            .where(Activity.login == login)
            .values(last_ping_ms=now_ms, visible_ms=Activity.visible_ms + added, path=str(data.path))
        )
        await session.commit()
        return Kept(
            description="Session keepalive", time=now_ms // 1000, visible=data.visible, paths=data.path
        )

    return app


def main() -> None:
    port, folder, connections, logins = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    app = create_app(
        f"sqlite+aiosqlite:///{folder}/peer.db",
        [f"login-{number}" for number in range(logins)],
        connections=connections,
    )
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=port,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
    )


if __name__ == "__main__":
    main()
