"""The compiled engine: (terms, bars, commands) → ledger, exact and fast. ``reference`` says in plain words what it does.

Importing it does not import Numba; the first run does, or ``compile_all`` before anybody waits.
"""

from stoa.trading.engine._compiled import compile_all, use_cache
from stoa.trading.engine._ledger import Ledger, ledger_hash
from stoa.trading.engine._sweep import cross_commands, sweep_crosses
from stoa.trading.engine._tables import command_rows
from stoa.trading.engine._trader import Choice, Trader, run, run_rows

__all__ = [
    "Choice",
    "Ledger",
    "Trader",
    "command_rows",
    "compile_all",
    "cross_commands",
    "ledger_hash",
    "run",
    "run_rows",
    "sweep_crosses",
    "use_cache",
]
