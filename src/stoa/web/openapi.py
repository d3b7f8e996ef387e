"""OpenAPI 3.1, one document a kind and one of all, each with a page to try it (nothing is fetched from elsewhere)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
from litestar import Litestar, Response, Router, get
from litestar.exceptions import NotFoundException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import Components, Reference, SecurityScheme
from litestar.params import FromPath
from litestar.static_files import create_static_files_router

from stoa import __version__
from stoa.web.kind import Kind

_SCHEMES: dict[str, SecurityScheme | Reference] = {
    "bearer": SecurityScheme(type="http", scheme="bearer", bearer_format="JWT"),
    "cookie": SecurityScheme(type="apiKey", name="stoa_login", security_scheme_in="cookie"),
    "apiKey": SecurityScheme(type="apiKey", name="X-API-Key", security_scheme_in="header"),
}


def document(kinds: Sequence[Kind], *, title: str, about: str, alone: bool) -> dict[str, Any]:
    """The OpenAPI document of ``kinds`` as this server serves them."""
    config = OpenAPIConfig(
        title=title,
        version=__version__,
        description=about,
        components=Components(security_schemes=_SCHEMES),
        security=[{"bearer": []}, {"cookie": []}, {"apiKey": []}],
        use_handler_docstrings=True,
    )
    app = Litestar([kind.router(alone=alone) for kind in kinds], openapi_config=config)
    schema: dict[str, Any] = app.openapi_schema.to_schema()
    return schema


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
        made = [
            msgspec.json.encode(document([k], title=title, about=about, alone=k is alone)) for k in chosen
        ]
        return made[0] if len(made) == 1 else _merged(made)

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


def _merged(texts: Sequence[bytes]) -> bytes:
    """One document of several. Kinds name their schemas apart, so that nothing is lost."""
    whole: dict[str, Any] = msgspec.json.decode(texts[0])
    for text in texts[1:]:
        part = msgspec.json.decode(text)
        whole["paths"] |= part["paths"]
        whole["components"]["schemas"] |= part["components"].get("schemas", {})
    return msgspec.json.encode(whole)


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
