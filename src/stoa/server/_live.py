"""Puts the parts of live together: who carries its media, where, and what a class needs around it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from stoa.accounts.desk import Desk
from stoa.kernel.clock import Clock
from stoa.kernel.ids import Ids
from stoa.live.daily import Account, Daily
from stoa.live.ice import Ice
from stoa.live.janus import Janus, Setup
from stoa.live.media.controller import listens
from stoa.live.meters import Meters
from stoa.live.nodes import Nodes
from stoa.live.provider import Embedded, Provider
from stoa.live.studio import Studio
from stoa.live.workshop import Workshop
from stoa.platform.files import Files
from stoa.platform.storage import Storage
from stoa.platform.telemetry import Metrics
from stoa.settings import Settings, listed


@dataclass(frozen=True, slots=True)
class Place:
    """Where live is served: ``path`` is its prefix, nothing where it is served alone."""

    settings: Settings
    storage: Storage
    clock: Clock
    ids: Ids
    path: str


def parts(place: Place, desk: Desk, files: Files, metrics: Metrics) -> dict[type[Any], Any]:
    own, folder = place.settings.live, place.settings.folder / "live"
    provider = _provider(place, folder)
    nodes = None
    if isinstance(provider, Embedded):
        url = own.node_url or place.settings.public_url
        nodes = Nodes(place.storage, place.clock, place.ids, provider, url)
    studio = Studio(
        place.storage, place.clock, place.ids, desk.keys, provider, timedelta(minutes=own.link_minutes),
        own.direct_links, nodes=nodes, ice=ice_of(place.settings), meters=Meters(metrics.registry),
    )  # fmt: skip
    return {
        Studio: studio,
        Workshop: Workshop(studio, files, folder / "composing", at_once=own.composers),
    }


def ice_of(settings: Settings) -> Ice:
    own = settings.live
    lifetime = timedelta(minutes=own.turn_minutes)
    return Ice(tuple(listed(own.stun)), tuple(listed(own.turn)), own.turn_secret, lifetime)


def _provider(place: Place, folder: Path) -> Provider:
    own, storage, clock = place.settings.live, place.storage, place.clock
    if own.provider == "daily":
        base = place.settings.server.public_url.rstrip("/")
        webhook = f"{base}{place.path}/webhooks/daily" if base else None
        account = Account(own.daily_api, own.daily_key, own.daily_webhook_secret, webhook)
        return Daily(account, storage, clock, link_lifetime=timedelta(minutes=own.link_minutes))
    if own.provider == "janus":
        recordings = Path(own.janus_recordings or folder / "recordings").absolute()
        setup = Setup(listed(own.janus), own.janus_secret, own.janus_admin_key, recordings)
        return Janus(setup, storage, clock, place.ids)
    return Embedded(
        folder, clock=clock, listen=listens(own.listen), first_port=own.first_port, workers=own.workers,
        linger=own.linger,
    )  # fmt: skip
