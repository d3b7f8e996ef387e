"""A session's report for people: one HTML page that needs nothing else, and the trades as CSV."""

from stoa.trading.report._csv import trades_csv
from stoa.trading.report._page import report_page
from stoa.trading.report._report import Report

__all__ = ("Report", "report_page", "trades_csv")
