"""A mission's document is read whole or refused whole, with every fault at its path."""

import copy
import json
from dataclasses import replace

import pytest
from tests.unit.missions.world import MISSION, document, effect, metas

from stoa.kernel.ids import SeededIds
from stoa.missions.errors import MissionInvalidError, MissionTooLargeError, MissionUnreadableError
from stoa.missions.missionfile import (
    copy_mission,
    export_mission,
    import_mission,
    mission_from,
    mission_to,
    new_mission,
    read_document,
    trusted_mission,
)


class Gone:
    """A key that is not there. Named, so that every worker gives a case the same name."""

    def __repr__(self):
        return "GONE"


GONE = Gone()


def changed(path, value):
    made = document()
    at = made
    *way, last = path
    for step in way:
        at = at[step]
    if value is GONE:
        del at[last]
    else:
        at[last] = value
    return made


def faults_of(made):
    with pytest.raises(MissionInvalidError) as caught:
        mission_from(made)
    return {fault.field: fault.message for fault in caught.value.faults}


NODE = ("forces", 0, "nodes", 1)
ACTION = (*NODE, "actions", 0)
EFFECT = ("forces", 0, "nodes", 6, "actions", 0, "effects")
NAMES = [("name",), ("forces", 0, "name"), (*NODE, "name"), (*ACTION, "name"), (*EFFECT, 0, "name")]


def written(path):
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}"
    return text.lstrip(".")


BAD = [
    *((path, "", "empty") for path in NAMES),
    *((path, "x" * 176, "175") for path in NAMES),
    *((path, 5, "text") for path in NAMES),
    *((path, "\ud800", "Unicode") for path in NAMES),
    *((path, "a\0b", "NUL") for path in NAMES),
    (("_id",), GONE, "required"),
    (("_id",), "a b", "id"),
    (("seed",), GONE, "required"),
    (("versionNumber",), 1.5, "whole"),
    (("versionNumber",), -1, "between"),
    (("versionNumber",), True, "number"),
    (("versionNumber",), float("nan"), "between"),
    (("resourceLabel",), "x" * 17, "16"),
    (("structure",), [], "object"),
    (("structure",), GONE, "required"),
    (("structure", "root"), 5, "object"),
    (("prototypes",), [], "between"),
    (("prototypes",), {}, "list"),
    (("prototypes", 0, "structureKey"), "elsewhere", "structure"),
    (("prototypes", 0, "depthPadding"), -1, "between"),
    (("forces",), [], "between"),
    (("forces",), GONE, "required"),
    (("forces", 0), "red", "object"),
    (("forces", 0, "color"), "red", "colour"),
    (("forces", 0, "initialResources"), -1, "between"),
    (("forces", 0, "initialResources"), 0.5, "whole"),
    (("forces", 0, "initialResources"), 10**30, "between"),
    (("forces", 0, "allowNegativeResources"), "yes", "true or false"),
    (("forces", 0, "introMessage"), "x" * 70_000, "65536"),
    (("forces", 0, "introMessage"), "&" * 60_000, "as HTML"),
    (("forces", 1, "localKey"), "red", "another"),
    (("forces", 0, "nodes"), [], "between"),
    ((*NODE, "color"), "#12", "colour"),
    ((*NODE, "prototypeId"), "p-root", "another node"),
    ((*NODE, "prototypeId"), "p-nowhere", "no prototype"),
    ((*NODE, "localKey"), "root", "another"),
    ((*NODE, "actions"), [], "executable"),
    ((*NODE, "executable"), 1, "true or false"),
    ((*ACTION, "processTime"), -1, "between"),
    ((*ACTION, "processTime"), 7_199_001, "between"),
    ((*ACTION, "processTime"), 0.1234567, "decimals"),
    ((*ACTION, "successChance"), 1.01, "between"),
    ((*ACTION, "successChance"), "0.5", "number"),
    ((*ACTION, "resourceCost"), -1, "between"),
    ((*ACTION, "resourceCost"), 1.5, "whole"),
    ((*ACTION, "opensNode"), None, "true or false"),
    ((*EFFECT, 0, "trigger"), "sometimes", "one of"),
    ((*EFFECT, 0, "targetId"), "explode", "one of"),
    ((*EFFECT, 0, "args"), [], "object"),
    ((*EFFECT, 0, "args"), GONE, "required"),
    ((*EFFECT, 0, "args", "forceMetadata"), {"forceId": "purple"}, "force"),
    ((*EFFECT, 0, "args", "forceMetadata"), GONE, "required"),
    ((*EFFECT, 0, "args", "message"), GONE, "required"),
    ((*EFFECT, 0, "args", "message"), 5, "text"),
    ((*EFFECT, 0, "args", "message"), "<" * 60_000, "as HTML"),
    ((*EFFECT, 0, "args", "volume"), 5, "argument"),
    ((*EFFECT, 1, "args", "modifier"), -1, "between"),
    ((*EFFECT, 1, "args", "modifier"), "7", "number"),
    ((*EFFECT, 2, "args", "nodeMetadata"), {"nodeId": "nowhere"}, "node"),
    ((*EFFECT, 2, "args", "blockStatus"), "perhaps", "one of"),
    ((*EFFECT, 4, "args", "fileMetadata"), {"fileId": "nothing"}, "file"),
    ((*EFFECT, 5, "args", "successChance"), 101, "between"),
    ((*EFFECT, 5, "args", "actionMetadata"), {"actionId": "nothing"}, "node"),
    ((*EFFECT, 6, "args", "seconds"), 60, "between"),
    (("files", 0, "reference"), GONE, "stored file"),
    (("files", 0, "initialAccess"), ["purple"], "force"),
    (("createdAt",), "yesterday", "time"),
]


