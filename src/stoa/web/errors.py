"""Every kind's way to say what went wrong, from one mapping.

An exception becomes a ``Problem``: a status and the StoaError behind it. The dialect of the path that was asked for
turns it into a body. An exception that nobody foresaw becomes a 500 that tells nothing but an id which the log has.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from http import HTTPStatus
from typing import Any

import msgspec
import structlog
from litestar import Response
from litestar.exceptions import (
    ClientException,
    HTTPException,
    MethodNotAllowedException,
    NotFoundException,
    ValidationException,
)
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import ParameterKwarg
from litestar.routes import HTTPRoute

from stoa.kernel.errors import (
    ConflictError,
    Fault,
    ForbiddenError,
    InvalidError,
    MalformedError,
    NotFoundError,
    RateLimitedError,
    StoaError,
    TooLargeError,
    UnauthenticatedError,
    UnavailableError,
)
from stoa.platform.files import RangeRefusedError
from stoa.web.house import Request


class MethodError(StoaError):
    """The address is right, the method is not."""

    code = "method_not_allowed"


STATUS: Mapping[type[StoaError], int] = {
    MethodError: 405,
    RangeRefusedError: 416,
    InvalidError: 400,
    MalformedError: 400,
    UnauthenticatedError: 401,
    ForbiddenError: 403,
    NotFoundError: 404,
    ConflictError: 409,
    TooLargeError: 413,
    RateLimitedError: 429,
    UnavailableError: 503,
    StoaError: 500,
}


class UnexpectedError(StoaError):
    """Something nobody foresaw. Its message carries the id under which the log has the rest."""

    code = "unexpected"


@dataclass(frozen=True, slots=True)
class Problem:
    status: int
    error: StoaError

    @property
    def phrase(self) -> str:
        return HTTPStatus(self.status).phrase


@dataclass(frozen=True, slots=True)
class Dialect:
    """How the routes under ``paths`` say what is wrong. ``statuses`` differ from STATUS where the document does."""

    paths: tuple[str, ...]
    body: Callable[[Problem], Any]
    statuses: Mapping[type[StoaError], int] = field(default_factory=dict)
    name: str = "house"

    def problem(self, error: StoaError) -> Problem:
        for cls in type(error).__mro__:
            for table in (self.statuses, STATUS):
                if cls in table:
                    return Problem(table[cls], error)
        return Problem(500, error)


def plain_body(problem: Problem) -> dict[str, Any]:
    """``{"error": {"status", "message", "errors"?}}``: the dialect of routes whose document shows no error body."""
    error: dict[str, Any] = {"status": problem.status, "message": problem.error.message}
    if problem.error.faults:
        error["errors"] = [{"field": fault.field, "message": fault.message} for fault in problem.error.faults]
    return {"error": error}


class Dialects:
    """The dialect of a path is that of its longest known prefix; ``plain_body`` speaks for the rest."""

    def __init__(self, known: Sequence[Dialect]) -> None:
        self.known = known
        self.of = lru_cache(1024)(self._find)

    def _find(self, path: str) -> Dialect:
        matches = [
            (len(prefix), dialect)
            for dialect in self.known
            for prefix in dialect.paths
            if path == prefix or path.startswith(prefix.rstrip("/") + "/")
        ]
        return max(matches, key=lambda match: match[0])[1] if matches else _PLAIN

    def render(
        self,
        path: str,
        exception: BaseException,
        *,
        request_id: str,
        names: Mapping[str, str] | None = None,
        methods: Sequence[str] = (),
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and JSON body for anything that was raised while ``path`` was served.

        ``names`` are a handler's parameters and what they are called on the wire; ``methods`` are those of the path.
        """
        error = as_stoa_error(exception, request_id=request_id, names=names or {}, methods=methods)
        problem = self.of(path).problem(error)
        if problem.status >= 500:
            _log.error("request failed", path=path, error_id=request_id, exc_info=exception)
        headers = {"content-type": "application/json"} | error.details.get("headers", {})
        if isinstance(error, RateLimitedError):
            headers["retry-after"] = str(error.retry_after)
        if isinstance(error, RangeRefusedError):
            headers["content-range"] = f"bytes */{error.details['size']}"
        if problem.status == 401:
            headers["www-authenticate"] = "Bearer"
        return problem.status, headers, msgspec.json.encode(self.of(path).body(problem))

    def handle(self, request: Request, exception: Exception) -> Response[bytes]:
        """Litestar's exception handler."""
        status, headers, body = self.render(
            request.scope["path"],
            exception,
            request_id=request.scope["state"].get("request_id", ""),
            names=_wire_names(request) if isinstance(exception, ValidationException) else None,
            methods=_methods_at(request) if isinstance(exception, MethodNotAllowedException) else (),
        )
        return Response(body, status_code=status, headers=headers, media_type="application/json")


