"""The one place that imports Numba, and where its compiled code is kept."""

from __future__ import annotations

import hashlib
import os
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

_HERE = Path(__file__).parent


def use_cache(data: Path | None = None) -> None:
    """Where compiled code is kept: beside the package if that can be written, else under ``data`` (None: where Numba
    thinks best, in the user's own cache).

    A folder of its own for each state of the sources, so that code of another release is never run. It sets NUMBA_CACHE_DIR,
    unless that is set, and so has to come before Numba is imported.
    """
    if "numba" in sys.modules or "NUMBA_CACHE_DIR" in os.environ:
        return
    beside = _HERE / "__pycache__"
    base = beside if os.access(beside if beside.exists() else _HERE, os.W_OK) else data
    if base is not None:
        os.environ["NUMBA_CACHE_DIR"] = str(base / f"numba-{_digest()}")


def _digest() -> str:
    sources = sorted([*_HERE.glob("*.py"), *(_HERE.parent / "model").glob("*.py")])
    return hashlib.sha256(b"\0".join(source.read_bytes() for source in sources)).hexdigest()[:16]


@cache
def fold() -> ModuleType:
    use_cache()
    from stoa.trading.engine import _fold  # noqa: PLC0415 - Numba takes a second: only who runs an account waits for it

    return _fold


@cache
def sweep() -> ModuleType:
    use_cache()
    from stoa.trading.engine import _crosses  # noqa: PLC0415

    return _crosses


def compile_all() -> None:
    """Loads the compiled loops, compiling what the cache does not have: half a minute when cold, a second when warm."""
    fold()
    sweep()
