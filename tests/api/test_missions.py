"""The mission library, info and target environments over HTTP, on SQLite and PostgreSQL."""

import asyncio
import io
import json
import zipfile
from pathlib import Path

import pytest

from stoa.kernel.ids import SeededIds
from stoa.missions.missionfile import CURRENT_BUILD, mission_to, new_mission

pytestmark = pytest.mark.anyio
SERVED = ("missions",)
MISSIONS = "/api/v1/missions/"
DATA = Path(__file__).parents[1] / "data" / "missions"
SERVERS_OWN = {"_id", "createdAt", "updatedAt", "launchedAt", "createdBy", "createdByUsername", "deleted"}


def document(**changes):
    whole = mission_to(new_mission("Night Watch", ids=SeededIds("document")))
    return {key: value for key, value in whole.items() if key not in SERVERS_OWN} | changes


@pytest.fixture
async def admin(house):
    async with house.client("ada.admin") as client:
        yield client


@pytest.fixture
async def teacher(house):
    async with house.client("ines.teacher") as client:
        yield client


async def create(client, **changes):
    answer = await client.post(MISSIONS, json=document(**changes))
    assert answer.status_code == 200, answer.text
    return answer.json()


async def count(client):
    return len((await client.get(MISSIONS)).json())


async def send(client, *files):
    uploads = [("files", (name, content, "application/octet-stream")) for name, content in files]
    return await client.post(MISSIONS + "import/", files=uploads)


def faults(answer, status=400):
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert error["status"] == status and error["message"]
    return {one["field"] for one in error.get("errors", [])}


def content(mission):
    return {key: value for key, value in mission.items() if key not in SERVERS_OWN}


async def test_a_mission_comes_back_as_it_was_sent(admin, house):
    made = await create(admin)
    assert content(made) == document()
    assert len(made["_id"]) == 24
    assert (made["createdBy"], made["createdByUsername"]) == (house.ids["ada.admin"], "ada.admin")
    assert made["createdAt"] == made["updatedAt"] == "2026-03-02T12:00:00.000Z"
    assert made["launchedAt"] is None
    assert made["deleted"] is False
    assert (await admin.get(MISSIONS + made["_id"])).json() == made


async def test_a_name_is_enough(admin):
    answer = await admin.post(MISSIONS, json={"name": "Blank"})
    assert answer.status_code == 200
    mission = answer.json()
    assert mission["name"] == "Blank"
    assert len(mission["forces"]) == len(mission["prototypes"]) == len(mission["forces"][0]["nodes"]) == 1


async def test_the_list_is_shallow(admin, teacher):
    made = await create(admin)
    listed = (await teacher.get(MISSIONS)).json()
    assert [one["_id"] for one in listed] == [made["_id"]]
    assert listed[0] == {key: made[key] for key in listed[0]}
    assert not {"structure", "forces", "prototypes", "files"} & set(listed[0])


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"), ({"name": 7}, "name"), ({"name": "x" * 176}, "name"), ({"name": "a\0b"}, "name"),
        ({"versionNumber": -1}, "versionNumber"), ({"versionNumber": 1.5}, "versionNumber"), ({"versionNumber": 10**400}, "versionNumber"),
        ({"resourceLabel": "x" * 17}, "resourceLabel"), ({"structure": []}, "structure"),
        ({"structure": {}}, "prototypes[0].structureKey"), ({"prototypes": []}, "prototypes"),
        ({"forces": []}, "forces"), ({"forces": [{}]}, "forces[0].nodes"), ({"forces": {}}, "forces"),
        ({"files": [{"reference": 3}]}, "files[0].reference"), ({"colour": "red"}, "colour"),
    ],
)  # fmt: skip
async def test_a_wrong_field_is_named_by_its_path(admin, change, field):
    assert field in faults(await admin.post(MISSIONS, json=document(**change)))
    assert await count(admin) == 0


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"color": "red"}, "color"), ({"executable": True}, "actions"), ({"name": None}, "name"),
        ({"prototypeId": "elsewhere"}, "prototypeId"), ({"speed": 3}, "speed"),
        ({"actions": [{"name": "Scan", "successChance": 1.1}]}, "actions[0].successChance"),
        ({"actions": [{"name": "Scan", "processTime": 7_199_001}]}, "actions[0].processTime"),
        ({"actions": [{"name": "Scan", "resourceCost": -1}]}, "actions[0].resourceCost"),
    ],
)  # fmt: skip
async def test_a_wrong_node_is_named_by_its_path(admin, change, field):
    body = document()
    body["forces"][0]["nodes"][0] |= change
    assert f"forces[0].nodes[0].{field}" in faults(await admin.post(MISSIONS, json=body))