_PLAIN = Dialect(("/",), plain_body)
_log = structlog.get_logger("stoa.web")


def as_stoa_error(  # noqa: PLR0911 - a table of cases
    exception: BaseException, *, request_id: str, names: Mapping[str, str], methods: Sequence[str] = ()
) -> StoaError:
    if isinstance(exception, StoaError):
        return exception
    if isinstance(exception, ValidationException):
        return _invalid_parameters(exception, names)
    if isinstance(exception, NotFoundException):
        return NotFoundError("There is nothing at this address.")
    if isinstance(exception, MethodNotAllowedException):
        allow = ", ".join(methods)
        return MethodError(f"This address does not take this method, but {allow}.", headers={"allow": allow})
    if isinstance(exception, HTTPException) and exception.status_code == 413:
        return TooLargeError("The body is too large.")
    if isinstance(exception, ClientException):
        return MalformedError(exception.detail)
    return UnexpectedError(
        f"Something went wrong here. The log has it under {request_id}.", error_id=request_id
    )


def _methods_at(request: Request) -> Sequence[str]:
    """What the address takes: Litestar does not say it. A literal piece of a path goes before a parameter."""
    pieces = [piece for piece in request.scope["path"].split("/") if piece]
    found: list[tuple[int, list[str]]] = []
    for route in request.app.routes:
        components = route.path_components
        literals = sum(component == piece for component, piece in zip(components, pieces, strict=False))
        others = sum(not isinstance(component, str) for component in components)
        if isinstance(route, HTTPRoute) and len(components) == len(pieces) == literals + others:
            also = {"HEAD"} if "GET" in route.methods else set()
            found.append((literals, sorted(route.methods | also)))
    return max(found, default=(0, ["GET", "HEAD"]))[1]


def _wire_names(request: Request) -> dict[str, str]:
    parameters = request.route_handler.parsed_fn_signature.parameters
    return {
        name: definition.kwarg_definition.name
        for name, definition in parameters.items()
        if isinstance(definition.kwarg_definition, ParameterKwarg) and definition.kwarg_definition.name
    }


def _invalid_parameters(exception: ValidationException, names: Mapping[str, str]) -> StoaError:
    """Litestar's findings about path and query, each named by its parameter as the caller wrote it; or no body at all."""
    if missing := _MISSING.search(exception.detail):
        return InvalidError.field(missing["name"], "is required.")
    extra = exception.extra if isinstance(exception.extra, list) else []
    if [item.get("key") for item in extra] == ["data"]:
        return MalformedError("A JSON body is needed.")
    faults = tuple(_fault(item, names) for item in extra) or (Fault("", exception.detail),)
    return InvalidError(
        "; ".join(f"{fault.field}: {fault.message}" if fault.field else fault.message for fault in faults),
        faults=faults,
    )


_MISSING = re.compile(r"Missing required \w+ parameter '(?P<name>[^']+)'")


def _fault(item: Mapping[str, Any], names: Mapping[str, str]) -> Fault:
    key = str(item.get("key", ""))
    if key == "data":
        return Fault("", "A JSON body is needed.")
    return Fault(names.get(key, key), str(item.get("message", "is not valid")).replace("`", "") + ".")


def documented(*statuses: int, body: type[Any], **also: type[Any] | None) -> dict[int, ResponseSpec]:
    """The error responses of one route for its OpenAPI document. 429 and 500 can come from every route.

    ``s200=None`` says that the answer with this status has no body.
    """
    specs = {
        status: ResponseSpec(body, description=HTTPStatus(status).phrase, generate_examples=False)
        for status in (*statuses, 429, 500)
    }
    for name, other in also.items():
        specs[int(name.removeprefix("s"))] = ResponseSpec(other, generate_examples=False)
    return specs
