"""How missions say what went wrong: the house's body with the protocol's number in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from stoa.kernel.errors import MalformedError, RateLimitedError, StoaError, UnauthenticatedError
from stoa.missions.errors import INVALID_DATA, number_of
from stoa.web.errors import Dialect, Problem, plain_body

UNKNOWN = 10000
_NUMBERS: Mapping[type[StoaError], int] = {
    UnauthenticatedError: 10004,
    RateLimitedError: 10003,
    MalformedError: INVALID_DATA,
}


class ErrorField(Struct):
    """``field`` is a path in what was sent: ``forces[0].nodes[3].name``."""

    field: str
    message: str


class ErrorDetail(Struct, omit_defaults=True):
    """``code`` is the number that the protocol gives the error; 10000 where it gives it none."""

    status: int
    message: str
    code: int
    errors: list[ErrorField] = []


class ErrorBody(Struct):
    error: ErrorDetail


def error_body(problem: Problem) -> dict[str, Any]:
    body = plain_body(problem)
    body["error"]["code"] = code_of(problem.error)
    return body


def code_of(error: StoaError) -> int:
    number = number_of(error)
    if number == UNKNOWN:
        return next((code for kind, code in _NUMBERS.items() if isinstance(error, kind)), number)
    return number


PATHS = (
    "/api/v1/sessions",
    "/api/v1/missions",
    "/api/v1/files",
    "/api/v1/info",
    "/api/v1/target-environments",
)
DIALECT = Dialect(paths=PATHS, body=error_body)
