"""Debian's Janus in a network of its own: it sends no media over the loopback, so who runs it here gives it a wire.

The namespace holds Janus alone; the other end of the wire is on this machine, where Stoa and its browsers are.
Documentation's addresses (RFC 5737) are on it, and no way leads out of it.
"""

from __future__ import annotations

import itertools
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

JANUS = "/usr/bin/janus"
SECRET = "only Stoa knows it"
_LIBRARY = next(iter(sorted(Path("/usr/lib").glob("*/janus"))), Path("/usr/lib/janus"))
_numbers = itertools.count()

_CONFIG = """
general: {{
  configs_folder = "{folder}"
  plugins_folder = "{library}/plugins"
  transports_folder = "{library}/transports"
  events_folder = "{library}/events"
  loggers_folder = "{library}/loggers"
  debug_level = 4
  debug_colors = false
  api_secret = "{secret}"
  server_name = "{name}"
  session_timeout = 20
  reclaim_session_timeout = 10
  protected_folders = ["/etc", "/usr"]
}}
media: {{
  no_media_timer = 1
  slowlink_threshold = 4
  rtp_port_range = "{ports}"
}}
nat: {{
  ice_enforce_list = "{address}"
  ice_lite = {lite}
  ice_keepalive_conncheck = true
}}
transports: {{ disable = "libjanus_http.so,libjanus_mqtt.so,libjanus_nanomsg.so,libjanus_pfunix.so,libjanus_rabbitmq.so" }}
plugins: {{ disable = "libjanus_audiobridge.so,libjanus_duktape.so,libjanus_echotest.so,libjanus_lua.so,libjanus_nosip.so,libjanus_recordplay.so,libjanus_sip.so,libjanus_streaming.so,libjanus_textroom.so,libjanus_videocall.so,libjanus_voicemail.so" }}
"""
_SOCKETS = (
    'general: {{ json = "compact" ws = true ws_port = {port} wss = false }}\nadmin: {{ admin_ws = false }}\n'
)
_ROOMS = "general: { string_ids = true }\n"


def check() -> None:
    """Raises where Janus can not be run here."""
    if not os.access(JANUS, os.X_OK):
        raise FileNotFoundError(f"{JANUS} is not installed")
    if os.geteuid():
        raise PermissionError("a network namespace needs root")
    Network().close()


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)


def _sweep() -> None:
    """What a run left behind that was killed."""
    for left in Path("/run/netns").glob("stoa-*-*"):
        if not Path(f"/proc/{left.name.split('-')[1]}").exists():
            subprocess.run(["ip", "netns", "del", left.name], check=False, capture_output=True)


class Network:
    """A namespace, and the wire to it. ``address`` is its end there, ``here`` the one on this machine."""

    def __init__(self) -> None:
        _sweep()
        number = 0
        for attempt in range(60):
            number = (os.getpid() + next(_numbers) + attempt) % 60
            self.name = f"stoa-{os.getpid()}-{next(_numbers)}"
            self._wire = f"stoa{number}a"
            try:
                _ip("link", "add", self._wire, "type", "veth", "peer", "name", f"stoa{number}b")
            except subprocess.CalledProcessError as error:
                if "exists" in error.stderr:
                    continue
                raise
            break
        self.here, self.address = f"198.51.100.{4 * number + 1}", f"198.51.100.{4 * number + 2}"
        _ip("netns", "add", self.name)
        try:
            _ip("link", "set", f"stoa{number}b", "netns", self.name)
            _ip("addr", "add", f"{self.here}/30", "dev", self._wire)
            _ip("link", "set", self._wire, "up")
            _ip("-n", self.name, "addr", "add", f"{self.address}/30", "dev", f"stoa{number}b")
            _ip("-n", self.name, "link", "set", f"stoa{number}b", "up")
            _ip("-n", self.name, "link", "set", "lo", "up")
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """The wire goes with the namespace."""
        subprocess.run(["ip", "netns", "del", self.name], check=False, capture_output=True)
        subprocess.run(["ip", "link", "del", self._wire], check=False, capture_output=True)


class JanusServer:
    """One Janus in the network. ``url`` is where Stoa finds it."""

    def __init__(self, network: Network, folder: Path, *, port: int = 8188, lite: bool = False) -> None:
        self.network, self.port = network, port
        self.url = f"ws://{network.address}:{port}"
        self._folder = folder / f"janus-{port}"
        self._folder.mkdir(parents=True, exist_ok=True)
        low = 20000 + (port % 10) * 2000
        config = _CONFIG.format(
            folder=self._folder, library=_LIBRARY, secret=SECRET, name=f"janus-{port}", ports=f"{low}-{low + 1999}",
            address=network.address, lite=str(lite).lower(),
        )  # fmt: skip
        self.configure("janus.jcfg", config)
        self.configure("janus.transport.websockets.jcfg", _SOCKETS.format(port=port))
        self.configure("janus.plugin.videoroom.jcfg", _ROOMS)
        self.process: subprocess.Popen[bytes]

    def configuration(self, name: str) -> str:
        return (self._folder / name).read_text()

    def configure(self, name: str, text: str) -> None:
        """From its next start on."""
        (self._folder / name).write_text(text)

    def start(self) -> JanusServer:
        with (self._folder / "janus.log").open("ab") as log:
            self.process = subprocess.Popen(
                ["ip", "netns", "exec", self.network.name, JANUS, "-F", str(self._folder),
                 "-C", str(self._folder / "janus.jcfg")],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        deadline = time.monotonic() + 60
        while True:
            assert self.process.poll() is None, self.log()
            assert time.monotonic() < deadline, self.log()
            try:
                socket.create_connection((self.network.address, self.port), timeout=1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return self

    def log(self) -> str:
        return (self._folder / "janus.log").read_text(errors="replace")[-4000:]

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def freeze(self) -> None:
        """It holds its connections and answers nothing."""
        self.process.send_signal(signal.SIGSTOP)

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)
