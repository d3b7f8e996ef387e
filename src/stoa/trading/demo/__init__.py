"""What a demonstration of trading begins with."""

from stoa.trading.demo._market import seed_market
from stoa.trading.demo._replay import seed_replay

__all__ = ["seed_market", "seed_replay"]
