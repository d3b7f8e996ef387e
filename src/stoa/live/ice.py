"""The STUN and TURN servers that browsers are told, with credentials of each user's own that soon expire. Pure.

The credentials are those of the TURN REST API (draft-uberti-behave-turn-rest), as coturn's ``use-auth-secret`` checks
them: a user name that says until when, and its HMAC under a secret that is shared with the TURN server.
"""

from __future__ import annotations

import hmac
from base64 import b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any


@dataclass(frozen=True, slots=True)
class Ice:
    """``stun`` and ``turn`` are URLs (RFC 7064, RFC 7065)."""

    stun: tuple[str, ...] = ()
    turn: tuple[str, ...] = ()
    secret: str = ""
    lifetime: timedelta = timedelta(hours=1)

    def credentials(self, user_id: str, *, now: datetime) -> tuple[str, str]:
        username = f"{int((now + self.lifetime).timestamp())}:{user_id}"
        digest = hmac.digest(self.secret.encode(), username.encode(), "sha1")
        return username, b64encode(digest).decode()

    def servers(self, user_id: str, *, now: datetime) -> list[dict[str, Any]]:
        """As ``RTCConfiguration.iceServers`` takes them."""
        found: list[dict[str, Any]] = [{"urls": list(self.stun)}] if self.stun else []
        if self.turn:
            username, credential = self.credentials(user_id, now=now)
            found.append({"urls": list(self.turn), "username": username, "credential": credential})
        return found
