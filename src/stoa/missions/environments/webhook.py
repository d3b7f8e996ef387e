"""The environment ``webhook``: an effect becomes a signed POST to an address of the mission's, as Standard Webhooks says.

The answer may hold calls: ``{"calls": [{"call": "sendOutput", "message": "<p>Somebody is at the gate.</p>"}]}``.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import Any
from urllib.parse import SplitResult, quote, urlsplit

from standardwebhooks import Webhook

from stoa.kernel.clock import SystemClock
from stoa.missions.environments import (
    Arg,
    ArgKind,
    Context,
    EffectFailedError,
    Environment,
    Target,
    TryAgainError,
)
from stoa.missions.environments._addresses import RefusedAddressError, connect, resolved

MOST_BYTES = 65_536
"""Of an answer; one that is longer is refused."""
_IO_SECONDS = 5.0
_LATER = frozenset({408, 425, 429})
_NO_ADDRESS = "The webhook's address is none: https://host/path, without a user, is one."
_SAFE = "/%:=&?~+!$,;'@()*[]-._"


def send(context: Context) -> None:
    secrets = context.settings.get("secrets") or []
    if not secrets:
        raise EffectFailedError("No webhook secret is set on this server.")
    url = _split(str(context.args["url"]))
    body = _body(context)
    until = time.monotonic() + context.seconds - min(1, context.seconds / 5)
    call = _Call(url, body, _headers(context.call_id, body, secrets), until)
    try:
        status, content_type, answer = call.post(context.settings.get("allow") or [])
    except RefusedAddressError:
        raise EffectFailedError(f"{url.hostname} is not an address that webhooks may call.") from None
    except UnicodeError:
        raise EffectFailedError(_NO_ADDRESS) from None
    except (OSError, http.client.HTTPException) as error:
        raise TryAgainError(f"{url.hostname} did not answer: {type(error).__name__}.") from None
    if status >= 500 or status in _LATER:
        raise TryAgainError(f"{url.hostname} answered {status}.")
    if not 200 <= status < 300:
        raise EffectFailedError(f"{url.hostname} answered {status}.")
    context.calls.extend(_calls(content_type, answer, str(url.hostname)))


def _split(url: str) -> SplitResult:
    """Raises EffectFailedError for what is no plain address of a server."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable or parts.username is not None or parts.password is not None:
        raise EffectFailedError(_NO_ADDRESS)
    return parts


def _body(context: Context) -> str:
    data = {
        "callId": context.call_id,
        "targetId": context.target_id,
        "text": context.args.get("text") or "",
        **{key: getattr(context, key) for key in ("session", "mission", "force", "node", "action", "effect")},
    }
    at = SystemClock().now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return json.dumps({"type": "missions.effect", "timestamp": at, "data": data})


def _headers(call_id: str, body: str, secrets: list[str]) -> dict[str, str]:
    """One signature for each secret, so that receivers can change over from an old one to a new one."""
    at = SystemClock().now()
    signed = " ".join(Webhook(one).sign(call_id, at, body) for one in secrets)
    return {
        "content-type": "application/json",
        "user-agent": "stoa",
        "webhook-id": call_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": signed,
    }


@dataclass(frozen=True, slots=True)
class _Call:
    """One request, to what its host's name leads to now. Nothing is followed, and no proxy is asked.

    It is given up at ``until``, of the monotonic clock: soon after that its process is killed, which ends the effect, and
    what can't be reached is to be tried again.
    """

    url: SplitResult
    body: str
    headers: Mapping[str, str]
    until: float

    def post(self, allow: list[str]) -> tuple[int, str, bytes]:
        """(status, content type, body)"""
        secure = self.url.scheme == "https"
        host = str(self.url.hostname)
        port = self.url.port or (443 if secure else 80)
        found = resolved(host, port, allowed=[ip_network(one) for one in allow])
        if not secure and not all(by_setting for _, by_setting in found):
            raise EffectFailedError("Webhooks go by https.")
        addresses = [address for address, _ in found]
        name = host if ":" in host else host.encode("idna").decode()
        connection = (http.client.HTTPSConnection if secure else http.client.HTTPConnection)(name, port)
        connection.auto_open = 0  # it is connected by hand, and never looks the name up again
        connection.sock = sock = self._connected(addresses, port, name if secure else None)
        try:
            path = quote(self.url.path or "/", safe=_SAFE)
            if self.url.query:
                path += "?" + quote(self.url.query, safe=_SAFE)
            connection.request("POST", path, self.body.encode(), dict(self.headers))
            sock.settimeout(self._left())
            response = connection.getresponse()
            return response.status, response.getheader("content-type") or "", self._read(response, sock)
        finally:
            connection.close()

    def _connected(
        self, addresses: list[IPv4Address | IPv6Address], port: int, name: str | None
    ) -> socket.socket:
        sock = connect(addresses, port, seconds=self._left)
        try:
            sock.settimeout(self._left())
            if name is None:
                return sock
            return ssl.create_default_context().wrap_socket(sock, server_hostname=name)
        except BaseException:
            sock.close()
            raise

    def _left(self) -> float:
        """How long the next step may take, in seconds. Raises TimeoutError where no time is left."""
        left = self.until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return min(left, _IO_SECONDS)

    def _read(self, response: http.client.HTTPResponse, sock: socket.socket) -> bytes:
        """In pieces, so that a server that drips its answer is left in time."""
        answer = b""
        while piece := response.read1(MOST_BYTES):
            answer += piece
            if len(answer) > MOST_BYTES:
                raise EffectFailedError(f"{self.url.hostname} answered more than {MOST_BYTES} bytes.")
            sock.settimeout(self._left())
        return answer


def _calls(content_type: str, answer: bytes, host: str) -> list[Any]:
    """What is no JSON (an ``ok``, a page) asks for nothing."""
    if content_type.partition(";")[0].strip().lower() != "application/json" or not answer.strip():
        return []
    try:
        calls = json.loads(answer).get("calls", [])
    except (ValueError, AttributeError, RecursionError):
        calls = None
    if not isinstance(calls, list):
        raise EffectFailedError(f"{host} answered JSON that holds no list of calls.")
    return calls


WEBHOOK = Environment(
    id="webhook",
    name="Webhook",
    version="1.0.0",
    description="Tells another server, and does in the exercise what it answers.",
    targets=(
        Target(
            "send",
            "Send",
            (
                Arg(
                    "url",
                    ArgKind.STRING,
                    "Address",
                    required=True,
                    tooltip="https://host/path; private addresses only where the server's settings allow them.",
                ),
                Arg("text", ArgKind.LARGE_STRING, "Text", tooltip="Goes with what is told of the effect."),
            ),
            "Posts the effect, signed as Standard Webhooks says.",
        ),
    ),
    scripts={"send": send},
)