async def test_all_faults_are_told_at_once(admin):
    told = faults(await admin.post(MISSIONS, json=document(name="", resourceLabel="", versionNumber="1")))
    assert told == {"name", "resourceLabel", "versionNumber"}


@pytest.mark.parametrize(
    "body",
    [b"{", b"", b"[1]", b"\xff\xfe", b'{"a":' * 50_000, b"null", b'{"name": NaN}', b'{"\\ud800": 1}',
     b'{"name": "\\ud800"}', b'{"name": 1' + b"0" * 5_000 + b"}", b'{"name": "x", "versionNumber": 1e999}'],
)  # fmt: skip
async def test_what_is_no_mission_at_all_is_400(admin, body):
    faults(await admin.post(MISSIONS, content=body, headers={"content-type": "application/json"}))
    assert await count(admin) == 0


@pytest.mark.parametrize("depth", [101, 900, 1_000, 20_000])
async def test_a_structure_that_is_too_deep_is_refused(admin, depth):
    deep = "".join(f'{{"k{level}":' for level in range(depth)) + "{}" + "}" * depth
    body = json.dumps(document(structure="DEEP")).replace('"DEEP"', deep)
    faults(await admin.post(MISSIONS, content=body))
    faults(await send(admin, ("deep.metis", body)))
    assert await count(admin) == 0


async def test_a_mission_of_16_mb_is_refused(admin):
    body = json.dumps(document(name="x" * 16 * 2**20))
    assert faults(await admin.post(MISSIONS, content=body), 413) == set()
    assert faults(await admin.put(MISSIONS, content=body), 413) == set()
    assert faults(await send(admin, ("large.metis", body)), 413) == set()
    assert await count(admin) == 0


async def test_html_is_cleaned(admin):
    body = document()
    body["forces"][0]["introMessage"] = "<p onclick=x>Hello<script>steal()</script></p>"
    made = (await admin.post(MISSIONS, json=body)).json()
    assert made["forces"][0]["introMessage"] == "<p>Hello</p>"


async def test_what_the_server_knows_is_not_the_clients_to_say(admin):
    other = "f" * 24
    made = await create(admin, _id=other, createdBy=other, launchedAt="2020-01-01T00:00:00Z", deleted=True)
    assert other not in (made["_id"], made["createdBy"])
    assert (made["launchedAt"], made["deleted"]) == (None, False)
    again = await admin.put(MISSIONS, json={"_id": made["_id"], "createdBy": other, "deleted": True})
    assert content(again.json()) == content(made)
    assert (again.json()["createdBy"], again.json()["deleted"]) == (made["createdBy"], False)


async def test_only_what_is_sent_is_changed(admin):
    made = await create(admin)
    answer = await admin.put(MISSIONS, json={"_id": made["_id"], "name": "Day Watch"})
    assert answer.status_code == 200, answer.text
    changed = answer.json()
    assert content(changed) == content(made) | {"name": "Day Watch"}
    assert changed["createdAt"] == made["createdAt"]
    assert changed["updatedAt"] > made["updatedAt"]
    assert (await admin.get(MISSIONS + made["_id"])).json() == changed
    assert (await admin.get(MISSIONS)).json()[0]["name"] == "Day Watch"


async def test_a_mission_that_was_read_can_be_sent_back(admin):
    made = await create(admin)
    answer = await admin.put(MISSIONS, json=made)
    assert content(answer.json()) == content(made)


