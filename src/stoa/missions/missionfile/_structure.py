"""The tree of prototypes: nested objects, walked with a stack of our own so that depth can't hurt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stoa.missions.reading import ID_PATTERN, Reader

MAX_DEPTH = 100
MAX_PLACES = 5_000


def check_structure(top: Reader) -> None:
    """Notes a structure that is no tree, too deep, too large, or that does not match the prototypes one to one."""
    structure = top.raw("structure")
    if not isinstance(structure, Mapping):
        top.fault("structure", "must be an object." if top.has("structure") else "is required.")
        return
    keys = _keys(top, structure)
    if keys is not None:
        _match(top, keys)


def _keys(top: Reader, structure: Mapping[str, Any]) -> set[str] | None:
    keys: set[str] = set()
    stack: list[tuple[str, Mapping[str, Any], int]] = [("structure", structure, 1)]
    while stack:
        path, level, depth = stack.pop()
        if depth > MAX_DEPTH:
            top.fault("structure", f"must be at most {MAX_DEPTH} levels deep.")
            return None
        for key, below in level.items():
            if not isinstance(key, str) or not ID_PATTERN.fullmatch(key):
                top.fault(path, "must have keys of letters, digits, - and _, at most 64.")
                continue
            if key in keys:
                top.fault(f"{path}.{key}", "stands twice in the structure.")
                continue
            keys.add(key)
            if len(keys) > MAX_PLACES:
                top.fault("structure", f"must have at most {MAX_PLACES} places.")
                return None
            if isinstance(below, Mapping):
                stack.append((f"{path}.{key}", below, depth + 1))
            else:
                top.fault(f"{path}.{key}", "must be an object.")
    return keys


def _match(top: Reader, keys: set[str]) -> None:
    listed = top.raw("prototypes")
    if not isinstance(listed, list | tuple):
        return
    seen: set[str] = set()
    for index, prototype in enumerate(listed[:MAX_PLACES]):
        key = prototype.get("structureKey") if isinstance(prototype, Mapping) else None
        if not isinstance(key, str):
            continue
        if key in seen:
            top.fault(f"prototypes[{index}].structureKey", "is another prototype's too.")
        elif key not in keys:
            top.fault(f"prototypes[{index}].structureKey", "is not in the structure.")
        seen.add(key)
    for key in sorted(keys - seen):
        top.fault("structure", f"names {key!r}, which no prototype has.")
