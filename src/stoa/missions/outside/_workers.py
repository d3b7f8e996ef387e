"""Processes that run an environment's code. What overruns, breaks or babbles is killed, and takes nothing with it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from typing import Any, ClassVar

import structlog

from stoa.kernel.errors import StoaError
from stoa.platform.subprocesses import environment

MOST_BYTES = 2**20
"""Of an answer."""
KEPT = 2
"""Processes of one environment that wait for the next call, and how many seconds they do."""
KEPT_SECONDS = 60.0

_log = structlog.get_logger(__name__)


class CallFailedError(StoaError):
    """No answer, or none that can be used. The message may be journalled."""

    code: ClassVar[str] = "missions.call_failed"


class Workers:
    """The processes of one environment. ``entry`` is its entry point's value, ``module:attribute``."""

    def __init__(self, entry: str) -> None:
        self._entry = entry
        self._idle: dict[Process, asyncio.TimerHandle] = {}
        self._alive: set[Process] = set()
        self._ending: set[asyncio.Task[None]] = set()

    async def ask(self, question: str, *, seconds: float, **more: Any) -> dict[str, Any]:
        """The answer. Raises CallFailedError for what is no answer within ``seconds``: its process is gone then."""
        line = json.dumps({"question": question, "seconds": seconds, **more}).encode() + b"\n"
        process = None
        try:
            async with asyncio.timeout(seconds):
                process = self._take() or await self._begin()
                answer = await self._exchange(process, line)
        except BaseException as error:
            if process is not None:
                await asyncio.shield(self._end(process))
            if isinstance(error, TimeoutError):
                raise CallFailedError(f"It did not answer within {seconds:g} seconds.") from None
            raise
        self._keep(process)
        if "raised" in answer:
            _log.warning("target_environment_raised", entry=self._entry, trace=answer.get("trace"))
            raise CallFailedError(f"It raised {answer['raised']}.")
        return answer

    async def close(self) -> None:
        for handle in self._idle.values():
            handle.cancel()
        await asyncio.gather(*map(self._end, tuple(self._alive)), *self._ending)

    def _take(self) -> Process | None:
        while self._idle:
            process, handle = self._idle.popitem()
            handle.cancel()
            if process.returncode is None:
                return process
            self._alive.discard(process)
        return None

    async def _begin(self) -> Process:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "stoa.missions.environments", self._entry),
            stdin=PIPE, stdout=PIPE, env=environment(), start_new_session=True, limit=MOST_BYTES,
        )  # fmt: skip
        self._alive.add(process)
        return process

    async def _exchange(self, process: Process, line: bytes) -> dict[str, Any]:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(line)
            await process.stdin.drain()
            answer = await process.stdout.readline()
        except ValueError:
            raise CallFailedError(f"It answered more than {MOST_BYTES} bytes.") from None
        except OSError:
            answer = b""
        if not answer.endswith(b"\n"):
            raise CallFailedError("Its process ended.")
        try:
            plain = json.loads(answer)
        except (ValueError, RecursionError):
            plain = None
        if not isinstance(plain, dict):
            raise CallFailedError("Its answer makes no sense.")
        return plain

    def _keep(self, process: Process) -> None:
        if len(self._idle) >= KEPT:
            self._retire(process)
            return
        loop = asyncio.get_running_loop()
        self._idle[process] = loop.call_later(KEPT_SECONDS, self._retire, process)

    def _retire(self, process: Process) -> None:
        self._idle.pop(process, None)
        task = asyncio.ensure_future(self._end(process))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _end(self, process: Process) -> None:
        """The process and whatever it has started."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        self._idle.pop(process, None)
        self._alive.discard(process)
