"""Real server processes: started, asked, stopped; and commands that run to their end."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import httpx
from bench.processes import free_port

ROOT = Path(__file__).parents[2]
STOPPED = (0, -signal.SIGTERM)
"""Exit codes of a server that stopped when it was told to: the signal is passed on once all is done."""
ADMIN = ("admin", "the admin's password")


def environment(**more):
    """This process's environment without its own settings of Stoa, and with ``more`` of them.

    What one server compiles of the sources, the next one need not.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("STOA_") and name != "PYTHONDONTWRITEBYTECODE"
    }
    settings = {"PYTHONPATH": str(ROOT / "src"), "PYTHONWARNINGS": "ignore", "STOA_HTTP_RATE_LIMIT": "0"}
    return kept | settings | {"STOA_ADMIN_PASSWORD": ADMIN[1], "STOA_LOG_FORMAT": "json"} | more


def run(*arguments, given=None, **settings):
    """``stoa arguments`` run to its end."""
    return subprocess.run(
        [sys.executable, "-m", "stoa", *map(str, arguments)],
        input=given, env=environment(**settings), capture_output=True, text=True, timeout=150, check=False,
    )  # fmt: skip


def command(*arguments, given=None, **settings):
    """``stoa arguments`` inside this process: the same, without the seconds that a start takes. Not for ``serve``."""
    from typer.testing import CliRunner

    from stoa.cli import app

    ours = {name: None for name in os.environ if name.startswith("STOA_")}
    result = CliRunner().invoke(app, [str(each) for each in arguments], input=given, env=ours | settings)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return SimpleNamespace(returncode=result.exit_code, stdout=result.stdout, stderr=result.stderr)


class Running:
    """One ``stoa serve``. What it prints is in ``output()``."""

    def __init__(self, folder, *arguments, port=None, **settings):
        self.port = port or free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self._log = folder / f"server-{self.port}-{time.monotonic_ns()}.log"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "stoa", "serve", "--port", str(self.port), *map(str, arguments)],
                env=environment(**settings), stdout=log, stderr=subprocess.STDOUT, cwd=folder,
            )  # fmt: skip

    def output(self):
        return self._log.read_text(errors="replace")

    def wait_ready(self, *, within=180.0):
        deadline = time.monotonic() + within
        while not self._is_ready():
            assert self.process.poll() is None, self.output()
            assert time.monotonic() < deadline, f"not ready within {within} s: {self.output()}"
            time.sleep(0.02)
        assert self.process.poll() is None, self.output()
        return self

    def _is_ready(self):
        try:
            return httpx.get(f"{self.address}/health/ready", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    def kill(self):
        """As a power cut would: no chance to finish anything."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(30)

    def stop(self, *, within=60):
        """As an operator would. The exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(within)

    def client(self, token=None, **more):
        headers = {"authorization": f"Bearer {token}"} if token else {}
        return httpx.AsyncClient(base_url=self.address, headers=headers, timeout=60, **more)

    def sign_in(self, username=ADMIN[0], password=ADMIN[1]):
        """Tokens and the user."""
        answer = httpx.post(
            f"{self.address}/auth/login", json={"username": username, "password": password}, timeout=60
        )
        assert answer.status_code == 200, answer.text
        return answer.json()
