"""OpenAPI 3.1, one document a kind and one of all, each with a page to try it (nothing is fetched from elsewhere)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, partial
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
from litestar import Litestar, Response, Router, get
from litestar.enums import HttpMethod
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import Components, Reference, SecurityScheme
from litestar.params import FromPath
from litestar.routes import HTTPRoute
from litestar.static_files import create_static_files_router
from litestar.types import Method

from stoa import __version__
from stoa.web.kind import Kind

_SCHEMES: dict[str, SecurityScheme | Reference] = {
    "bearer": SecurityScheme(type="http", scheme="bearer", bearer_format="JWT"),
    "cookie": SecurityScheme(type="apiKey", name="stoa_login", security_scheme_in="cookie"),
    "apiKey": SecurityScheme(type="apiKey", name="X-API-Key", security_scheme_in="header"),
}


def document(kinds: Sequence[Kind], *, title: str, about: str, alone: Kind | None = None) -> dict[str, Any]:
    """The OpenAPI document of ``kinds`` as a server serves them, with ``alone`` at its root.

    Operations of one kind have their short names; where several kinds meet, each is preceded by its kind's.
    """
    kind_of = {kind.title: kind.name for kind in kinds} if len(kinds) > 1 else {}
    config = OpenAPIConfig(
        title=title,
        version=__version__,
        description=about,
        components=Components(security_schemes=_SCHEMES),
        security=[{"bearer": []}, {"cookie": []}, {"apiKey": []}],
        use_handler_docstrings=True,
        operation_id_creator=partial(_operation_id, kind_of),
    )
    routers = [kind.router(alone=kind is alone) for kind in kinds]
    app = Litestar(routers, openapi_config=config, logging_config=None)  # the default would take over the log
    schema: dict[str, Any] = app.openapi_schema.to_schema()
    _open_what_is_unguarded(schema, app)
    schema["paths"] = dict(
        sorted(schema["paths"].items())
    )  # one document, whatever order Litestar finds them in
    return schema


def _operation_id(
    kind_of: Mapping[str, str], handler: HTTPRouteHandler, method: Method, components: Sequence[Any]
) -> str:
    """The handler's name; one that serves several methods or addresses is told apart by method and number."""
    words = handler.handler_name.split("_")
    if kind_of:
        words.insert(0, kind_of[handler.resolve_tags()[0]])
    if len(handler.http_methods) > 1:
        words.append(HttpMethod(method).value)
    ends = sorted(path.rsplit("/", 1)[-1] for path in handler.paths)
    if len(ends) > 1 and ends.index(str(components[-1])):
        words.append(str(ends.index(str(components[-1])) + 1))
    return words[0] + "".join(word.capitalize() for word in words[1:])


def _open_what_is_unguarded(schema: dict[str, Any], app: Litestar) -> None:
    """A route without a guard asks for no proof. (Litestar says so of none: it takes an empty list for nothing said.)"""
    for route in app.routes:
        if not isinstance(route, HTTPRoute) or route.path_format not in schema["paths"]:
            continue
        for method, (handler, _) in route.route_handler_map.items():
            operation = schema["paths"][route.path_format].get(HttpMethod(method).value.lower())
            if operation is not None and not handler.resolve_guards():
                operation["security"] = []


def router(kinds: Sequence[Kind], *, alone: Kind | None) -> Router:
    """``/schema``: an index, ``/schema/<kind>/openapi.json`` and ``/schema/<kind>`` to try it; ``all`` is all of them."""
    by_name = {kind.name: kind for kind in kinds}

    @cache
    def text_of(name: str) -> bytes:
        if name == "all":
            chosen, title, about = list(kinds), "Stoa", "Every kind of session that this server runs."
        elif name in by_name:
            kind = by_name[name]
            chosen, title, about = [kind], f"Stoa: {kind.title}", kind.about
        else:
            raise NotFoundException
        return msgspec.json.encode(document(chosen, title=title, about=about, alone=alone))

    @get("/{name:str}/openapi.json", sync_to_thread=True, include_in_schema=False)
    def openapi(name: FromPath[str]) -> Response[bytes]:
        return Response(text_of(name), media_type="application/json")

    @get("/openapi.json", sync_to_thread=True, include_in_schema=False)
    def openapi_of_all() -> Response[bytes]:
        return Response(text_of("all"), media_type="application/json")

    @get("/{name:str}", sync_to_thread=True, include_in_schema=False)
    def try_it(name: FromPath[str]) -> Response[str]:
        text_of(name)
        return Response(_TRY_IT.format(name=escape(name)), media_type="text/html")

    @get("/", sync_to_thread=False, include_in_schema=False)
    def index() -> Response[str]:
        items = "".join(
            f'<li><a href="/schema/{k.name}">{escape(k.title)}</a>: {escape(k.about)} '
            f'(<a href="/schema/{k.name}/openapi.json">openapi.json</a>)</li>'
            for k in kinds
        )
        page = _INDEX.format(items=items)
        return Response(page, media_type="text/html")

    static = create_static_files_router("/ui", [_assets()], include_in_schema=False)
    return Router("/schema", route_handlers=[index, openapi_of_all, openapi, try_it, static])


def _assets() -> Path:
    return Path(str(files("swagger_ui") / "static"))


_INDEX = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Stoa: API</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:3rem auto;padding:0 1rem}}</style>
<h1>The API of this server</h1><p>Each page lets you try what it describes.</p>
<ul>{items}<li><a href="/schema/all">All of it in one</a> (<a href="/schema/openapi.json">openapi.json</a>)</li></ul>
"""

_TRY_IT = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Stoa: {name}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="/schema/ui/swagger-ui.css"><div id="ui"></div>
<script src="/schema/ui/swagger-ui-bundle.js"></script>
<script>SwaggerUIBundle({{url: "/schema/{name}/openapi.json", dom_id: "#ui", persistAuthorization: true}})</script>
"""
