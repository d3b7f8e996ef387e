"""A session's values as plain JSON and back: in events and in snapshots."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from enum import StrEnum
from typing import Any

from stoa.missions.model import (
    Accessibility,
    Assignment,
    ChatMessage,
    Execution,
    Member,
    Numbers,
    Output,
    OutputKind,
    Person,
    Role,
    SessionConfig,
    Status,
)

_NAMES: dict[type, tuple[str, ...]] = {
    kind: tuple(one.name for one in fields(kind))
    for kind in (Person, Member, SessionConfig, Assignment, Execution, Output, ChatMessage, Numbers)
}


def to_plain(value: Any) -> dict[str, Any]:
    """A flat frozen value as a plain object; a person inside becomes one too."""
    plain: dict[str, Any] = {}
    for name in _NAMES[type(value)]:
        one = getattr(value, name)
        if isinstance(one, StrEnum):
            one = str(one)
        elif isinstance(one, Person):
            one = to_plain(one)
        elif isinstance(one, tuple):
            one = list(one)
        plain[name] = one
    return plain


def person_from(plain: Mapping[str, Any]) -> Person:
    return Person(**{**plain, "express_permissions": tuple(plain["express_permissions"])})


def member_from(plain: Mapping[str, Any]) -> Member:
    return Member(plain["id"], person_from(plain["person"]), Role(plain["role"]), plain["force_id"])


def config_from_plain(plain: Mapping[str, Any]) -> SessionConfig:
    return SessionConfig(**{**plain, "accessibility": Accessibility(plain["accessibility"])})


def assignment_from(plain: Mapping[str, Any]) -> Assignment:
    role = plain["role"]
    return Assignment(None if role is None else Role(role), plain["force_id"])


def execution_from(plain: Mapping[str, Any]) -> Execution:
    return Execution(**{**plain, "status": Status(plain["status"])})


def output_from(plain: Mapping[str, Any]) -> Output:
    return Output(**{**plain, "kind": OutputKind(plain["kind"])})


def chat_from(plain: Mapping[str, Any]) -> ChatMessage:
    return ChatMessage(**plain)
