"""docs/trading.md: what it shows runs, and what it lists is there."""

import re

from backtesting.test import EURUSD
from tests.support.processes import ROOT

from stoa.trading.strategies import Context

PAGE = (ROOT / "docs/trading.md").read_text()


def test_the_example_runs(tmp_path, monkeypatch, capsys):
    EURUSD.to_csv(tmp_path / "EURUSD.csv")
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(compile(code, "docs/trading.md", "exec"), {})
    profit, fall, hashed = capsys.readouterr().out.split()
    assert float(profit) < 0
    assert -100 < float(fall) < 0
    assert re.fullmatch("[0-9a-f]{64}", hashed)
    assert "<h1>Cross</h1>" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_what_a_strategy_may_use_is_named():
    named = set(re.findall(r"`(?:context\.)?(\w+)", PAGE.partition("## Algorithms")[2]))
    public = {
        name
        for name in (*vars(Context), "open", "high", "low", "close", "volume", "ts")
        if not name.startswith("_")
    }
    assert public <= named
