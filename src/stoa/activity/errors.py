"""What can go wrong with activity. On the wire each is 400 ``{"name": "", "description": message}``.

- ``SessionNotValidError``  a ping without an active session
- ``PingInvalidError``      a body that is no ping: broken, a key missing, a value of the wrong type
  - ``PathInvalidError``
- ``FilterInvalidError``    a query parameter that can't be read
"""

from __future__ import annotations

from typing import ClassVar

from stoa.kernel.errors import ConflictError, InvalidError


class SessionNotValidError(ConflictError):
    code: ClassVar[str] = "activity.session_not_valid"

    def __init__(self) -> None:
        super().__init__("Session Not Valid")


class PingInvalidError(InvalidError):
    code: ClassVar[str] = "activity.ping_invalid"


class PathInvalidError(PingInvalidError):
    code: ClassVar[str] = "activity.path_invalid"


class FilterInvalidError(InvalidError):
    code: ClassVar[str] = "activity.filter_invalid"
