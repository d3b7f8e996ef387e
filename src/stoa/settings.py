"""Every setting: its group, its default, its STOA_ variable. A STOA_ variable that is not here is an error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from stoa.kernel.errors import Fault, InvalidError

Group = TypeVar("Group")
IGNORED_PREFIX = "STOA_TEST_"


def setting(variable: str, default: Any, about: str, *, secret: bool = False) -> Any:
    return field(default=default, metadata={"variable": variable, "about": about, "secret": secret})


@dataclass(frozen=True, slots=True)
class Server:
    host: str = setting("STOA_HOST", "127.0.0.1", "Address to listen on.")
    port: int = setting("STOA_PORT", 8000, "Port to listen on.")
    data: str = setting("STOA_DATA", "data", "Folder of the database, files and etc/.")
    database: str = setting(
        "STOA_DATABASE", "", "Database address; empty: SQLite in the data folder.", secret=True
    )
    files: str = setting(
        "STOA_FILES",
        "",
        "Where files are kept: a folder or s3://bucket/prefix; empty: `files` in the data folder.",
    )
    redis: str = setting(
        "STOA_REDIS_URL", "", "Redis that the nodes share for their limits; empty: none.", secret=True
    )
    trusted_proxies: str = setting(
        "STOA_TRUSTED_PROXIES",
        "127.0.0.1",
        "Addresses and networks whose X-Forwarded-For and -Proto are believed.",
    )
    stop_seconds: int = setting(
        "STOA_STOP_SECONDS", 10, "How long a stop waits for requests that are under way."
    )
    max_body_mb: int = setting("STOA_MAX_BODY_MB", 8, "Largest request body, in MiB.")


@dataclass(frozen=True, slots=True)
class Limits:
    http_rate: int = setting("STOA_HTTP_RATE_LIMIT", 20, "Requests a second per address; 0 = off.")
    message_rate: int = setting(
        "STOA_MESSAGE_RATE_LIMIT", 10, "Realtime messages a second per user; 0 = off."
    )


@dataclass(frozen=True, slots=True)
class Accounts:
    admin_password: str = setting(
        "STOA_ADMIN_PASSWORD",
        "",
        "Password of `admin` on the first start; empty: one is made and printed once.",
        secret=True,
    )
    issuer: str = setting("STOA_TOKEN_ISSUER", "stoa", "`iss` and `aud` of the tokens.")
    access_minutes: int = setting("STOA_ACCESS_TOKEN_MINUTES", 15, "Life of an access token.")
    login_days: int = setting("STOA_LOGIN_DAYS", 7, "Life of a login: its refresh token and its cookie.")
    cache_seconds: float = setting(
        "STOA_LOGIN_CACHE_SECONDS",
        1.0,
        "How long a node may go on believing a login that another node ended.",
    )


@dataclass(frozen=True, slots=True)
class Logs:
    level: Literal["debug", "info", "warning", "error"] = setting(
        "STOA_LOG_LEVEL", "info", "Least level that is logged."
    )
    format: Literal["auto", "json", "console"] = setting(
        "STOA_LOG_FORMAT",
        "auto",
        "`console` for people, `json` for machines; `auto`: what standard error is.",
    )
    requests: bool = setting("STOA_LOG_REQUESTS", False, "A line for every request.")


@dataclass(frozen=True, slots=True)
class Activity:
    alive_seconds: int = setting(
        "STOA_ACTIVITY_ALIVE_SECONDS",
        0,
        "Silence after which a session is over; 0: what etc/session/session.conf says, or 300.",
    )
    list: Literal["all", "self"] = setting(
        "STOA_ACTIVITY_LIST", "all", "Who sees whose sessions: `all` as documented, or `self`."
    )


@dataclass(frozen=True, slots=True)
class Settings:
    server: Server = field(default_factory=Server)
    limits: Limits = field(default_factory=Limits)
    accounts: Accounts = field(default_factory=Accounts)
    logs: Logs = field(default_factory=Logs)
    activity: Activity = field(default_factory=Activity)

    @property
    def folder(self) -> Path:
        return Path(self.server.data).absolute()

    @property
    def files_address(self) -> str:
        return self.server.files or str(self.folder / "files")

    @property
    def database_url(self) -> str:
        return self.server.database or f"sqlite:///{self.folder / 'stoa.db'}"


GROUPS: Mapping[str, type[Any]] = {
    "server": Server, "limits": Limits, "accounts": Accounts, "logs": Logs, "activity": Activity,
}  # fmt: skip


def load(environment: Mapping[str, str]) -> Settings:
    """The settings that the environment says. Raises one InvalidError with every fault in it."""
    known = {entry.metadata["variable"] for group in GROUPS.values() for entry in fields(group)}
    faults = [
        Fault(name, "is not a setting of Stoa. See docs/settings.md.")
        for name in sorted(environment)
        if name.startswith("STOA_") and name not in known and not name.startswith(IGNORED_PREFIX)
    ]
    groups = {name: _read_group(group, environment, faults) for name, group in GROUPS.items()}
    faults += _check(groups["server"])
    if faults:
        raise InvalidError(
            "; ".join(f"{fault.field} {fault.message}" for fault in faults), faults=tuple(faults)
        )
    return Settings(**groups)


def _read_group(group: type[Group], environment: Mapping[str, str], faults: list[Fault]) -> Group:
    hints = get_type_hints(group)
    values: dict[str, Any] = {}
    for entry in fields(group):  # type: ignore[arg-type]
        text = environment.get(entry.metadata["variable"])
        if text is None:
            continue
        try:
            values[entry.name] = _parse(text, hints[entry.name])
        except ValueError as error:
            faults.append(Fault(entry.metadata["variable"], str(error)))
    return group(**values)


def _parse(text: str, kind: Any) -> Any:
    if get_origin(kind) is Literal:
        if text not in get_args(kind):
            raise ValueError(f"must be one of {', '.join(get_args(kind))}, not {text!r}.")
        return text
    if kind is bool:
        if text.lower() not in _BOOLEANS:
            raise ValueError(f"must be true or false, not {text!r}.")
        return _BOOLEANS[text.lower()]
    if kind in (int, float):
        try:
            number = kind(text)
        except ValueError:
            raise ValueError(f"must be a number, not {text!r}.") from None
        if not 0 <= number < 1e9:
            raise ValueError(f"must be a number from 0 on, not {text!r}.")
        return number
    return kind(text)


_BOOLEANS = {
    "1": True,
    "true": True,
    "yes": True,
    "on": True,
    "0": False,
    "false": False,
    "no": False,
    "off": False,
}


def _check(server: Server) -> list[Fault]:
    networks = [network.strip() for network in server.trusted_proxies.split(",")]
    faults = [
        Fault("STOA_TRUSTED_PROXIES", f"must be addresses or networks, not {network!r}.")
        for network in networks
        if network not in ("", "*") and not _is_network(network)
    ]
    if not 0 <= server.port <= 65535:
        faults.append(Fault("STOA_PORT", "must be a port from 0 to 65535."))
    if server.database and not server.database.startswith(("sqlite:///", "postgresql", "postgres://")):
        faults.append(Fault("STOA_DATABASE", "must begin with postgresql:// or sqlite:///."))
    return faults


def _is_network(text: str) -> bool:
    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def described() -> list[tuple[str, Field[Any]]]:
    """(group, field) of every setting, for the documentation and for `stoa check`."""
    return [(name, entry) for name, group in GROUPS.items() for entry in fields(group)]