@pytest.mark.parametrize(("path", "value", "reason"), BAD, ids=lambda one: str(one)[:40])
def test_a_fault_is_named_with_its_path(path, value, reason):
    found = faults_of(changed(path, value))
    hits = {field: text for field, text in found.items() if field.startswith(written(path))}
    assert hits, found
    assert any(reason in text for text in hits.values()), hits


@pytest.mark.parametrize(
    "path",
    [
        (),
        ("forces", 0),
        NODE,
        ACTION,
        (*EFFECT, 0),
        ("prototypes", 0),
        ("files", 0),
    ],
)
def test_an_unknown_field_is_refused(path):
    found = faults_of(changed((*path, "colour"), "red"))
    assert found == {written((*path, "colour")): "is not a known field."}


@pytest.mark.parametrize(
    "path",
    [
        ("prototypes", 0, "_id"),
        ("forces", 1, "_id"),
        (*NODE, "_id"),
        (*ACTION, "_id"),
        (*EFFECT, 1, "_id"),
        ("files", 1, "_id"),
    ],
)
def test_ids_are_distinct(path):
    made = changed(path, "red-gate")
    if path[0] == "prototypes":
        for force in made["forces"]:
            force["nodes"][0]["prototypeId"] = "red-gate"
    found = faults_of(made)
    assert any("something else" in text for text in found.values()), found


def test_every_fault_is_told_at_once():
    made = document()
    made["forces"][0]["nodes"][3]["name"] = ""
    made["forces"][2]["nodes"][1]["actions"][0]["successChance"] = 7
    made["wrong"] = 1
    assert set(faults_of(made)) == {
        "wrong",
        "forces[0].nodes[3].name",
        "forces[2].nodes[1].actions[0].successChance",
    }


@pytest.mark.parametrize("made", [None, [], "mission", 5, True])
def test_what_is_no_object_is_refused(made):
    assert "" in faults_of(made)


@pytest.mark.parametrize("depth", [101, 1_000, 50_000])
def test_a_deep_structure_is_refused_without_recursion(depth):
    made = document()
    at = made["structure"] = {}
    for level in range(depth):
        at[f"k{level}"] = at = {}
    assert "levels deep" in faults_of(made)["structure"]
    while made:
        # Python frees a deep nest recursively too, within its own guard; taken apart here all the same.
        made = made.popitem()[1] if isinstance(made, dict) else None


def test_deep_arguments_are_refused():
    made = document()
    at = made["forces"][0]["nodes"][6]["actions"][0]["effects"][8]["args"]
    for _ in range(5_000):
        at["x"] = at = {}
    assert "forces[0].nodes[6].actions[0].effects[8].args" in faults_of(made)


def test_too_many_faults_are_counted_to_a_thousand():
    made = document()
    for key in range(3_000):
        made[f"x{key}"] = 1
    with pytest.raises(MissionInvalidError) as caught:
        mission_from(made)
    assert len(caught.value.faults) == 1_000


def test_nine_forces_are_too_many():
    made = document()
    made["forces"] += [copy.deepcopy(made["forces"][0]) for _ in range(6)]
    assert "forces" in faults_of(made)


def test_a_force_lacks_no_prototype():
    made = document()
    del made["forces"][1]["nodes"][-1]
    assert faults_of(made) == {"forces[1].nodes": "has no node for the prototype 'p-gate'."}


