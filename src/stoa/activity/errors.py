"""What can go wrong with activity. On the wire each is 400 ``{"name": "", "description": message}``.

- ``SessionNotValidError``  a ping without an active session
- ``PathInvalidError``      a path that is none
- ``FilterInvalidError``    a query parameter that can't be read
"""

from __future__ import annotations

from typing import ClassVar

from stoa.kernel.errors import ConflictError, InvalidError


class SessionNotValidError(ConflictError):
    code: ClassVar[str] = "activity.session_not_valid"

    def __init__(self) -> None:
        super().__init__("Session Not Valid")


class PathInvalidError(InvalidError):
    code: ClassVar[str] = "activity.path_invalid"


class FilterInvalidError(InvalidError):
    code: ClassVar[str] = "activity.filter_invalid"
