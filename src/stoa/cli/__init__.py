"""The command line: ``stoa --help``."""

from __future__ import annotations

import errno
import os
import socket
import sys
from collections.abc import Callable
from datetime import timedelta
from ipaddress import ip_address
from typing import Annotated, Literal

import msgspec
import typer
import uvicorn
from rich.markup import escape
from rich.table import Table
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

import stoa.accounts.api
from stoa import __version__, server
from stoa.accounts import service as people
from stoa.accounts.model import ADMIN_ID, NewUser
from stoa.accounts.passwords import Passwords
from stoa.accounts.rules import check_password
from stoa.activity.api import alive_from_file
from stoa.cli._import import import_app
from stoa.cli._live import live_app
from stoa.cli._shared import DatabaseOption, DataOption, load_settings, open_engine, out, told
from stoa.kernel.actor import AccessLevel
from stoa.kernel.clock import SystemClock
from stoa.kernel.errors import StoaError
from stoa.kernel.ids import SystemIds
from stoa.platform import migrate, realtime
from stoa.platform.telemetry import configure_logging
from stoa.settings import Settings
from stoa.web import openapi
from stoa.web.start_page import Demo

app = typer.Typer(
    name="stoa", no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False,
    help="One self-hosted server for every kind of session a product runs.",
)  # fmt: skip
user_app = typer.Typer(no_args_is_help=True, help="People: add, list, set a password.")
app.add_typer(user_app, name="user")
app.add_typer(import_app, name="import")
app.add_typer(live_app, name="live")

Report = Callable[[str, str | None, str], None]
"""(what was looked at, what is wrong or None, what to do)"""

Kind = Literal["schedule", "activity", "missions", "trading", "live"]
Access = Literal["student", "instructor", "admin"]


@app.command()
def serve(
    host: Annotated[
        str | None, typer.Option(help="Address to listen on (STOA_HOST; default: 127.0.0.1).")
    ] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on (STOA_PORT; default: 8000).")] = None,
    data: DataOption = None,
    database: DatabaseOption = None,
    only: Annotated[Kind | None, typer.Option(help="Serve this kind alone, its paths at the root.")] = None,
    demo: Annotated[bool, typer.Option("--demo", help="With demo people, sessions and activity.")] = False,
    demo_anywhere: Annotated[
        bool, typer.Option("--demo-anywhere", help="Allow --demo on an address that others can reach.")
    ] = False,
) -> None:
    """Start the server. SQLite's schema is brought up to date first; PostgreSQL's by `stoa migrate`."""
    with told():
        settings = load_settings(data, database, host=host, port=port)
        _logging(settings)
        _refuse_public_demo(settings, demo, demo_anywhere)
        _refuse_taken_address(settings.server.host, settings.server.port)
        settings.folder.mkdir(parents=True, exist_ok=True)
        with open_engine(settings) as engine:
            server.prepare(engine)
            first = _first_start(engine, settings)
            shown = _seed(engine, settings) if demo else Demo()
        address = f"http://{settings.server.host}:{settings.server.port}"
        out.print(f"[bold]Stoa {__version__}[/bold] at {address}  (API: {address}/schema)")
        if first and not settings.accounts.admin_password:
            out.print(
                f"First start: the user [bold]admin[/bold] has the password [bold]{first}[/bold] (told only now)."
            )
        if shown.sign_ins:
            names = ", ".join(name for name, _ in shown.sign_ins)
            out.print(f"Demo sign-ins, all with the password [bold]{shown.sign_ins[0][1]}[/bold]: {names}")
        built = server.build(settings, only=only, demo=shown)
    uvicorn.run(
        built.app,
        host=settings.server.host,
        port=settings.server.port,
        loop="uvloop",
        http="httptools",
        **realtime.UVICORN,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=True,
        forwarded_allow_ips=settings.server.trusted_proxies,
        timeout_graceful_shutdown=settings.server.stop_seconds,
    )


@app.command(name="migrate")
def migrate_command(data: DataOption = None, database: DatabaseOption = None) -> None:
    """Bring the database's schema up to date. On PostgreSQL run this before the servers of a new version."""
    with told():
        settings = load_settings(data, database)
        settings.folder.mkdir(parents=True, exist_ok=True)
        with open_engine(settings) as engine:
            before = migrate.current(engine)
            migrate.upgrade(engine)
            after = migrate.current(engine)
        out.print(f"The schema is at {after}." if before != after else f"The schema was at {after} already.")


