"""A real browser with real tabs and windows, a site that includes the tracker, and a server behind it.

Playwright normally tells every page that it is visible and has the focus. Here Chromium is started by hand and
attached to without those defaults, so that a tab behind another is hidden, a window beside another has lost the
focus, and a frozen page is frozen: nothing about visibility is emulated.

``server`` is what answers the API; it may be any that gives ``base_url`` and ``login``. ``site`` stands before it,
adds pages and passes everything else on, so that pages and API share an origin.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import signal
import subprocess
import threading
import urllib.error
import urllib.request
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from playwright.sync_api import sync_playwright
from tests.support.processes import Running

from stoa.web.auth import LOGIN_COOKIE

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


FAKES = [
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--auto-select-desktop-capture-source=Entire screen",
]


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
    admin: dict

    def login(self):
        """Somebody new, signed in."""
        username, password = f"visitor-{secrets.token_hex(6)}", "a visitor's password"
        person = {"username": username, "password": password, "firstName": "Some", "lastName": "Body"}
        made = httpx.post(
            f"{self.base_url}/api/v1/users/",
            json=person | {"accessId": "student"},
            headers=self.admin,
            timeout=60,
        )
        assert made.status_code == 200, made.text
        answer = httpx.post(
            f"{self.base_url}/auth/login", json={"username": username, "password": password}, timeout=60
        )
        cookie = {"name": LOGIN_COOKIE, "value": answer.cookies[LOGIN_COOKIE]}
        return Login(username, cookie, answer.json()["access_token"])


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """A real `stoa serve`."""
    folder = tmp_path_factory.mktemp("tracker")
    running = Running(folder, "--data", folder).wait_ready()
    yield Server(running.address, {"authorization": f"Bearer {running.sign_in()['access_token']}"})
    running.stop()


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
                with urllib.request.urlopen(request, timeout=60) as answer:
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
def playwright():
    """The one of this process: there can not be two."""
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="module")
def media(playwright):
    """A browser with fake cameras and microphones."""
    arguments = [each for each in ARGUMENTS if not each.startswith("--remote-debugging")]
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments + FAKES)
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def browser(chromium, playwright):
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
def login(server, context, site):
    login = server.login()
    context.add_cookies([login.cookie | {"url": site}])
    return login
