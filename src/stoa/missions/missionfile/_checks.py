"""What only the whole shows: ids distinct, a node for every prototype in every force, effects that aim at something."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from stoa.missions.atlas import Atlas
from stoa.missions.html import clean_html
from stoa.missions.model import Action, Effect, Force, Mission
from stoa.missions.reading import MAX_NUMBER, MAX_TEXT, NOT_BOUNDED, TOO_LONG_CLEANED, Faults, bounded
from stoa.missions.targets import ENVIRONMENT_ID, Arg, ArgKind, Environments


def check_mission(mission: Mission, faults: Faults) -> None:
    _distinct(mission, faults)
    _keys_distinct("forces", mission.forces, faults)
    for index, force in enumerate(mission.forces):
        _one_node_each(mission, force, f"forces[{index}]", faults)
        _keys_distinct(f"forces[{index}].nodes", force.nodes, faults)
        for place, node in enumerate(force.nodes):
            _keys_distinct(f"forces[{index}].nodes[{place}].actions", node.actions, faults)
    known = {force.id for force in mission.forces}
    for index, file in enumerate(mission.files):
        for place, force_id in enumerate(file.initial_access):
            if force_id not in known:
                faults.add(f"files[{index}].initialAccess[{place}]", "is no force of this mission.")


def _one_node_each(mission: Mission, force: Force, path: str, faults: Faults) -> None:
    known = {prototype.id for prototype in mission.prototypes}
    seen: set[str] = set()
    for index, node in enumerate(force.nodes):
        if node.prototype_id not in known:
            faults.add(f"{path}.nodes[{index}].prototypeId", "is no prototype of this mission.")
        elif node.prototype_id in seen:
            faults.add(f"{path}.nodes[{index}].prototypeId", "has another node in this force.")
        seen.add(node.prototype_id)
    for missing in sorted(known - seen):
        faults.add(f"{path}.nodes", f"has no node for the prototype {missing!r}.")


def _keys_distinct(path: str, siblings: Iterable[Any], faults: Faults) -> None:
    seen: set[str] = set()
    for index, one in enumerate(siblings):
        if one.local_key in seen:
            faults.add(f"{path}[{index}].localKey", "is another's in the same list.")
        seen.add(one.local_key)


def _distinct(mission: Mission, faults: Faults) -> None:
    seen: set[str] = set()
    for path, id_ in _all_ids(mission):
        if id_ in seen:
            faults.add(path(), "is the id of something else in this mission.")
        seen.add(id_)


def _all_ids(mission: Mission) -> Iterator[tuple[Callable[[], str], str]]:
    """Every id with a way to its path: the path is written only for one that is wrong."""
    yield (lambda: "_id"), mission.id
    for p, prototype in enumerate(mission.prototypes):
        yield (lambda p=p: f"prototypes[{p}]._id"), prototype.id  # type: ignore[misc]
    for i, file in enumerate(mission.files):
        yield (lambda i=i: f"files[{i}]._id"), file.id  # type: ignore[misc]
    for f, force in enumerate(mission.forces):
        yield (lambda f=f: f"forces[{f}]._id"), force.id  # type: ignore[misc]
        for n, node in enumerate(force.nodes):
            yield (lambda f=f, n=n: f"forces[{f}].nodes[{n}]._id"), node.id  # type: ignore[misc]
            for a, action in enumerate(node.actions):
                base = f"forces[{f}].nodes[{n}].actions[{a}]"
                yield (lambda base=base: f"{base}._id"), action.id  # type: ignore[misc]
                for e, effect in enumerate(action.effects):
                    yield (lambda base=base, e=e: f"{base}.effects[{e}]._id"), effect.id  # type: ignore[misc]


def check_effects(mission: Mission, faults: Faults, environments: Environments) -> None:
    atlas: Atlas | None = None
    for f, force in enumerate(mission.forces):
        for n, node in enumerate(force.nodes):
            for a, action in enumerate(node.actions):
                for e, effect in enumerate(action.effects):
                    atlas = atlas or Atlas(mission)
                    path = f"forces[{f}].nodes[{n}].actions[{a}].effects[{e}]"
                    _Args(atlas, action, effect, path, faults).check(environments)


class _Args:
    """One effect's arguments against what its target declares."""

    def __init__(self, atlas: Atlas, action: Action, effect: Effect, path: str, faults: Faults) -> None:
        self._atlas = atlas
        self._action = action
        self._effect = effect
        self._path = path
        self._faults = faults

    def check(self, environments: Environments) -> None:
        """An effect of an environment that is not there is kept as it is, and fails when it is its turn. One that was
        written for another version of its environment takes other arguments: they are migrated when it is called.
        """
        if not bounded(self._effect.args):
            self._faults.add(f"{self._path}.args", NOT_BOUNDED)
            return
        environment = environments.get(self._effect.environment_id)
        if environment is None:
            return
        if self._is_foreign and self._effect.environment_version not in ("", environment.version):
            return
        target = environment.by_id.get(self._effect.target_id)
        if target is None:
            known = ", ".join(sorted(environment.by_id))
            self._faults.add(f"{self._path}.targetId", f"must be one of {known}.")
            return
        args = self._effect.args
        for key in args:
            if key not in {arg.id for arg in target.args}:
                self._faults.add(f"{self._path}.args.{key}", f"is no argument of {target.id}.")
        for arg in target.args:
            value = args.get(arg.id)
            if value is not None:
                self._one(arg, value)
            elif arg.required and arg.default is None and arg.counts(args):
                self._fault(arg, "is required.")

    @property
    def _is_foreign(self) -> bool:
        return self._effect.environment_id != ENVIRONMENT_ID

    def _fault(self, arg: Arg, message: str) -> None:
        self._faults.add(f"{self._path}.args.{arg.id}", message)

    def _one(self, arg: Arg, value: Any) -> None:
        match arg.kind:
            case ArgKind.FORCE if self._atlas.find_force(value, of=self._action) is None:
                self._fault(arg, "must name a force of this mission.")
            case ArgKind.NODE if self._atlas.find_node(value, of=self._action) is None:
                self._fault(arg, "must name a node of this mission.")
            case ArgKind.ACTION if self._atlas.find_actions(value, of=self._action) is None:
                self._fault(arg, "must name a node of this mission, and an action of it or none.")
            case ArgKind.FILE if self._atlas.find_file(value) is None:
                self._fault(arg, "must name a file of this mission.")
            case ArgKind.DROPDOWN if value not in arg.values:
                self._fault(arg, f"must be one of {', '.join(map(str, arg.values))}.")
            case ArgKind.BOOLEAN if not isinstance(value, bool):
                self._fault(arg, "must be true or false.")
            case ArgKind.NUMBER:
                self._number(arg, value)
            case ArgKind.STRING | ArgKind.LARGE_STRING:
                self._message(arg, value)

    def _number(self, arg: Arg, value: Any) -> None:
        low = -MAX_NUMBER if arg.low is None else arg.low
        high = MAX_NUMBER if arg.high is None else arg.high
        if isinstance(value, bool) or not isinstance(value, int | float):
            self._fault(arg, "must be a number.")
        elif not low <= value <= high:
            self._fault(arg, f"must be between {low} and {high}.")

    def _message(self, arg: Arg, value: Any) -> None:
        if not isinstance(value, str) or len(value) > MAX_TEXT:
            self._fault(arg, f"must be a text of at most {MAX_TEXT} characters.")
            return
        if not self._is_foreign:
            # The mission was made a moment ago and is nobody's yet: what it keeps is the cleaned text.
            cleaned = self._effect.args[arg.id] = clean_html(value)
            if len(cleaned) > MAX_TEXT:
                self._fault(arg, TOO_LONG_CLEANED)