HTML = [
    ("<p>fine</p>", "<p>fine</p>"),
    ("<script>alert(1)</script>hello", "hello"),
    ("<img src=x onerror=alert(1)>", ""),
    ('<a href="javascript:alert(1)">x</a>', '<a rel="noopener noreferrer">x</a>'),
    ("<p onclick='x()'>text</p>", "<p>text</p>"),
    ("plain & simple", "plain &amp; simple"),
]
TEXTS = [
    ("forces", 0, "introMessage"),
    (*NODE, "description"),
    (*NODE, "preExecutionText"),
    (*ACTION, "description"),
    (*ACTION, "postExecutionSuccessText"),
    (*ACTION, "postExecutionFailureText"),
    (*EFFECT, 0, "description"),
    (*EFFECT, 0, "args", "message"),
]


@pytest.mark.parametrize("path", TEXTS, ids=written)
@pytest.mark.parametrize(("text", "clean"), HTML)
def test_html_is_sanitised_and_stays_so(path, text, clean):
    read = mission_to(mission_from(changed(path, text)))
    at = read
    for step in path:
        at = at[step]
    assert at == clean
    assert mission_to(mission_from(read)) == read


def test_reading_does_not_change_the_document_but_for_arguments_of_its_own_copy():
    made = document()
    before = copy.deepcopy(made)
    mission_from(made)
    assert made == before


def test_defaults():
    ids = SeededIds()
    made = {
        "name": "m",
        "structure": {"a": {}},
        "prototypes": [{"_id": "p", "structureKey": "a"}],
        "forces": [{"nodes": [{"prototypeId": "p", "name": "n", "actions": [{"name": "a"}]}]}],
    }
    mission = mission_from(made, ids=ids)
    (force,) = mission.forces
    (node,) = force.nodes
    (action,) = node.actions
    assert (mission.resource_label, mission.version_number, force.name) == ("Resources", 1, "Friendly")
    assert (force.initial_resources, force.reveal_all, node.color) == (100, False, "#ffffff")
    assert (action.process_ms, action.chance, action.cost, action.opens_node) == (5000, 0.5, 1, True)
    assert mission.seed


@pytest.mark.parametrize("mission", [MISSION, new_mission("New", ids=SeededIds())], ids=["full", "new"])
class TestRoundTrips:
    def test_document(self, mission):
        assert mission_from(mission_to(mission)) == mission

    def test_through_text(self, mission):
        assert mission_from(json.loads(json.dumps(mission_to(mission)))) == mission

    def test_trusted(self, mission):
        assert trusted_mission(mission_to(mission)) == mission

    def test_file(self, mission):
        text = json.dumps(export_mission(mission))
        imported = import_mission(text, ids=SeededIds("other")).mission
        assert imported.id != mission.id
        assert replace(imported, id=mission.id) == mission

    def test_copy(self, mission):
        other = copy_mission(mission, name="Copy", ids=SeededIds("copy"))
        assert (other.name, other.forces, other.structure) == ("Copy", mission.forces, mission.structure)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not json",
        b"[]",
        b"5",
        b"{",
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b'{"a":' * 5_000,
    ],
)
def test_what_is_no_document_is_unreadable(content):
    with pytest.raises(MissionUnreadableError):
        read_document(content)


def test_sixteen_megabytes_are_too_much():
    with pytest.raises(MissionTooLargeError):
        read_document(b" " * (16 * 1024 * 1024))


@pytest.mark.parametrize(
    "meta",
    [
        metas("blue"),
        {"forceKey": "blue"},
        {"forceKey": "self"},
        {**metas("blue"), "forceName": "blue force"},
    ],
)
def test_arguments_name_by_id_by_key_or_self(meta):
    made = document()
    made["forces"][0]["nodes"][8]["actions"][0]["effects"] = [
        effect("new", "output", forceMetadata=meta, message="x")
    ]
    assert mission_from(made)


@pytest.mark.parametrize(
    ("value", "read"), [("u1", "u1"), ({"_id": "u1", "username": "x"}, "u1"), (None, None)]
)
def test_a_creator_is_an_id_or_a_whole_user(value, read):
    assert mission_from(changed(("createdBy",), value)).stamps.created_by == read


@pytest.mark.parametrize("value", [5, {}, {"_id": 5}, "x" * 65])
def test_a_creator_is_nothing_else(value):
    assert "createdBy" in faults_of(changed(("createdBy",), value))
