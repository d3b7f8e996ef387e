"""The settings, a group of them a class: name, default, STOA_ variable, meaning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal


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
    public_url: str = setting(
        "STOA_PUBLIC_URL",
        "",
        "Address at which others reach the server, for what it names by address; empty: http://host:port.",
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
class Effects:
    seconds: float = setting("STOA_EFFECT_SECONDS", 10.0, "How long a call of a target environment may take.")
    workers: int = setting(
        "STOA_EFFECT_WORKERS", 2, "How many calls of one target environment a node makes at once."
    )
    tries: int = setting(
        "STOA_EFFECT_TRIES",
        5,
        "How often a call is made that could not be answered, further and further apart.",
    )
    webhook_secrets: str = setting(
        "STOA_WEBHOOK_SECRETS",
        "",
        "Keys that sign webhooks, `whsec_` and base64; several, apart by spaces, sign each; empty: no webhooks.",
        secret=True,
    )
    webhook_allow: str = setting(
        "STOA_WEBHOOK_ALLOW",
        "",
        "Private networks that webhooks may call all the same, also without https: `10.1.0.0/16, 127.0.0.1`.",
    )


@dataclass(frozen=True, slots=True)
class Realtime:
    outbox_kb: int = setting(
        "STOA_SOCKET_BUFFER_KB",
        4096,
        "KiB that may wait for a socket client that reads slowly; beyond it the client takes a fresh snapshot.",
    )


@dataclass(frozen=True, slots=True)
class Trading:
    candle_cache_mb: int = setting(
        "STOA_CANDLE_CACHE_MB", 256, "MiB of candles that are kept in memory, for all sessions together."
    )
    active_sessions: int = setting(
        "STOA_TRADING_ACTIVE_SESSIONS",
        30,
        "Sessions, running or paused, that a user may have at once; administrators any number; 0: no limit.",
    )


@dataclass(frozen=True, slots=True)
class Live:
    provider: Literal["embedded", "janus", "daily"] = setting(
        "STOA_LIVE_PROVIDER",
        "embedded",
        "Who carries the media: `embedded`, this server; `janus`, servers of their own; `daily`, Daily.co.",
    )
    janus: str = setting(
        "STOA_LIVE_JANUS",
        "",
        "WebSocket addresses of the Janus servers (`ws://10.0.0.7:8188`), apart by commas; all nodes name the same.",
    )
    janus_secret: str = setting(
        "STOA_LIVE_JANUS_SECRET", "", "The Januses' `api_secret`; empty: they have none.", secret=True
    )
    janus_admin_key: str = setting(
        "STOA_LIVE_JANUS_ADMIN_KEY", "", "`admin_key` of their VideoRoom; empty: it has none.", secret=True
    )
    janus_recordings: str = setting(
        "STOA_LIVE_JANUS_RECORDINGS",
        "",
        "Folder that the Januses record to, under the same path there and here; empty: `live/recordings` in the data folder.",
    )
    daily_key: str = setting("STOA_LIVE_DAILY_KEY", "", "Key of Daily's REST API.", secret=True)
    daily_api: str = setting("STOA_LIVE_DAILY_API", "https://api.daily.co/v1", "Address of Daily's REST API.")
    daily_webhook_secret: str = setting(
        "STOA_LIVE_DAILY_WEBHOOK_SECRET",
        "",
        "Secret that Daily signs its webhooks with, in base64; empty: one that follows from the key.",
        secret=True,
    )
    listen: str = setting(
        "STOA_LIVE_LISTEN",
        "",
        "Addresses for media, each with the one it is announced as behind a NAT: `10.0.0.5=203.0.113.7`; empty: this machine's own, and the loopback.",
    )
    first_port: int = setting(
        "STOA_LIVE_FIRST_PORT",
        0,
        "UDP port of the first media worker, the others follow; 0: any that are free.",
    )
    workers: int = setting("STOA_LIVE_WORKERS", 1, "Media worker processes; a room is in one of them.")
    link_minutes: int = setting("STOA_LIVE_LINK_MINUTES", 60, "Life of a link to a recording.")
    stun: str = setting(
        "STOA_LIVE_STUN",
        "",
        "STUN servers that browsers are told, `stun:turn.example.org:3478`; the embedded provider needs none.",
    )
    turn: str = setting(
        "STOA_LIVE_TURN",
        "",
        "TURN servers, for browsers whose network lets no UDP out: `turns:turn.example.org:443?transport=tcp`.",
    )
    turn_secret: str = setting(
        "STOA_LIVE_TURN_SECRET",
        "",
        "The TURN servers' secret (coturn: `use-auth-secret`), from which each user gets credentials of their own.",
        secret=True,
    )
    turn_minutes: int = setting("STOA_LIVE_TURN_MINUTES", 60, "Life of a user's TURN credentials.")
    linger: float = setting(
        "STOA_LIVE_LINGER_SECONDS",
        120.0,
        "How long calls go on while their node's server is down; after it, and five seconds, other nodes take its rooms.",
    )
    node_url: str = setting(
        "STOA_LIVE_NODE_URL",
        "",
        "Address at which browsers reach this very node, where several share a database; empty: STOA_PUBLIC_URL.",
    )
    direct_links: bool = setting(
        "STOA_LIVE_DIRECT_LINKS",
        False,
        "Links to videos lead on to S3, signed, where files are kept there; else the server passes them on.",
    )
    composers: int = setting(
        "STOA_LIVE_COMPOSERS",
        1,
        "How many recordings are made into files at once, each in a process of its own.",
    )


@dataclass(frozen=True, slots=True)
class Settings:
    server: Server = field(default_factory=Server)
    limits: Limits = field(default_factory=Limits)
    realtime: Realtime = field(default_factory=Realtime)
    accounts: Accounts = field(default_factory=Accounts)
    logs: Logs = field(default_factory=Logs)
    activity: Activity = field(default_factory=Activity)
    effects: Effects = field(default_factory=Effects)
    trading: Trading = field(default_factory=Trading)
    live: Live = field(default_factory=Live)

    @property
    def folder(self) -> Path:
        return Path(self.server.data).absolute()

    @property
    def public_url(self) -> str:
        return self.server.public_url.rstrip("/") or f"http://{self.server.host}:{self.server.port}"

    @property
    def files_address(self) -> str:
        return self.server.files or str(self.folder / "files")

    @property
    def database_url(self) -> str:
        return self.server.database or f"sqlite:///{self.folder / 'stoa.db'}"


GROUPS: Mapping[str, type[Any]] = {
    "server": Server, "limits": Limits, "realtime": Realtime, "accounts": Accounts, "logs": Logs, "activity": Activity,
    "effects": Effects,
    "trading": Trading,
    "live": Live,
}  # fmt: skip
