"""A mission as it is written."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

MAX_NAME = 175
MAX_LABEL = 16
MAX_FORCES = 8
MAX_PROCESS_MS = 7_199_000
DEFAULT_COLOR = "#ffffff"
DEFAULT_LABEL = "Resources"
DEFAULT_RESOURCES = 100
DEFAULT_PROCESS_MS = 5000
DEFAULT_CHANCE = 0.5
DEFAULT_COST = 1
DEFAULT_FORCE_NAMES = (
    "Friendly",
    "Enemy",
    "Guerrilla",
    "Local National",
    "White Cell",
    "Non-State Actors",
    "Coalition",
    "Civilian Industry",
)


class Trigger(StrEnum):
    IMMEDIATE = "immediate"
    SUCCESS = "success"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class Effect:
    """What a target environment is asked to do, and when. ``args`` is plain JSON."""

    id: str
    name: str
    target_id: str
    environment_id: str
    trigger: Trigger
    args: dict[str, Any]
    description: str = ""
    environment_version: str = ""
    local_key: str = ""


@dataclass(frozen=True, slots=True)
class Action:
    """``process_ms`` is milliseconds; ``chance`` is 0…1. What is hidden is never sent to a session's clients."""

    id: str
    name: str
    description: str = ""
    process_ms: float = DEFAULT_PROCESS_MS
    process_hidden: bool = False
    chance: float = DEFAULT_CHANCE
    chance_hidden: bool = False
    cost: int = DEFAULT_COST
    cost_hidden: bool = False
    opens_node: bool = True
    opens_hidden: bool = False
    success_text: str = ""
    failure_text: str = ""
    local_key: str = ""
    effects: tuple[Effect, ...] = ()


@dataclass(frozen=True, slots=True)
class Node:
    """A force's own face of one prototype."""

    id: str
    prototype_id: str
    name: str
    color: str = DEFAULT_COLOR
    description: str = ""
    pre_text: str = ""
    executable: bool = False
    device: bool = False
    exclude: bool = False
    local_key: str = ""
    actions: tuple[Action, ...] = ()


@dataclass(frozen=True, slots=True)
class Force:
    id: str
    name: str
    intro: str = ""
    color: str = DEFAULT_COLOR
    initial_resources: int = DEFAULT_RESOURCES
    allow_negative: bool = False
    reveal_all: bool = False
    local_key: str = ""
    nodes: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True)
class Prototype:
    """A place in the tree that all forces share. ``structure_key`` is its name in the mission's structure."""

    id: str
    structure_key: str
    depth_padding: int = 0


@dataclass(frozen=True, slots=True)
class MissionFile:
    """``reference`` is the stored file's id; ``initial_access`` are the forces that have it from the start."""

    id: str
    reference: str
    alias: str = ""
    last_known_name: str = ""
    initial_access: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.alias or self.last_known_name


@dataclass(frozen=True, slots=True)
class Stamps:
    """Who made the mission and when; the server's to set."""

    created_at: datetime | None = None
    updated_at: datetime | None = None
    launched_at: datetime | None = None
    created_by: str | None = None
    created_by_username: str | None = None
    deleted: bool = False


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Mission:
    """``structure`` is the tree of prototypes: nested objects of structure keys; its own keys are the roots."""

    id: str
    name: str
    seed: str
    structure: dict[str, Any]
    prototypes: tuple[Prototype, ...]
    forces: tuple[Force, ...]
    files: tuple[MissionFile, ...] = ()
    version_number: int = 1
    resource_label: str = DEFAULT_LABEL
    stamps: Stamps = field(default_factory=Stamps)
