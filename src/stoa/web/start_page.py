"""The page at ``/`` until the console comes: what runs here, where its API is, and the demo's sign-ins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from litestar import Response, get
from litestar.types import ControllerRouterHandler

from stoa import __version__
from stoa.web.kind import Kind


@dataclass(frozen=True, slots=True)
class Demo:
    """What there is to try: sign-ins as (username, password), and what to open, as (kind, words, path within the kind)."""

    sign_ins: Sequence[tuple[str, str]] = ()
    links: Sequence[tuple[str, str, str]] = ()


def handler(kinds: Sequence[Kind], *, alone: bool, demo: Demo, url: str) -> ControllerRouterHandler:
    """``url`` is where others reach the server."""
    rows = "".join(
        f"<tr><th>{escape(kind.title)}</th><td>{escape(kind.about)}</td>"
        f"<td><code>{'' if alone else kind.prefix}{kind.paths[0]}</code></td>"
        f'<td><a href="/schema/{kind.name}">try it</a></td>'
        f'<td><a href="/schema/{kind.name}/openapi.json">openapi.json</a></td></tr>'
        for kind in kinds
    )
    page = _PAGE.format(
        version=__version__, rows=rows, demo=_links(kinds, demo, alone=alone) + _demo(demo.sign_ins, url)
    )

    @get("/", include_in_schema=False, sync_to_thread=False)
    def start() -> Response[str]:
        return Response(page, media_type="text/html", headers={"cache-control": "no-store"})

    return start


def _links(kinds: Sequence[Kind], demo: Demo, *, alone: bool) -> str:
    prefixes = {kind.name: "" if alone else kind.prefix for kind in kinds}
    found = "".join(
        f'<li><a href="{escape(prefixes[kind] + path)}">{escape(words)}</a></li>'
        for kind, words, path in demo.links
        if kind in prefixes
    )
    return f"<h2>Have a look</h2><ul>{found}</ul>" if found else ""


def _demo(sign_ins: Sequence[tuple[str, str]], url: str) -> str:
    if not sign_ins:
        return ""
    rows = "".join(
        f"<tr><td><code>{escape(name)}</code></td><td><code>{escape(password)}</code></td></tr>"
        for name, password in sign_ins
    )
    return (
        "<h2>Sign in</h2><p>This server runs with demo data. Anybody who reaches it can use these, so keep it to "
        f"yourself.</p><table><tr><th>Username</th><th>Password</th></tr>{rows}</table>"
        f"<pre>curl -s {escape(url)}/auth/login -H 'Content-Type: application/json' \\\n"
        f'  -d \'{{"username": "{escape(sign_ins[0][0])}", "password": "{escape(sign_ins[0][1])}"}}\'</pre>'
    )


_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Stoa</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
:root{{color-scheme:light dark}}
body{{font:16px/1.55 system-ui,sans-serif;max-width:56rem;margin:3rem auto;padding:0 1rem}}
table{{border-collapse:collapse;width:100%}}
th,td:nth-child(n+3){{white-space:nowrap}}
th,td{{text-align:left;padding:.45rem .8rem .45rem 0;border-bottom:1px solid #8884;vertical-align:top}}
pre{{background:#8881;padding:.8rem;overflow:auto}}
</style>
<h1>Stoa</h1><p>One server for every kind of session a product runs. Version {version}.</p>
<h2>What runs here</h2><table>{rows}</table>
<p><a href="/schema">All of the API</a> · <a href="/health/ready">health</a> · <a href="/metrics">metrics</a></p>
{demo}
"""
