"""What the compiled engine must do, in the plainest code: Decimal, one bar, one price at a time, no cleverness."""

from stoa.trading.reference._account import Account
from stoa.trading.reference._run import run

__all__ = ["Account", "run"]
