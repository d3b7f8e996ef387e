"""A real coturn on the loopback, with the secret "sesame"."""

import contextlib
import subprocess

from tests.support.processes import free_port

TURNSERVER = "/usr/bin/turnserver"
LOWEST, HIGHEST = 48_000, 48_200
SECRET = "sesame"


@contextlib.contextmanager
def coturn(folder):
    """Its port. It may take some seconds until it answers."""
    port = free_port()
    with (folder / "log").open("wb") as told:
        process = subprocess.Popen(
            [TURNSERVER, "-n", "--no-cli", "--no-tls", "--no-dtls", "--no-rfc5780", "--use-auth-secret",
             f"--static-auth-secret={SECRET}", "--realm=stoa.test", "--allow-loopback-peers", "-L", "127.0.0.1",
             "-E", "127.0.0.1", "-p", str(port), f"--min-port={LOWEST}", f"--max-port={HIGHEST}",
             f"--pidfile={folder}/pid", f"--userdb={folder}/db", "--log-file=stdout"],
            stdout=told, stderr=told, cwd=folder,
        )  # fmt: skip
    try:
        yield port
    finally:
        process.terminate()
        process.wait(20)
