"""Servers and the load client as processes, each on a core of its own where there are two."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import msgspec

import stoa
from bench.load import Report, Round

ROOT = Path(__file__).parent.parent
SOURCES = Path(stoa.__file__).parents[1]
PATIENCE = 30.0
"""Seconds that a server may take to begin or to stop."""


def cores() -> tuple[int | None, int | None]:
    """The server's core and the client's; None where they can't have one each."""
    if not hasattr(os, "sched_getaffinity"):
        return None, None
    usable = sorted(os.sched_getaffinity(0))
    return (usable[0], usable[1]) if len(usable) > 1 else (None, None)


def free_port() -> int:
    """A port that is this process's own: only who names it can listen there, nobody is given it by chance.

    It stays bound here, and is not listened on: a server that reuses addresses (all of ours do) may listen beside that.
    Without it two processes could be given the same port, and one take the other's server for its own.
    """
    taken = socket.socket()
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    taken.bind(("127.0.0.1", 0))
    _held.append(taken)
    port: int = taken.getsockname()[1]
    return port


_held: deque[socket.socket] = deque(maxlen=100)
"""The ports given last: more than any test has servers."""


def environment(**more: str) -> dict[str, str]:
    """This process's, without settings of Stoa that the caller's shell may have."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("STOA_")}
    return kept | {"PYTHONPATH": os.pathsep.join((str(SOURCES), str(ROOT)))} | more


@contextmanager
def running(
    command: Sequence[str], *, log: Path, core: int | None, env: Mapping[str, str], pipe: bool = False
) -> Generator[subprocess.Popen[bytes]]:
    """The process; ended on the way out. It starts with one thread, so its later threads share its core."""
    where = subprocess.PIPE if pipe else subprocess.DEVNULL
    with log.open("ab") as told:
        process = subprocess.Popen(
            command, stdin=where, stdout=where if pipe else told, stderr=told, env=dict(env), cwd=ROOT
        )
    if core is not None:
        os.sched_setaffinity(process.pid, {core})
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def serving(
    command: Sequence[str], *, port: int, ready: str, log: Path, env: Mapping[str, str]
) -> Generator[int]:
    """A server that answers ``ready``; gives its process id."""
    with running(command, log=log, core=cores()[0], env=env) as process:
        _wait_for(f"http://127.0.0.1:{port}{ready}", process, log)
        yield process.pid


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and process.poll() is None:
        try:
            if httpx.get(url, timeout=1).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise RuntimeError(f"The server did not begin. It said:\n{log.read_text(errors='replace')[-2000:]}")


@contextmanager
def stoa_server(folder: Path, **settings: str) -> Generator[tuple[int, int]]:
    """``stoa serve`` on SQLite in ``folder``, without limits; gives its port and process id."""
    port = free_port()
    command = [sys.executable, "-m", "stoa", "serve", "--port", str(port), "--data", str(folder)]
    env = environment(STOA_HTTP_RATE_LIMIT="0", STOA_LOG_LEVEL="warning", **settings)
    with serving(command, port=port, ready="/health/live", log=folder / "server.log", env=env) as pid:
        yield port, pid


class LoadClient:
    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def run(self, wanted: Round) -> Report:
        """Raises RuntimeError where an answer was not 200: a refusal is quick, and would flatter."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(msgspec.json.encode(wanted) + b"\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("The load client ended.")
        report = msgspec.json.decode(line, type=Report)
        if report.refused:
            raise RuntimeError(
                f"{report.refused} of {report.requests} requests were refused: {report.refusal}"
            )
        return report


@contextmanager
def load_client(folder: Path) -> Generator[LoadClient]:
    command = [sys.executable, "-m", "bench.load"]
    with running(command, log=folder / "load.log", core=cores()[1], env=environment(), pipe=True) as process:
        yield LoadClient(process)


def request(method: str, path: str, *, body: object = None, bearer: str | None = None) -> bytes:
    """The whole bytes of a request."""
    content = b"" if body is None else msgspec.json.encode(body)
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1"]
    if bearer is not None:
        lines.append(f"Authorization: Bearer {bearer}")
    if body is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
    return "\r\n".join([*lines, "", ""]).encode() + content


def cpu_seconds(pid: int) -> float | None:
    """What a process has used of its core so far."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
