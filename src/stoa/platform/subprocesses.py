"""What a process is given that works for the server and is not to be trusted like it."""

from __future__ import annotations

import os
import sys

_OURS = ("STOA_", "AWS_", "PGPASS")
"""What the server's settings begin with, and what its stores take their credentials from."""


def environment() -> dict[str, str]:
    """The server's environment without its settings and credentials. The code that it finds is found there, too."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    return kept | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