async def test_a_change_is_checked_as_a_whole(admin):
    made = await create(admin)
    assert "forces[0].nodes[0].prototypeId" in faults(
        await admin.put(
            MISSIONS,
            json={
                "_id": made["_id"],
                "structure": {"other": {}},
                "prototypes": [{"_id": "other", "structureKey": "other"}],
            },
        )
    )
    assert (await admin.get(MISSIONS + made["_id"])).json() == made


@pytest.mark.parametrize(
    "body", [{}, {"_id": 5}, {"_id": None}, {"_id": ""}, {"_id": "a\0b"}, {"_id": "../x"}]
)
async def test_a_change_names_its_mission(admin, body):
    assert faults(await admin.put(MISSIONS, json=body | {"name": "Day Watch"})) == {"_id"}


async def test_changes_at_the_same_moment_are_all_kept(admin):
    made = await create(admin)
    changes = [{"name": "Day Watch"}, {"seed": "s"}, {"versionNumber": 7}, {"resourceLabel": "Fuel"}]
    answers = await asyncio.gather(
        *(admin.put(MISSIONS, json={"_id": made["_id"]} | change) for change in changes)
    )
    assert {answer.status_code for answer in answers} == {200}
    now = (await admin.get(MISSIONS + made["_id"])).json()
    for change in changes:
        assert change.items() <= now.items()


async def test_a_copy_is_the_same_under_its_own_name(admin):
    made = await create(admin)
    answer = await admin.post(MISSIONS + "copy/", json={"originalId": made["_id"], "copyName": "Copy"})
    assert answer.status_code == 200, answer.text
    copied = answer.json()
    assert copied["_id"] != made["_id"]
    assert content(copied) == content(made) | {"name": "Copy"}
    assert await count(admin) == 2


@pytest.mark.parametrize("name", ["", "  ", "x" * 176, None])
async def test_a_copy_needs_a_name(admin, name):
    made = await create(admin)
    assert "copyName" in faults(
        await admin.post(MISSIONS + "copy/", json={"originalId": made["_id"], "copyName": name})
    )


async def test_a_deleted_mission_is_gone(admin):
    made = await create(admin)
    assert (await admin.delete(MISSIONS + made["_id"])).status_code == 200
    assert await count(admin) == 0
    for answer in (
        await admin.get(MISSIONS + made["_id"]),
        await admin.delete(MISSIONS + made["_id"]),
        await admin.get(f"{MISSIONS}{made['_id']}/export/x.metis"),
        await admin.put(MISSIONS, json={"_id": made["_id"], "name": "x"}),
        await admin.post(MISSIONS + "copy/", json={"originalId": made["_id"], "copyName": "x"}),
    ):
        assert faults(answer, 404) == set()


# --- files of missions -------------------------------------------------------------------------------------------


async def test_export_and_import_give_the_same_mission(admin):
    made = (await send(admin, ("old.metis", (DATA / "build-10.metis").read_bytes()))).json()["missions"][0]
    first = (await admin.get(MISSIONS + made["_id"])).json()
    file = await admin.get(f"{MISSIONS}{made['_id']}/export/mission.metis")
    assert file.json()["schemaBuildNumber"] == CURRENT_BUILD
    assert "attachment" in file.headers["content-disposition"]
    assert not SERVERS_OWN & set(file.json())
    assert (await admin.get(f"{MISSIONS}{made['_id']}/export")).content == file.content
    answer = await send(admin, ("again.metis", file.content))
    assert answer.status_code == 200, answer.text
    second = (await admin.get(MISSIONS + answer.json()["missions"][0]["_id"])).json()
    assert second["_id"] != first["_id"]
    assert content(second) == content(first)


@pytest.mark.parametrize(("build", "nodes"), [("build-10", 36), ("build-4", 1)])
@pytest.mark.parametrize("suffix", [".metis", ".cesar", ".METIS"])
async def test_old_files_import(admin, build, nodes, suffix):
    answer = await send(admin, (build + suffix, (DATA / f"{build}.metis").read_bytes()))
    assert answer.status_code == 200, answer.text
    assert answer.json()["successfulImportCount"] == 1
    told = answer.json()["missions"][0]
    assert (told["fileName"], told["schemaBuildNumber"]) == (
        build + suffix,
        int(build.removeprefix("build-")),
    )
    mission = (await admin.get(MISSIONS + told["_id"])).json()
    assert [force["name"] for force in mission["forces"]] == ["Friendly"]
    assert len(mission["forces"][0]["nodes"]) == nodes


