"""``stoa check live``: proves as far as one machine can that a browser could connect to a class."""

from __future__ import annotations

import asyncio
import os
import socket
import tempfile
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path

from stoa.kernel.clock import SystemClock
from stoa.kernel.errors import StoaError
from stoa.live.daily import Rest
from stoa.live.errors import ProviderError
from stoa.live.janus import check as januses
from stoa.live.media import relays
from stoa.live.media.check import Reached, check
from stoa.live.media.controller import Controller, Listen, listens
from stoa.server._live import ice_of
from stoa.settings import Live, Settings, listed

Report = Callable[[str, str | None, str], None]
"""(what was looked at, what is wrong or None, what to do)"""
Note = Callable[[str, str], None]
"""(what was looked at, what to know of it)"""

_SHORT_FOLDER = "/tmp"  # noqa: S108 - a Unix socket's name must be short; the folder in it is made safely


def check_live(settings: Settings, report: Report, note: Note) -> None:
    """Who carries the media: the addresses, the ports and a round trip to each address, or the servers elsewhere; and
    the STUN and TURN servers.
    """
    own = settings.live
    if own.provider == "embedded":
        _embedded(settings, report, note)
    else:
        asyncio.run(_januses(own, report) if own.provider == "janus" else _daily(own, report))
    if own.provider == "janus" and own.janus_recordings:
        _recordings(Path(own.janus_recordings), report)
    asyncio.run(_relays(settings, report))


def _recordings(folder: Path, report: Report) -> None:
    usable = folder.is_dir() and os.access(folder, os.W_OK)
    do = "Every Janus and every node of Stoa writes to it, under the same path."
    report(f"recordings in {folder}", None if usable else "is no folder that can be written to", do)


async def _januses(own: Live, report: Report) -> None:
    for address in listed(own.janus):
        found = await januses.problem_of(address, own.janus_secret, own.janus_admin_key, SystemClock())
        report(f"Janus at {address}", *(found or (None, "")))


async def _daily(own: Live, report: Report) -> None:
    rest = Rest(own.daily_api, own.daily_key, SystemClock())
    try:
        await rest.get("/rooms", limit=1)
    except ProviderError as error:
        report(f"Daily at {own.daily_api}", str(error), "Is STOA_LIVE_DAILY_KEY right, and Daily reached?")
    else:
        report(f"Daily at {own.daily_api}", None, "")
    finally:
        await rest.close()


def _embedded(settings: Settings, report: Report, note: Note) -> None:
    own = settings.live
    listen = listens(own.listen)
    ports = _ports(settings, listen, report, note)
    for each in listen:
        _address(each, note)
    if any(not _is_here(each.host) for each in listen):
        for each in listen:
            if not _is_here(each.host):
                report(
                    f"address {each.host}", "is not this machine's",
                    "Name an address of this machine in STOA_LIVE_LISTEN; behind a NAT: `own=public`.",
                )  # fmt: skip
        return
    asyncio.run(_round_trips(listen, ports, report, note))


def _ports(settings: Settings, listen: list[Listen], report: Report, note: Note) -> int:
    """The first port for the round trip; 0 where the real ones are taken, or any will do."""
    own = settings.live
    if not own.first_port:
        note("UDP ports", "any that are free. Set STOA_LIVE_FIRST_PORT, so that a firewall can let them in.")
        return 0
    last = own.first_port + own.workers - 1
    name = f"UDP ports {own.first_port} to {last}" if last > own.first_port else f"UDP port {last}"
    taken = [
        f"{each.host} port {port}"
        for each in listen
        for port in range(own.first_port, last + 1)
        if _is_here(each.host) and not _is_free(each.host, port)
    ]
    if not taken:
        report(name, None, "")
        return own.first_port
    if list((settings.folder / "live").glob("media*/*.sock")):
        note(
            name,
            f"taken ({', '.join(taken)}), by this folder's server, it seems; the rest is tried on others.",
        )
    else:
        report(
            name, f"taken by another program: {', '.join(taken)}",
            "Choose another STOA_LIVE_FIRST_PORT, or end what has them (`ss -ulpn` tells).",
        )  # fmt: skip
    return 0


def _address(listen: Listen, note: Note) -> None:
    told = ip_address(listen.announced or listen.host)
    name = f"browsers are told {told}"
    if told.is_loopback:
        note(name, "only browsers on this machine reach it.")
    elif told.is_unspecified:
        note(name, "that is no address to reach; name one.")
    elif told.is_private or told.is_link_local:
        note(
            name,
            "a private address: only browsers on the same network reach it. For others name the public one: "
            f"STOA_LIVE_LISTEN={listen.host}=203.0.113.7, with its own in the place of this.",
        )
    else:
        note(name, "a public address: let UDP in to it, to the ports above.")


async def _round_trips(listen: list[Listen], port: int, report: Report, note: Note) -> None:
    with tempfile.TemporaryDirectory(prefix="stoa-check-", dir=_SHORT_FOLDER) as folder:

        async def told(_event: object) -> None:
            """Nobody is there to be told."""

        controller = Controller(
            Path(folder), told, clock=SystemClock(), listen=listen, first_port=port, linger=5.0
        )
        try:
            for reached in await check(controller):
                _reached(reached, report, note, is_own=_is_here(reached.host))
        except StoaError as error:
            log = Path(folder) / "media-0.log"
            said = log.read_text(errors="replace").strip().splitlines()[-1:] if log.exists() else []
            report("media worker", " ".join([error.message, *said]), "Correct what it says, and check again.")
        finally:
            await controller.stop(end_calls=True)


async def _relays(settings: Settings, report: Report) -> None:
    ice = ice_of(settings)
    for url in ice.stun:
        _answered(await relays.check_stun(url), report, "Is it running, and does UDP get through to it?")
    username, credential = ice.credentials("check", now=SystemClock().now())
    for url in ice.turn:
        do = "Is it running, with `use-auth-secret` and STOA_LIVE_TURN_SECRET as its `static-auth-secret`?"
        _answered(await relays.check_turn(url, username, credential), report, do)


def _reached(reached: Reached, report: Report, note: Note, *, is_own: bool) -> None:
    name = f"media round trip to {reached.host} port {reached.port}"
    if reached.secured:
        report(f"{name} (DTLS, SRTP keys, {reached.seconds * 1000:.0f} ms)", None, "")
    elif is_own or reached.answered:
        problem = "checks are answered, the DTLS handshake is not" if reached.answered else "no answer"
        report(name, problem, "Does a firewall of this machine drop UDP? (`nft list ruleset` tells.)")
    else:
        note(name, "no answer from here. Many NATs let nobody in by this way: try it from outside, too.")


def _answered(answered: relays.Answered, report: Report, do: str) -> None:
    if answered.address is None:
        report(answered.url, answered.problem, do)
    else:
        word = "relays from" if answered.url.startswith("turn") else "sees us at"
        report(f"{answered.url} {word} {answered.address[0]} port {answered.address[1]}", None, "")


def _is_here(host: str) -> bool:
    return _is_free(host, 0)


def _is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as tried:
        try:
            tried.bind((host, port))
        except OSError:
            return False
    return True
