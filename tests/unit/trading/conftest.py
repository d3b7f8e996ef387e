"""Hand-worked cases are shown to both: the compiled engine and the reference."""

import pytest
from tests.unit.trading.agreement import differences

from stoa.trading import engine


@pytest.fixture
def play():
    """Runs commands, holds engine and reference equal, and gives the engine's ledger."""

    def run(terms, bars, *commands, finer=None, better=False):
        commands = sorted(commands, key=lambda command: command.bar)
        assert differences(terms, bars, commands, finer, better=better) == []
        choice = engine.Choice.BETTER if better else engine.Choice.WORSE
        return engine.run(terms, bars, commands, finer, choice=choice)

    return run
