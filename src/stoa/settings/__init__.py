"""Every setting: its group, its default, its STOA_ variable. A STOA_ variable that is not here is an error."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from dataclasses import Field, fields
from ipaddress import ip_network
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from stoa.kernel.errors import Fault, InvalidError
from stoa.settings._groups import (
    GROUPS,
    Accounts,
    Activity,
    Effects,
    Limits,
    Live,
    Logs,
    Realtime,
    Server,
    Settings,
    Trading,
)

Group = TypeVar("Group")
IGNORED_PREFIX = "STOA_TEST_"


def load(environment: Mapping[str, str]) -> Settings:
    """The settings that the environment says. Raises one InvalidError with every fault in it."""
    known = {entry.metadata["variable"] for group in GROUPS.values() for entry in fields(group)}
    faults = [
        Fault(name, "is not a setting of Stoa. See docs/settings.md.")
        for name in sorted(environment)
        if name.startswith("STOA_") and name not in known and not name.startswith(IGNORED_PREFIX)
    ]
    groups = {name: _read_group(group, environment, faults) for name, group in GROUPS.items()}
    faults += _check(groups["server"]) + _check_effects(groups["effects"]) + _check_live(groups["live"])
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


def _check_effects(effects: Effects) -> list[Fault]:
    faults = [
        Fault("STOA_WEBHOOK_ALLOW", f"must be addresses or networks, not {network!r}.")
        for network in listed(effects.webhook_allow)
        if not _is_network(network)
    ]
    if not all(map(_is_webhook_secret, listed(effects.webhook_secrets))):
        faults.append(Fault("STOA_WEBHOOK_SECRETS", "must be whsec_ and base64 of 24 to 64 bytes each."))
    for variable, number in (
        ("SECONDS", effects.seconds), ("WORKERS", effects.workers), ("TRIES", effects.tries),
    ):  # fmt: skip
        if number < 1:
            faults.append(Fault(f"STOA_EFFECT_{variable}", "must be at least 1."))
    return faults


def _check_live(live: Live) -> list[Fault]:
    faults = [
        Fault("STOA_LIVE_LISTEN", f"must be addresses, not {address!r}.")
        for address in listed(live.listen.replace("=", " "))
        if not _is_network(address) or "/" in address
    ]
    januses = listed(live.janus)
    if not all(address.startswith(("ws://", "wss://")) for address in januses):
        faults.append(Fault("STOA_LIVE_JANUS", "must be addresses that begin with ws:// or wss://."))
    if live.provider == "janus" and not januses:
        faults.append(Fault("STOA_LIVE_JANUS", "must name a Janus, since it is the provider."))
    if live.first_port + live.workers > 65536:
        faults.append(Fault("STOA_LIVE_FIRST_PORT", "must leave a port for every worker."))
    for variable, text, schemes in (
        ("STUN", live.stun, ("stun:", "stuns:")), ("TURN", live.turn, ("turn:", "turns:")),
    ):  # fmt: skip
        if not all(url.startswith(schemes) for url in listed(text)):
            faults.append(
                Fault(f"STOA_LIVE_{variable}", f"must be URLs that begin with {' or '.join(schemes)}.")
            )
    if live.turn and not live.turn_secret:
        faults.append(Fault("STOA_LIVE_TURN_SECRET", "is needed for STOA_LIVE_TURN."))
    for variable, number in (
        ("WORKERS", live.workers), ("LINK_MINUTES", live.link_minutes), ("COMPOSERS", live.composers),
        ("TURN_MINUTES", live.turn_minutes),
    ):  # fmt: skip
        if number < 1:
            faults.append(Fault(f"STOA_LIVE_{variable}", "must be at least 1."))
    return faults + _check_daily(live)


def _check_daily(live: Live) -> list[Fault]:
    faults = []
    if live.provider == "daily" and not live.daily_key:
        faults.append(Fault("STOA_LIVE_DAILY_KEY", "is needed where STOA_LIVE_PROVIDER is daily."))
    if not live.daily_api.startswith(("https://", "http://")):
        faults.append(Fault("STOA_LIVE_DAILY_API", "must be an http address."))
    if live.daily_webhook_secret and not _is_base64(live.daily_webhook_secret):
        faults.append(Fault("STOA_LIVE_DAILY_WEBHOOK_SECRET", "must be base64."))
    return faults


def listed(text: str) -> list[str]:
    """What is apart by commas or spaces."""
    return text.replace(",", " ").split()


def _is_webhook_secret(text: str) -> bool:
    try:
        return 24 <= len(b64decode(text.removeprefix("whsec_") + "==")) <= 64 and text.startswith("whsec_")
    except ValueError:
        return False


def _is_base64(text: str) -> bool:
    try:
        return bool(b64decode(text, validate=True))
    except ValueError:
        return False


def _is_network(text: str) -> bool:
    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def described() -> list[tuple[str, Field[Any]]]:
    """(group, field) of every setting, for the documentation and for `stoa check`."""
    return [(name, entry) for name, group in GROUPS.items() for entry in fields(group)]


__all__ = [
    "GROUPS",
    "IGNORED_PREFIX",
    "Accounts",
    "Activity",
    "Effects",
    "Limits",
    "Live",
    "Logs",
    "Realtime",
    "Server",
    "Settings",
    "Trading",
    "described",
    "listed",
    "load",
]