@app.command()
def check(
    what: Annotated[
        Literal["live"] | None,
        typer.Argument(
            help="`live`: only whether a browser could join a class here: addresses, ports, a real DTLS and SRTP "
            "round trip to each address, the STUN and TURN servers. Nothing: all else."
        ),
    ] = None,
    data: DataOption = None,
    database: DatabaseOption = None,
) -> None:
    """Look at the configuration, the database and the files, and say what is wrong and what to do. Ends in 1 if
    anything is wrong.
    """
    faults = 0

    def note(what: str, sentence: str) -> None:
        out.print(f"[yellow]note[/yellow]   {what}: {escape(sentence)}")

    def report(what: str, problem: str | None, do: str = "") -> None:
        nonlocal faults
        if problem is None:
            out.print(f"[green]ok[/green]     {what}")
        else:
            faults += 1
            out.print(f"[red]wrong[/red]  {what}: {problem}" + (f"\n       {do}" if do else ""))

    try:
        settings = load_settings(data, database)
    except StoaError as error:
        for fault in error.faults:
            report(fault.field, fault.message, "Correct the environment; docs/settings.md has every setting.")
        raise typer.Exit(1) from None
    report("settings", None)
    if what == "live":
        from stoa.cli._check_live import check_live  # noqa: PLC0415 - WebRTC, which a server leaves to its workers

        check_live(settings, report, note)
        raise typer.Exit(1 if faults else 0)
    folder = settings.folder
    if not folder.exists():
        report(f"folder {folder}", "is not there", "`stoa serve` makes it, or choose another with --data.")
    else:
        writable = os.access(folder, os.W_OK)
        report(
            f"folder {folder}",
            None if writable else "can't be written",
            "Give the server's user the right to.",
        )
    try:
        alive_from_file(folder)
        report("etc/session/session.conf", None)
    except StoaError as error:
        report("etc/session/session.conf", error.message, "Correct or remove the file.")
    _check_database(settings, report)
    raise typer.Exit(1 if faults else 0)


def _check_database(settings: Settings, report: Report) -> None:
    name = "database" if settings.server.database else f"database {settings.folder / 'stoa.db'}"
    if not settings.server.database and not (settings.folder / "stoa.db").exists():
        report(name, "is not there", "`stoa serve` makes it on its first start.")
        return
    try:
        with open_engine(settings) as engine:
            with engine.connect() as connection:
                connection.execute(text("SELECT 1"))
            migrate.require_current(engine)
            if engine.dialect.name == "sqlite":
                with engine.connect() as connection:
                    verdict = connection.execute(text("PRAGMA quick_check")).scalar_one()
                report(
                    f"{name}: integrity",
                    None if verdict == "ok" else str(verdict),
                    "Restore it from a backup.",
                )
        report(name, None, "")
    except StoaError as error:
        report(name, error.message, "")
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", error)).strip().splitlines()[0]
        report(name, f"can't be opened: {reason}", "Is it running, and are address, user and password right?")


@app.command(name="openapi")
def openapi_command(
    kind: Annotated[Kind | None, typer.Argument(help="One kind; none: all that the server has.")] = None,
) -> None:
    """Print the OpenAPI 3.1 document."""
    kinds = [stoa.accounts.api.KIND, *server.KINDS]
    chosen = [each for each in kinds if kind is None or each.name == kind]
    title = "Stoa" if kind is None else f"Stoa: {chosen[0].title}"
    about = "Every kind of session." if kind is None else chosen[0].about
    document = openapi.document(chosen, title=title, about=about)
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n")


@app.command()
def token(
    username: Annotated[str, typer.Argument(help="Whose key it becomes.")],
    name: Annotated[str, typer.Option(help="What it is for.")] = "command line",
    days: Annotated[
        int | None, typer.Option(min=1, max=3650, help="Days until it expires; none: never.")
    ] = None,
    data: DataOption = None,
    database: DatabaseOption = None,
) -> None:
    """Make an API key and print it: `curl -H "Authorization: Bearer $(stoa token admin)" …`."""
    with told(), open_engine(load_settings(data, database)) as engine:
        server.prepare(engine)
        now = SystemClock().now()
        with engine.begin() as connection:
            user = people.user_named(connection, username)
            _, secret = people.issue_key(
                connection, user_id=user.id, name=name, expires_at=now + timedelta(days=days) if days else None,
                ids=SystemIds(), now=now,
            )  # fmt: skip
        sys.stdout.write(secret + "\n")


