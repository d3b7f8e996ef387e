"""Text to a document, refusing what is too much before it is read."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from stoa.missions.errors import MissionTooLargeError, MissionUnreadableError

MAX_BYTES = 10 * 1024 * 1024


def read_document(content: bytes | str, *, limit: int = MAX_BYTES) -> dict[str, Any]:
    """The JSON object in a file. Raises MissionTooLargeError over ``limit`` bytes, MissionUnreadableError otherwise."""
    if len(content) > limit:
        raise MissionTooLargeError(f"A mission is at most {limit // 1024 // 1024} MB.")
    try:
        document = json.loads(content, parse_constant=_refuse_constant)
    except RecursionError:
        raise MissionUnreadableError("The file is nested too deep.") from None
    except (ValueError, UnicodeDecodeError) as error:
        raise MissionUnreadableError(f"The file is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise MissionUnreadableError("The file must hold one JSON object.")
    return document


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON's.")
