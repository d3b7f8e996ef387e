"""A real browser with real tabs and windows, a site that includes the tracker, and a server behind it.

Playwright normally tells every page that it is visible and has the focus. Here Chromium is started by hand and
attached to without those defaults, so that a tab behind another is hidden, a window beside another has lost the
focus, and a frozen page is frozen: nothing about visibility is emulated.

``server`` is what answers the API; it may be any that gives ``base_url`` and ``login``. ``site`` stands before it,
adds pages and passes everything else on, so that pages and API share an origin.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import threading
import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import UTC, datetime
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import sync_playwright
from sqlalchemy import create_engine

from stoa.activity import rules, service, store
from stoa.activity.model import Filters
from stoa.activity.tally import tab_duration, visible_duration
from stoa.kernel.actor import AccessLevel, Actor
from stoa.kernel.clock import SystemClock, to_millis
from stoa.kernel.errors import StoaError
from stoa.kernel.ids import SystemIds

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-port=0",
]
COOKIE = "login"


@contextlib.contextmanager
def serving(handler):
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


class Quiet(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body, content_type="application/json"):
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))


@dataclass(frozen=True)
class Login:
    """How a browser proves who it is: the cookie, or the token."""

    username: str
    cookie: dict
    token: str


@dataclass(frozen=True)
class Server:
    base_url: str

    def login(self, username):
        return Login(username, {"name": COOKIE, "value": username}, username)


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """The real use cases over a real SQLite file, with as little HTTP as will do."""
    engine = create_engine(f"sqlite:///{tmp_path_factory.mktemp('tracker')}/stoa.db")
    store.metadata.create_all(engine)
    one_writer = threading.Lock()
    clock, ids, logins = SystemClock(), SystemIds(), {}

    def actor(username):
        user_id = username.encode().hex()[:24].ljust(24, "0")
        login_at = logins.setdefault(username, datetime(2026, 1, 1, tzinfo=UTC))
        return Actor(1, user_id, username, username, AccessLevel.STUDENT, frozenset(), username, login_at)

    def described(session):
        return {
            "username": session.username,
            "start": to_millis(session.start_at) // 1000,
            "last_ping": to_millis(session.last_ping_at) // 1000,
            "last_visible_path": list(session.last_visible_path),
            "visible_duration": visible_duration(session.counters),
            "tab_duration": tab_duration(session.counters),
        }

    class Api(Quiet):
        def run(self):
            cookie = SimpleCookie(self.headers.get("Cookie")).get(COOKIE)
            bearer = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
            username = bearer or (cookie.value if cookie else None)
            sent = self.body()
            route = urlsplit(self.path).path
            if route == "/activity.js":
                script = resources.files("stoa.activity").joinpath("static/activity.js").read_bytes()
                return self.answer(200, script, "text/javascript")
            if not route.startswith("/api/v2/"):
                return self.answer(404, b"{}")
            if username is None:
                return self.answer(401, b"{}")
            try:
                with one_writer, engine.begin() as connection:
                    found = self.use_case(connection, route, actor(username), sent)
            except StoaError as error:
                return self.answer(400, json.dumps({"name": "", "description": error.message}).encode())
            return self.answer(200, json.dumps(found).encode())

        def use_case(self, connection, route, who, sent):
            now = clock.now()
            if route == "/api/v2/sessions":
                names = parse_qs(urlsplit(self.path).query).get("usernames[]", [])
                filters = Filters(usernames=tuple(names))
                listing = service.list_sessions(connection, actor=who, filters=filters, now=now)
                return [described(session) for session in listing.items]
            if route == "/api/v2/sessionstart":
                service.start(connection, actor=who, now=now, ids=ids)
                return {"description": "Session Start"}
            read = {"/api/v2/keepalive": rules.keepalive_from, "/api/v2/session-hide": rules.hide_from}[route]
            service.keepalive(connection, actor=who, ping=read(json.loads(sent)), now=now)
            return {"description": "Session keepalive"}

        do_GET = do_POST = run

    with serving(Api) as base_url:
        yield Server(base_url)
    engine.dispose()


@pytest.fixture(scope="session")
def site(server):
    """``/pages/<name>`` includes the tracker with the query as its ``data-`` attributes; the rest is the server's."""

    class Site(Quiet):
        def run(self):
            url = urlsplit(self.path)
            if url.path.startswith("/pages/"):
                given = {"every": ["1"]} | parse_qs(url.query, keep_blank_values=True)
                data = "".join(f' data-{name}="{value}"' for name, (value,) in given.items())
                page = f'<!doctype html><title>{url.path}</title><script src="/activity.js"{data}></script>'
                return self.answer(200, page.encode(), "text/html")
            passed = {
                name: value
                for name, value in self.headers.items()
                if name.lower() in {"cookie", "authorization", "content-type"}
            }
            request = urllib.request.Request(
                server.base_url + self.path, self.body() or None, passed, method=self.command
            )
            try:
                with urllib.request.urlopen(request, timeout=5) as answer:
                    return self.answer(answer.status, answer.read(), answer.headers["Content-Type"])
            except urllib.error.HTTPError as error:
                return self.answer(error.code, error.read(), error.headers["Content-Type"])

        do_GET = do_POST = run

    with serving(Site) as base_url:
        yield base_url


@pytest.fixture(scope="session")
def chromium(tmp_path_factory):
    """The browser's process, in a group of its own, and where to reach it."""
    profile = tmp_path_factory.mktemp("profile")
    process = subprocess.Popen(
        [CHROMIUM, *ARGUMENTS, f"--user-data-dir={profile}", "about:blank"],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    address = next(found[0] for line in process.stderr if (found := re.search(r"ws://\S+", line)))
    threading.Thread(target=process.stderr.read, daemon=True).start()
    yield process, address
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(10)


@pytest.fixture(scope="session")
def browser(chromium):
    with sync_playwright() as playwright:
        browser = playwright.chromium.connect_over_cdp(chromium[1], no_defaults=True)
        yield browser
        browser.close()


@pytest.fixture
def asleep(chromium):
    """Puts the whole browser to sleep, as a closed lid does."""

    @contextlib.contextmanager
    def asleep():
        os.killpg(chromium[0].pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(chromium[0].pid, signal.SIGCONT)

    return asleep


@pytest.fixture
def context(browser):
    """The browser's own window. A tab that is opened is in front, and those behind it are hidden."""
    context = browser.contexts[0]
    blank = context.new_page()
    for page in context.pages:
        if page is not blank:
            page.close()
    yield context
    context.set_offline(False)
    context.clear_cookies()


@pytest.fixture
def login(server, context, site, request):
    login = server.login(re.sub(r"\W", "", request.node.name)[:40])
    context.add_cookies([login.cookie | {"url": site}])
    return login