def bomb():
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mission.metis", b" " * 50_000_000)
    return packed.getvalue()


GOOD = json.dumps({**document(), "schemaBuildNumber": CURRENT_BUILD})


@pytest.mark.parametrize(
    ("name", "bad", "field"),
    [
        ("bad.metis", "{}", "schemaBuildNumber"), ("bad.metis", '{"schemaBuildNumber": "9"}', "schemaBuildNumber"),
        ("bad.metis", json.dumps({**document(name=""), "schemaBuildNumber": CURRENT_BUILD}), "name"),
        ("bad.metis", '{"schemaBuildNumber": 5}', "nodeData"), ("bad.metis", "", None), ("bad.metis", "[]", None),
        ("bad.metis", bomb(), None), ("bad.metis", b"\x1f\x8b\x08" + b"\0" * 99, None), ("bad.zip", GOOD, "files"),
        ("bad.metis", '{"schemaBuildNumber": 4, "\\ud800": 1}', None),
    ],
)  # fmt: skip
async def test_a_faulty_file_is_refused_with_the_reason_and_imports_nothing(admin, name, bad, field):
    answer = await send(admin, ("good.metis", GOOD), (name, bad), ("also-good.metis", GOOD))
    told = faults(answer)
    assert field is None or field in told
    assert answer.json()["error"]["message"].startswith(f"{name}: ")
    assert await count(admin) == 0


async def test_12_files_import_together_and_13_do_not(admin):
    files = [(f"{number}.metis", GOOD) for number in range(13)]
    assert faults(await send(admin, *files)) == {"files"}
    assert await count(admin) == 0
    assert (await send(admin, *files[:12])).json()["successfulImportCount"] == 12
    assert await count(admin) == 12


async def test_an_import_is_a_form_with_files(admin):
    for answer in (
        await admin.post(MISSIONS + "import/"),
        await admin.post(MISSIONS + "import/", json={}),
        await admin.post(MISSIONS + "import/", data={"files": "text"}),
        await admin.post(MISSIONS + "import/", files={"files": (None, "text")}),
        await admin.post(MISSIONS + "import/", files={"other": ("a.metis", GOOD)}),
    ):
        assert faults(answer) == {"files"}


async def test_scripts_of_old_files_are_told_and_journalled(admin, house):
    old = json.loads((DATA / "build-10.metis").read_bytes())
    action = next(node["actions"][0] for node in old["nodeData"] if node["actions"])
    action["scripts"] = [{"label": "Close the valve", "scriptName": "valve"}]
    (told,) = (await send(admin, ("old.metis", json.dumps(old)))).json()["missions"]
    assert [note["scripts"] for note in told["notes"] if "scripts" in note] == [action["scripts"]]
    assert any(told["_id"] in row and "Close the valve" in row for row in house.dump()["journal"])


# --- who may -----------------------------------------------------------------------------------------------------

ROUTES = [
    ("GET", MISSIONS, "missions_read"), ("GET", MISSIONS + "x", "missions_read"), ("POST", MISSIONS, "missions_write"),
    ("PUT", MISSIONS, "missions_write"), ("POST", MISSIONS + "copy/", "missions_write"),
    ("POST", MISSIONS + "import/", "missions_write"), ("GET", MISSIONS + "x/export/x", "missions_write"),
    ("DELETE", MISSIONS + "x", "missions_write"), ("GET", "/api/v1/info/changelog/", "changelog_read"),
    ("GET", "/api/v1/target-environments/", "environments_read"),
    ("POST", "/api/v1/target-environments/migrate/effect-args/", "environments_read"),
]  # fmt: skip
MAY = {
    "ines.teacher": {"missions_read", "changelog_read", "environments_read"},
    "lea.student": {"environments_read"},
}


