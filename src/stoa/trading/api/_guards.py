"""Who may, where no object decides."""

from __future__ import annotations

from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from stoa.kernel.errors import ForbiddenError
from stoa.web.auth import signed_in


async def admin(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """A guard: an administrator must be signed in."""
    await signed_in(connection, handler)
    if not connection.user.is_admin:
        raise ForbiddenError("Only administrators may do this.")
