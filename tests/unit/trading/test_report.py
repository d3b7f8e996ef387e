"""Rule 11: the page and what stands on it."""

import re
from decimal import Decimal
from html.parser import HTMLParser

import numpy as np
import pytest
from tests.unit.trading.accounts import BEGAN, OPEN, account, walk

from stoa.trading.candles import Bars
from stoa.trading.metrics import METRICS
from stoa.trading.model import Terms, Timeframe
from stoa.trading.report import Report, report_page

TERMS = Terms(
    Decimal(10_000), Decimal(100), 20, 5, Decimal(7), Decimal("0.0001"), Decimal("0.00001"), Decimal(100_000), Decimal(50)
)  # fmt: skip
VOID = {"meta", "path", "br"}


def candles(count, timeframe=Timeframe.H1):
    chance = np.random.default_rng(1)
    close = 110_000 + chance.integers(-60, 61, count).cumsum()
    opened = np.concatenate(((110_000,), close[:-1]))
    high, low = np.maximum(opened, close) + 20, np.minimum(opened, close) - 20
    ts = BEGAN + timeframe.seconds * np.arange(count)
    return Bars(timeframe, ts, opened, high, low, close, np.ones(count))


def report(count, *rows, equity=None, better=None, title="Cross", timeframe=Timeframe.H1):
    whole = account(walk(1, count) if equity is None else equity, *rows, bar_seconds=timeframe.seconds)
    return Report(
        title=title,
        symbol="EURUSD",
        terms=TERMS,
        bars=candles(count, timeframe),
        account=whole,
        better=better,
    )


class Page(HTMLParser):
    """Fails on tags that aren't closed in order; collects ids, references and texts."""

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.references, self.texts = [], [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.ids += [found["id"]] if "id" in found else []
        self.references += (found.get("aria-labelledby") or "").split()
        assert not {"src", "href", "onload", "onclick"} & set(found)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


MANY = [
    {"pnl": float(number % 7 - 3), "entry_bar": 10 * number, "exit_bar": 10 * number + 9}
    for number in range(3_000)
]
STATES = {
    "no trade": report(40),
    "one bar": report(1),
    "flat": report(30, equity=[10_000.0] * 30),
    "an open position": report(40, {"status": OPEN, "entry_bar": 3, "exit_bar": -1, "commission": 7.0}),
    "all lost": report(5, (-10_100, 0, 2), equity=[9_000, 100, -100, -100, -100]),
    "candles": report(200, (46, 3, 80), (-84, 90, 120)),
    "ranges": report(3_000, *MANY[:300]),
}


@pytest.mark.parametrize("given", STATES.values(), ids=STATES)
def test_the_page_is_whole_and_fetches_nothing(given):
    text = report_page(given)
    page = Page(text)
    assert len(set(page.ids)) == len(page.ids)
    assert set(page.references) <= set(page.ids)
    assert "http" not in text
    assert "@import" not in text
    assert "<script" not in text
    assert not re.search(r"\b(nan|inf|None)\b", text.partition("<body>")[2])


@pytest.mark.parametrize("given", STATES.values(), ids=STATES)
def test_each_metric_stands_there_with_its_definition(given):
    texts = set(Page(report_page(given)).texts)
    for metric in METRICS:
        assert {metric.title, metric.about} <= texts


def test_each_picture_has_a_title_and_a_description():
    text = report_page(STATES["candles"])
    for name in ("equity", "drawdown", "prices"):
        assert re.search(
            rf'<title id="{name}-title">[^<]+</title><desc id="{name}-about">[^<]+\.</desc>', text
        )
    assert text.count('role="img"') == 3


def test_a_year_of_minutes_stays_below_a_megabyte():
    count = 372_000
    rows = [{**row, "entry_bar": 120 * place, "exit_bar": 120 * place + 60} for place, row in enumerate(MANY)]
    text = report_page(report(count, *rows, timeframe=Timeframe.M1))
    assert len(text.encode()) < 1_000_000
    assert "1,000 of 3,000 trades are marked" in text
    assert "The latest 500 of 3,000; the CSV has them all." in text


def test_what_people_wrote_is_text():
    text = report_page(report(10, title='<script>alert("x")</script> & co'))
    assert "<script" not in text
    assert "&lt;script&gt;" in text


def test_ambiguous_positions_are_shown_under_both_outcomes():
    equity = np.full(40, 10_000.0)
    worse, better = equity.copy(), equity.copy()
    worse[20:], better[20:] = 9_950, 10_070
    other = account(better, {"pnl": 70.0, "entry_bar": 3, "exit_bar": 20, "ambiguous": True})
    text = report_page(
        report(
            40, {"pnl": -50.0, "entry_bar": 3, "exit_bar": 20, "ambiguous": True}, equity=worse, better=other
        )
    )
    assert "One trade was ambiguous." in text
    assert "<strong>−50.00</strong> net" in text
    assert "it would be <strong>+70.00</strong>" in text
    assert "<small>or 100.00 %</small>" in text
    assert 'class="better"' in text
    assert "No trade was ambiguous" in report_page(report(40))


def test_ambiguity_is_not_shown_by_half():
    with pytest.raises(ValueError, match="both outcomes"):
        report(40, {"pnl": -50.0, "ambiguous": True})


def test_without_a_bar_there_is_no_page():
    with pytest.raises(ValueError, match="before the first bar"):
        report_page(report(0, equity=[]))


def test_months_are_a_table_of_years():
    text = report_page(report(9_000))
    assert '<tr><th scope="row">2024</th>' in text
    assert '<tr><th scope="row">2025</th>' in text
    assert "–</td>" in text