@pytest.mark.parametrize(("method", "path", "permission"), ROUTES)
async def test_each_route_needs_its_permission(house, method, path, permission):
    async with house.client() as stranger:
        assert faults(await stranger.request(method, path), 401) == set()
    for username, held in MAY.items():
        async with house.client(username) as client:
            status = (await client.request(method, path)).status_code
            assert (status == 403) == (permission not in held), username


# --- info and target environments --------------------------------------------------------------------------------


async def test_info_is_open(house):
    async with house.client() as stranger:
        answer = await stranger.get("/api/v1/info/")
    assert answer.status_code == 200
    assert set(answer.json()) == {"name", "description", "version"}


async def test_the_changelog_is_markdown(teacher):
    answer = await teacher.get("/api/v1/info/changelog/")
    assert answer.headers["content-type"] == "text/markdown; charset=utf-8"
    assert answer.text.startswith("# Changelog")


async def test_the_built_in_environment_tells_its_targets(teacher):
    metis, webhook = (await teacher.get("/api/v1/target-environments/")).json()
    assert webhook["_id"] == "webhook"
    assert (metis["_id"], metis["version"]) == ("METIS", "0.2.0")
    targets = {target["_id"]: {arg["_id"]: arg for arg in target["args"]} for target in metis["targets"]}
    assert set(targets) == {
        "output", "block-status", "award", "open-node", "file-access", "success-chance-mod", "process-time-mod",
        "resource-cost-mod",
    }  # fmt: skip
    assert targets["output"]["message"]["type"] == "large-string"
    chance = targets["success-chance-mod"]["successChance"]
    assert (chance["min"], chance["max"], chance["default"]) == (-100, 100, 0)
    options = [one["value"] for one in targets["block-status"]["blockStatus"]["options"]]
    assert options == ["no-change", "block", "unblock"]


EFFECT = {
    "targetId": "award",
    "environmentId": "METIS",
    "effectEnvVersion": "0.1.0",
    "effectArgs": {"modifier": 5},
}
MIGRATE = "/api/v1/target-environments/migrate/effect-args"


async def test_arguments_of_an_older_version_are_brought_up_to_date(teacher):
    answer = await teacher.post(MIGRATE, json=EFFECT)
    assert answer.json() == {"resultingVersion": "0.2.0", "resultingArgs": {"modifier": 5}}


@pytest.mark.parametrize("version", ["", "one", "0.2", "9.0.0", "0.2.-1", "٣.0.0", "1" * 99 + ".0.0"])
async def test_a_version_that_is_not_known_is_refused(teacher, version):
    answer = await teacher.post(MIGRATE, json=EFFECT | {"effectEnvVersion": version})
    assert faults(answer) == {"effectEnvVersion"}


@pytest.mark.parametrize("environment", [{}, {"environmentId": "webhook", "targetId": "send"}])
async def test_arguments_that_no_effect_could_have_are_refused(teacher, environment):
    asked = {**EFFECT, **environment, "effectEnvVersion": "0.1.0"}
    deep = json.loads("[" * 16 + "]" * 16)
    many, long, longer = [1] * 1000, "x" * 65_537, ["x" * 65_536] * 20
    for args in ({"deep": deep}, {"many": many}, {"long": long}, {"long": longer}):
        assert faults(await teacher.post(MIGRATE, json=asked | {"effectArgs": args})) == {"effectArgs"}


async def test_arguments_of_any_depth_are_refused(teacher):
    """Also where they can just be read, and not be written any more."""
    asked = EFFECT | {"environmentId": "webhook", "targetId": "send", "effectEnvVersion": "0.1.0"}
    body = json.dumps(asked | {"effectArgs": {"deep": "here"}})
    for depth in range(600, 1000, 4):
        answer = await teacher.post(MIGRATE, content=body.replace('"here"', "[" * depth + "]" * depth))
        assert answer.status_code == 400, depth


@pytest.mark.parametrize("change", [{"targetId": "rocket"}, {"environmentId": "elsewhere"}])
async def test_a_target_that_is_not_known_is_404(teacher, change):
    assert faults(await teacher.post(MIGRATE, json=EFFECT | change), 404) == set()
