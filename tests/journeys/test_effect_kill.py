"""Effects that were asked of others survive whatever kills the server: none is lost, and none is done twice."""

import os
from collections import Counter

import pytest
from tests.support.environments import install, noted
from tests.support.places import on_one
from tests.support.processes import ROOT, run
from tests.unit.missions.world import document, effect

from stoa.platform import journal
from stoa.platform.storage import postgres_engine, sqlite_engine

pytestmark = pytest.mark.anyio
SESSIONS = "/api/v1/sessions"
SETTINGS = {"STOA_EFFECT_SECONDS": "5", "STOA_EFFECT_WORKERS": "1", "STOA_EFFECT_TRIES": "9"}


@pytest.fixture
def begin(start, place, tmp_path):
    installed, notes = install(tmp_path)
    path = os.pathsep.join((str(ROOT / "src"), str(installed)))

    def again():
        return start("--only", "missions", *place, PYTHONPATH=path, TRIAL_NOTES=str(notes), **SETTINGS)

    return again, notes


async def set_up(stoa):
    """(key, session id) of an exercise that runs; its managers execute what they like."""
    made = {key: value for key, value in document().items() if key != "_id"}
    for force in made["forces"]:
        for node in force["nodes"]:
            for action in node["actions"]:
                action["effects"] = []
    gate = made["forces"][0]["nodes"][8]["actions"][0]
    for number in range(3):
        asked = effect(f"slow{number}", "ring", environment="trial", trigger="immediate", seconds=0.4)
        gate["effects"].append(asked | {"targetEnvironmentVersion": "2.0.0"})
    async with stoa.client(stoa.sign_in()["access_token"]) as client:
        key = (await client.post("/auth/keys", json={"name": "play"})).json()["secret"]
    async with stoa.client(key) as client:
        mission = await client.post("/api/v1/missions", json=made)
        assert mission.status_code == 200, mission.text
        launched = await client.post(f"{SESSIONS}/launch", json={"missionId": mission.json()["_id"]})
        session_id = launched.json()["sessionId"]
        for name in ("join-session", "start-session"):
            assert (await client.post(f"{SESSIONS}/{session_id}/{name}")).status_code == 200
    return key, session_id


def entries(place, session_id):
    database = place[place.index("--database") + 1] if "--database" in place else None
    address = f"sqlite:///{place[1]}/stoa.db"
    engine = postgres_engine(database, connections=1) if database else sqlite_engine(address, read_only=True)
    with engine.connect() as connection, connection.begin():
        found = journal.read(connection, f"mission:{session_id}")
    engine.dispose()
    return found


def count(place, session_id, kind):
    return sum(entry.type == f"missions.{kind}" for entry in entries(place, session_id))


@on_one
async def test_an_effect_is_done_once_whenever_the_server_dies(begin, place, eventually_sync):
    """Killed before the call, in the call, and after some answers: at the first, second, … word of the environment."""
    again, notes = begin
    stoa = again()
    key, session_id = await set_up(stoa)
    async with stoa.client(key) as client:
        body = {"actionId": "red-gate-a1", "cheats": {"instantaneous": True}}
        answer = await client.post(f"{SESSIONS}/{session_id}/execute-action", json=body)
    assert answer.status_code == 200, answer.text
    stoa.kill()  # it was acknowledged: the request is journalled
    assert count(place, session_id, "effect_requested") == 3
    for words in (1, 3):
        stoa = again()
        eventually_sync(lambda words=words: len(noted(notes)) >= words)
        stoa.kill()
    stoa = again()
    eventually_sync(lambda: count(place, session_id, "effect_enacted") == 3)
    assert stoa.stop() is not None
    done = entries(place, session_id)
    kinds = Counter(entry.type for entry in done)
    assert kinds["missions.effect_requested"] == kinds["missions.effect_enacted"] == 3
    assert kinds["missions.effect_failed"] == 0
    # what each does happened once: the pool of blue grew by seven, three times
    assert [entry.data["operand"] for entry in done if entry.type == "missions.resources_awarded"] == [7] * 3
    begun = [call_id for what, call_id, *_ in noted(notes) if what == "begun"]
    assert len(set(begun)) == 3
    assert len(begun) > 3  # some were called again, under the same name
    checked = run("check", *place)
    assert checked.returncode == 0, checked.stdout