@user_app.command("add")
def user_add(
    username: Annotated[str, typer.Argument(help="5 to 25 letters, digits, - _ or .")],
    access: Annotated[Access, typer.Option(help="Access level.")] = "student",
    first_name: Annotated[str, typer.Option(help="First name.")] = "",
    last_name: Annotated[str, typer.Option(help="Last name.")] = "",
    data: DataOption = None,
    database: DatabaseOption = None,
) -> None:
    """Add a user. The password is asked for, or read from standard input."""
    with told(), open_engine(load_settings(data, database)) as engine:
        server.prepare(engine)
        password = _ask_password()
        new = NewUser(username, first_name or username, last_name or username, AccessLevel(access))
        with engine.begin() as connection:
            user = people.add_user(
                connection,
                new,
                password_hash=Passwords().hash(password),
                ids=SystemIds(),
                now=SystemClock().now(),
            )
        out.print(f"Added {user.username} ({user.access}), id {user.id}.")


@user_app.command("list")
def user_list(data: DataOption = None, database: DatabaseOption = None) -> None:
    """List everybody."""
    with told(), open_engine(load_settings(data, database)) as engine:
        server.prepare(engine)
        with engine.connect() as connection:
            users = people.list_users(connection)
    table = Table("number", "id", "username", "name", "access", box=None)
    for user in users:
        table.add_row(str(user.number), user.id, user.username, user.name, user.access.value)
    out.print(table)


@user_app.command("password")
def user_password(
    username: Annotated[str, typer.Argument(help="Whose.")],
    data: DataOption = None,
    database: DatabaseOption = None,
) -> None:
    """Set a user's password; ends that user's logins and lifts a lock."""
    with told(), open_engine(load_settings(data, database)) as engine:
        server.prepare(engine)
        password = _ask_password()
        with engine.begin() as connection:
            people.set_password(
                connection, username, password_hash=Passwords().hash(password), now=SystemClock().now()
            )
        out.print(f"{username} has a new password.")


def main() -> None:
    app()


# --- what `serve` looks at first ---------------------------------------------------------------------------------


def _logging(settings: Settings) -> None:
    wants_json = settings.logs.format == "json" or (
        settings.logs.format == "auto" and not sys.stderr.isatty()
    )
    configure_logging(as_json=wants_json, level=settings.logs.level)


def _refuse_public_demo(settings: Settings, demo: bool, anywhere: bool) -> None:
    if not demo or anywhere or settings.server.host == "localhost":
        return
    try:
        loopback = ip_address(settings.server.host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise server.PublicDemoError(
            f"Demo data has passwords that everybody knows, and {settings.server.host} can be reached by others. "
            "Listen on 127.0.0.1, or say --demo-anywhere if you mean it."
        )


def _refuse_taken_address(host: str, port: int) -> None:
    """Tries the address before anything is made. (What takes it in between is told by the server itself.)"""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind(address)
    except OSError as error:
        do = "Choose another with --port" if error.errno == errno.EADDRINUSE else "Choose another with --host"
        reason = (error.strerror or str(error)).lower()
        raise server.AddressError(f"Can't listen on {host} port {port}: {reason}. {do}.") from None


def has_admin(connection: Connection) -> bool:
    return any(user.id == ADMIN_ID for user in people.list_users(connection))


def _first_start(engine: Engine, settings: Settings) -> str | None:
    """Makes the admin and the first signing key where there are none. The admin's password, if it was made now."""
    ids, now = SystemIds(), SystemClock().now()
    with engine.connect() as connection:
        if has_admin(connection):
            return None
    password = settings.accounts.admin_password or ids.secret()[:16]
    check_password(password, field="STOA_ADMIN_PASSWORD")
    password_hash = Passwords().hash(password)
    with engine.begin() as connection:
        made = people.ensure_admin(connection, ids=ids, now=now, password_hash=password_hash)
    return password if made else None


def _seed(engine: Engine, settings: Settings) -> Demo:
    clock, ids = SystemClock(), SystemIds()
    files = server.open_files(settings, clock=clock, ids=ids)
    with engine.begin() as connection:
        return server.seed_demo(connection, files=files, folder=settings.folder, clock=clock, ids=ids)


def _ask_password() -> str:
    if sys.stdin.isatty():
        password: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        password = sys.stdin.readline().rstrip("\n")
    check_password(password)
    return password
