"""The target environments that are there, what they declare, and how to ask them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import Any

import structlog

from stoa.kernel.errors import StoaError, UnavailableError
from stoa.missions.environments import GROUP
from stoa.missions.environments.webhook import WEBHOOK
from stoa.missions.outside._workers import CallFailedError, Workers
from stoa.missions.targets import METIS, Declared, declared_from

OWN = {"webhook": "stoa.missions.environments.webhook:WEBHOOK"}
"""What comes with Stoa is declared without asking: it is known to answer."""
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """``seconds`` is what a call may take, ``workers`` how many calls of one environment run at once, ``tries`` how often
    a call is made that asks to be made again.
    """

    seconds: float = 10
    workers: int = 2
    tries: int = 5


@dataclass(slots=True)
class Installed:
    """``declared`` are all that effects may call, by their ids, the built-in one among them. ``settings`` are what
    environments are told of the server's settings, by their ids.
    """

    limits: Limits = field(default_factory=Limits)
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    declared: dict[str, Declared] = field(default_factory=lambda: {METIS.id: METIS, WEBHOOK.id: WEBHOOK})
    _workers: dict[str, Workers] = field(
        default_factory=lambda: {id_: Workers(entry) for id_, entry in OWN.items()}
    )
    _migrating: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(2))

    async def find(self) -> None:
        """Has every environment that is installed declare itself. One that can't is told to the log and left out."""
        found = sorted(await asyncio.to_thread(entry_points, group=GROUP))
        declared = await asyncio.gather(*(self._declared(one.name, one.value) for one in found))
        for one, workers in filter(None, declared):
            if one.id in self.declared:
                _log.error(
                    "target_environment_refused", environment=one.id, reason="There is one of this id."
                )
                await workers.close()
                continue
            self.declared[one.id] = one
            self._workers[one.id] = workers

    async def _declared(self, name: str, entry: str) -> tuple[Declared, Workers] | None:
        workers = Workers(entry)
        try:
            answer = await workers.ask("declare", seconds=self.limits.seconds)
            return declared_from(answer.get("declared")), workers
        except StoaError as error:
            _log.error("target_environment_refused", environment=name, reason=error.message)
            await workers.close()
            return None

    def is_foreign(self, environment_id: str) -> bool:
        """Whether it runs outside of the engine."""
        return environment_id in self._workers

    async def call(self, environment_id: str, *, version: str, context: Mapping[str, Any]) -> dict[str, Any]:
        """Raises CallFailedError."""
        told = {**context, "settings": self.settings.get(environment_id, {})}
        workers = self._workers[environment_id]
        return await workers.ask("run", seconds=self.limits.seconds, version=version, context=told)

    async def migrate(
        self, environment: Declared, *, target_id: str, version: str, args: Mapping[str, Any]
    ) -> dict[str, Any]:
        """The arguments as the environment takes them now. Raises UnavailableError where it does not say."""
        if not self.is_foreign(environment.id):
            return dict(args)  # the built-in targets take the same arguments in every version until now
        workers = self._workers[environment.id]
        try:
            async with self._migrating:
                answer = await workers.ask(
                    "migrate", seconds=self.limits.seconds, target_id=target_id, version=version, args=args
                )
        except CallFailedError as error:
            raise UnavailableError(f"The target environment can not migrate: {error.message}") from error
        migrated = answer.get("args")
        if not isinstance(migrated, dict):
            raise UnavailableError("The target environment can not migrate: it answered no arguments.")
        return migrated

    async def close(self) -> None:
        await asyncio.gather(*(workers.close() for workers in self._workers.values()))
