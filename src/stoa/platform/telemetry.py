"""What an operator sees: log lines without secrets in them, and metrics for Prometheus."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TextIO

import structlog
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    generate_latest,
)

if TYPE_CHECKING:
    from structlog.typing import EventDict, Processor, WrappedLogger

REDACTED = "[redacted]"
_DEEPEST = 12

_TELLING = r"password|passwd|secret|token|authorization|cookie|api[_-]?key|credential|bearer|signature"
_SECRET_KEY = re.compile(_TELLING, re.IGNORECASE)
_MAY_HOLD_ONE = re.compile(rf"{_TELLING}|basic|stoa_|eyJ|://", re.IGNORECASE)
_SECRETS_IN_TEXT: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\b(Bearer|Basic)\s+[\w.~+/=-]{6,}", re.IGNORECASE), rf"\1 {REDACTED}"),
    (re.compile(r"\bstoa_[A-Za-z0-9_-]{16,}"), REDACTED),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*"), REDACTED),
    (re.compile(r"(://[^\s/:@]*:)[^\s/@]+@"), rf"\1{REDACTED}@"),
    # password=…, "token": "…", api_key='…', wherever a text or an object's repr names what it shows
    (
        re.compile(
            rf"""((?:{_TELLING})\w*["']?\s*[=:]\s*)("[^"]*"|'[^']*'|[^\s,;&)}}\]"']+)""", re.IGNORECASE
        ),
        rf"\1{REDACTED}",
    ),
)


def configure_logging(*, as_json: bool, level: str = "INFO", stream: TextIO | None = None) -> None:
    """Sends every line, structlog's and the standard library's, to ``stream`` (standard error), one format for both."""
    stream = stream or sys.stderr
    renderer: Processor = structlog.dev.ConsoleRenderer(colors=stream.isatty(), timestamp_key="at")
    if as_json:
        renderer = structlog.processors.JSONRenderer(ensure_ascii=False)
    least = logging.getLevelNamesMapping()[level.upper()]
    before: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        structlog.processors.format_exc_info,
        redact,
    ]
    structlog.configure(
        processors=[*before, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=structlog.WriteLoggerFactory(file=stream),
        cache_logger_on_first_use=False,  # a logger that was used before this call follows it, too
    )
    handler = logging.StreamHandler(stream)
    after = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, redact, renderer]
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=before[:-1], processors=after))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(least, logging.INFO))  # the libraries' debugging lines are of no use to an operator
    logging.getLogger("alembic").setLevel(logging.WARNING)  # who migrates is told in a sentence


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """A structlog processor: nothing that would let anybody in leaves, at any depth."""
    return {key: _shown(key, value, 0) for key, value in event.items()}


def redact_text(text: str) -> str:
    """The same for one text."""
    if not _MAY_HOLD_ONE.search(text):
        return text
    for pattern, replacement in _SECRETS_IN_TEXT:
        text = pattern.sub(replacement, text)
    return text


@lru_cache(4096)
def _is_secret(key: str) -> bool:
    return _SECRET_KEY.search(key) is not None


def _shown(key: str, value: Any, depth: int) -> Any:
    if value is not None and not isinstance(value, bool) and _is_secret(key):
        return REDACTED
    return _clean(value, depth)


def _clean(value: Any, depth: int) -> Any:
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if depth >= _DEEPEST:
        return "…"
    if isinstance(value, Mapping):
        return {str(key): _shown(str(key), item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_clean(item, depth + 1) for item in value]
    return redact_text(str(value) if isinstance(value, (str, datetime, timedelta)) else repr(value))


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_LATENESS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 300)


class Metrics:
    """One server's figures, in a registry of its own. Durations are in seconds."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        request = ("kind", "route", "method", "status")
        self.requests = Counter("stoa_http_requests", "Requests answered", request, registry=self.registry)
        self.request_seconds = Histogram(
            "stoa_http_request_duration_seconds", "Time to an answer", request[:3], registry=self.registry
        )
        self.writes = Counter("stoa_writes", "Commands handed to storage for writing", registry=self.registry)
        self.batch_size = Histogram(
            "stoa_write_batch_size",
            "Commands in one commit",
            buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256),
            registry=self.registry,
        )
        self.lateness_seconds = Histogram(
            "stoa_timer_lateness_seconds",
            "From a timer's due time to its handler",
            buckets=_LATENESS,
            registry=self.registry,
        )
        self._children: dict[tuple[str, str, str, int], tuple[Counter, Histogram]] = {}

    def observe_request(self, *, kind: str, route: str, method: str, status: int, seconds: float) -> None:
        """``route`` is the template (``/trading/sessions/{id}``), never the path: each new one is kept for ever."""
        key = (kind, route, method, status)
        children = self._children.get(key)
        if children is None:
            shown = method if method in _METHODS else "other"
            counter = self.requests.labels(kind, route, shown, str(status))
            children = self._children[key] = (counter, self.request_seconds.labels(kind, route, shown))
        children[0].inc()
        children[1].observe(seconds)

    def observe_batch(self, count: int) -> None:
        self.writes.inc(count)
        self.batch_size.observe(count)

    def observe_lateness(self, seconds: float) -> None:
        self.lateness_seconds.observe(seconds)

    def render(self) -> tuple[bytes, str]:
        """The text that Prometheus reads, and its content type."""
        return generate_latest(self.registry), CONTENT_TYPE_LATEST
