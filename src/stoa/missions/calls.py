"""What a target environment's script asks of the exercise, as commands to the engine.

A call is plain JSON: ``{"call": "sendOutput", "message": "<p>…</p>", "force": …}``. ``force``, ``node``, ``action`` and
``file`` are ids or objects such as effects' arguments hold; left out, the effect's own is meant.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stoa.missions.commands import Change, invalid_message
from stoa.missions.model import MAX_PROCESS_MS
from stoa.missions.reading import MAX_NUMBER, Faults, Reader

MOST_CALLS = 100
_SELF = {"forceKey": "self", "nodeKey": "self", "actionKey": "self"}
_UNITS = (("hours", 3_600_000), ("minutes", 60_000), ("seconds", 1_000), ("milliseconds", 1))


def changes_from(calls: Any) -> tuple[Change, ...]:
    """Raises MissionInvalidError with everything that is wrong with them. What they aim at, the engine looks up."""
    faults = Faults()
    top = Reader({"calls": calls}, "", faults, known=("calls",))
    changes = []
    for index, plain in enumerate(top.list_of("calls", high=MOST_CALLS)):
        name = plain.get("call") if isinstance(plain, dict) else None
        if not isinstance(name, str) or name not in _CALLS:
            top.fault(f"calls[{index}].call", f"must be one of {', '.join(_CALLS)}.")
            continue
        known, make = _CALLS[name]
        changes.append(make(Reader(plain, f"calls[{index}]", faults, known=("call", *known))))
    if faults:
        raise invalid_message(faults)
    return tuple(changes)


def _meta(at: Reader, key: str) -> Any:
    """What the engine's targets take: ``{"nodeId": …}`` for an id, an object as it is."""
    value = at.raw(key)
    return {f"{key}Id": value} if isinstance(value, str) else value or _SELF


def _output(at: Reader) -> Change:
    return Change("output", {"forceMetadata": _meta(at, "force"), "message": at.text("message")})


def _block(status: str) -> Callable[[Reader], Change]:
    return lambda at: Change("block-status", {"nodeMetadata": _meta(at, "node"), "blockStatus": status})


def _open(at: Reader) -> Change:
    return Change("open-node", {"nodeMetadata": _meta(at, "node"), "openNode": "open"})


def _chance(at: Reader) -> Change:
    points = round(at.number("operand", low=-1, high=1) * 100, 9)
    return Change("success-chance-mod", {"actionMetadata": _meta(at, "action"), "successChance": points})


def _time(at: Reader) -> Change:
    operand = round(at.number("operand", low=-MAX_PROCESS_MS, high=MAX_PROCESS_MS))
    sign, rest = (-1 if operand < 0 else 1), abs(operand)
    args: dict[str, Any] = {"actionMetadata": _meta(at, "action")}
    for unit, size in _UNITS:
        count, rest = divmod(rest, size)
        args[unit] = sign * count
    return Change("process-time-mod", args)


def _cost(at: Reader) -> Change:
    operand = at.number("operand", low=-MAX_NUMBER)
    return Change("resource-cost-mod", {"actionMetadata": _meta(at, "action"), "resourceCost": operand})


def _pool(at: Reader) -> Change:
    return Change("award", {"forceMetadata": _meta(at, "force"), "modifier": at.number("operand")})


def _access(access: str) -> Callable[[Reader], Change]:
    def make(at: Reader) -> Change:
        args = {"forceMetadata": _meta(at, "force"), "fileMetadata": _meta(at, "file"), "access": access}
        return Change("file-access", args)

    return make


_CALLS: dict[str, tuple[tuple[str, ...], Callable[[Reader], Change]]] = {
    "sendOutput": (("force", "message"), _output),
    "blockNode": (("node",), _block("block")),
    "unblockNode": (("node",), _block("unblock")),
    "openNode": (("node",), _open),
    "modifySuccessChance": (("action", "operand"), _chance),
    "modifyProcessTime": (("action", "operand"), _time),
    "modifyResourceCost": (("action", "operand"), _cost),
    "modifyResourcePool": (("force", "operand"), _pool),
    "grantFileAccess": (("force", "file"), _access("granted")),
    "revokeFileAccess": (("force", "file"), _access("revoked")),
}
