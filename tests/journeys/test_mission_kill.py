"""A played exercise survives whatever kills its server: nothing acknowledged is lost, nothing happens twice.

One driver plays at random, a server process is killed with -9 at seeded moments, and a reference is played beside it by
the pure engine from what was acknowledged. In the end both are in the same state.
"""

import asyncio
import os
import random
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace

import httpx
import pytest
from tests.support.missions import the_mission
from tests.support.places import on_many, on_one
from tests.support.processes import run
from tests.unit.missions.world import actor

from stoa.kernel.clock import from_millis
from stoa.missions import commands, engine, store
from stoa.missions.missionfile import mission_to
from stoa.missions.model import Person, Request
from stoa.platform import journal
from stoa.platform.storage import postgres_engine, sqlite_engine

pytestmark = pytest.mark.anyio
LONG = os.environ.get("STOA_TEST_LONG") == "1"
SESSIONS = "/api/v1/sessions"
PLAYERS = ("red.player", "blue.player")
PASSWORD = "a player's password"
SERVERS_OWN = {"_id", "createdAt", "updatedAt", "launchedAt", "createdBy", "createdByUsername", "deleted"}
PLACES = ("root", "hall", "vault", "cellar", "lab", "bench", "gate")
SEQUENCE = "stoa-sequence"


class Exercise:
    """A session on a server, who plays it, and what they know to have happened."""

    def __init__(self, place, chance):
        self.place, self.chance = place, chance
        self.keys, self.ids, self.members = {}, {}, {}
        self.session_id = None
        self.seq = 0
        self.count = Counter()
        self.known = []  # (user, request, body, the journal's number after it)
        self.doubtful = None

    # What is asked.

    async def set_up(self, stoa):
        token = stoa.sign_in()["access_token"]
        async with stoa.client(token) as client:
            self.keys["admin"] = (await client.post("/auth/keys", json={"name": "play"})).json()["secret"]
            for name in PLAYERS:
                body = {
                    "username": name, "password": PASSWORD, "accessId": "student", "firstName": "A", "lastName": "B",
                }  # fmt: skip
                self.ids[name] = (await client.post("/api/v1/users", json=body)).json()["_id"]
        for name in PLAYERS:
            async with stoa.client(stoa.sign_in(name, PASSWORD)["access_token"]) as client:
                self.keys[name] = (await client.post("/auth/keys", json={"name": "play"})).json()["secret"]
        async with stoa.client(self.keys["admin"]) as client:
            self.ids["admin"] = (await client.get("/auth/me")).json()["_id"]
            document = {k: v for k, v in mission_to(quick_mission()).items() if k not in SERVERS_OWN}
            made = await client.post("/api/v1/missions", json=document)
            assert made.status_code == 200, made.text
            body = {"missionId": made.json()["_id"], "infiniteResources": True}
            self.session_id = (await client.post(f"{SESSIONS}/launch", json=body)).json()["sessionId"]
        for name in ("admin", *PLAYERS):
            async with stoa.client(self.keys[name]) as client:
                answer = await client.post(f"{SESSIONS}/{self.session_id}/join-session")
                self.members[name] = answer.json()["memberId"]
        async with stoa.client(self.keys["admin"]) as client:
            answer = await client.post(f"{SESSIONS}/{self.session_id}/start-session")
            assert answer.status_code == 200, answer.text
            self.seq = int(answer.headers[SEQUENCE])

    def next_command(self):
        name = self.chance.choice(("admin", *PLAYERS))
        force = name.partition(".")[0] if name in PLAYERS else self.chance.choice(("red", "blue"))
        node = f"{force}-{self.chance.choice(PLACES)}"
        kind = self.chance.random()
        if kind < 0.55:
            return name, "execute-action", {"actionId": f"{node}-a1"}
        if kind < 0.62:
            return name, "open-node", {"nodeId": node}
        if kind < 0.68:
            return name, "send-output", {"key": "pre-execution", "nodeId": node}
        if kind < 0.70:
            return "admin", "reset-session", {}
        self.count["said"] += 1
        return name, "send-chat-message", {"channelId": "all", "message": f"message {self.count['said']}"}

    async def play(self, stoa):
        """Until the server is gone. The last command is in doubt: it was sent, and never answered."""
        clients = {name: stoa.client(key) for name, key in self.keys.items()}
        try:
            while True:
                name, request, body = self.next_command()
                self.doubtful = (name, request, body)
                answer = await clients[name].post(
                    f"{SESSIONS}/{self.session_id}/{request}", json=body or None
                )
                assert answer.status_code in (200, 403, 409), answer.text
                self.doubtful = None
                self.count[answer.status_code] += 1
                if answer.status_code == 200:
                    self.seq = int(answer.headers[SEQUENCE])
                    self.known.append((name, request, body, self.seq))
        except httpx.TransportError:
            return
        finally:
            for client in clients.values():
                await client.aclose()

    # What the database says.

    @contextmanager
    def connected(self):
        database = self.place[self.place.index("--database") + 1] if "--database" in self.place else None
        address = f"sqlite:///{self.place[1]}/stoa.db"
        opened = (
            postgres_engine(database, connections=1) if database else sqlite_engine(address, read_only=True)
        )
        with opened.connect() as connection, connection.begin():
            yield connection
        opened.dispose()

    def entries(self):
        with self.connected() as connection:
            found, after = [], 0
            while page := journal.read(connection, f"mission:{self.session_id}", after=after):
                found += page
                after = page[-1].seq
            return found, store.mission_of(connection, self.session_id)

    def settle_doubt(self):
        """A command that was not answered happened whole or not at all."""
        if self.doubtful is None:
            return
        with self.connected() as connection:
            later = journal.read(connection, f"mission:{self.session_id}", after=self.seq)
        own = [entry for entry in later if entry.actor_id is not None]
        if own:
            assert len({(entry.at, entry.actor_id) for entry in own}) == 1
            self.seq = own[-1].seq
            self.known.append((*self.doubtful, self.seq))
            self.count["kept unanswered"] += 1
        self.doubtful = None

    async def everybody_is_who_they_were(self, stoa):
        for name, key in self.keys.items():
            async with stoa.client(key) as client:
                answer = await client.post(f"{SESSIONS}/{self.session_id}/current-session")
                assert answer.json()["memberId"] == self.members[name]

    # What should have come of it.

    def reference(self, entries, mission):
        """The run that nothing disturbed: each command once, at its own time; what is due between completes by itself."""
        begun = next(i for i, entry in enumerate(entries) if entry.type == engine.events.STARTED)
        exercise = engine.fold(entries[: begun + 1], mission=mission)
        for name, request, body, seq in self.known:
            method = f"request-{request}"
            person = Person(self.ids[name], name)
            exercise, _ = engine.advance(
                exercise,
                commands.command_from(method, body, person=person),
                by=actor(self.ids[name]),
                now=entries[seq - 1].at,
                request=Request(method, body),
            )
            assert exercise.version == seq, f"{request} of {name}: {exercise.version} events, not {seq}"
        while exercise.running:
            last = max(one.end_ms for one in exercise.executions.values())
            exercise, _ = engine.advance(exercise, commands.Complete(), by=None, now=from_millis(last))
        return exercise


def quick_mission():
    """``world``'s without files and foreign effects, its actions of 10 to 400 milliseconds."""
    chance, mission = random.Random(7), the_mission()

    def quick(action):
        # what is asked of others answers in its own time, of which this reference knows nothing
        effects = tuple(
            one for one in action.effects if one.target_id != "file-access" and one.environment_id == "METIS"
        )
        return replace(action, process_ms=chance.choice((10, 50, 150, 400)), effects=effects)

    def quick_node(node):
        return replace(node, actions=tuple(map(quick, node.actions)))

    forces = [replace(force, nodes=tuple(map(quick_node, force.nodes))) for force in mission.forces]
    return replace(mission, forces=tuple(forces), files=())


@pytest.mark.parametrize("kills", [3, pytest.param(200, marks=pytest.mark.long)])
@on_one
async def test_a_killed_exercise_is_the_one_that_was_not(start, place, eventually_sync, kills):
    chance = random.Random(20260302)
    exercise = Exercise(place, chance)
    stoa = start("--only", "missions", *place)
    await exercise.set_up(stoa)
    for _ in range(kills):
        playing = asyncio.create_task(exercise.play(stoa))
        answered = exercise.count[200]
        while exercise.count[200] == answered and not playing.done():
            await asyncio.sleep(0.002)
        await asyncio.sleep(chance.uniform(0.0, 0.4))
        stoa.kill()
        await playing
        exercise.settle_doubt()
        stoa = start("--only", "missions", *place)
        await exercise.everybody_is_who_they_were(stoa)

    eventually_sync(lambda: nothing_runs(exercise))
    entries, mission = exercise.entries()
    assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1))
    reference = exercise.reference(entries, mission)
    assert reference.version == len(entries)
    assert engine.state_hash(engine.fold(entries, mission=mission)) == engine.state_hash(reference)
    async with stoa.client(exercise.keys["admin"]) as client:
        state = (await client.get(f"{SESSIONS}/{exercise.session_id}/state?hash=true")).json()
    assert state["hash"] == engine.state_hash(reference)
    once(entries)
    print(f"{kills} kills, {len(exercise.known)} commands, {dict(exercise.count)}, {len(entries)} entries")
    stoa.stop()
    checked = run("check", *place)
    assert checked.returncode == 0, checked.stdout


def nothing_runs(exercise):
    entries, mission = exercise.entries()
    return not engine.fold(entries, mission=mission).running


def once(entries):
    """Every execution ends once, and one that completes does so at its due time, however late somebody looked."""
    due = {
        e.data["execution"]["id"]: e.data["execution"]["end_ms"]
        for e in entries
        if e.type == engine.events.EXECUTION_INITIATED
    }
    completed = [e.data for e in entries if e.type == engine.events.EXECUTION_COMPLETED]
    assert [one["at"] for one in completed] == [due[one["execution_id"]] for one in completed]
    begun = [e.data["execution"]["id"] for e in entries if e.type == engine.events.EXECUTION_INITIATED]
    ended = [
        e.data["execution_id"]
        for e in entries
        if e.type in (engine.events.EXECUTION_COMPLETED, engine.events.EXECUTION_ABORTED)
    ]
    assert len(begun) == len(set(begun))
    assert Counter(begun) == Counter(ended)


@pytest.mark.parametrize("commands_sent", [60, pytest.param(1_500, marks=pytest.mark.long)])
@on_many
async def test_two_servers_complete_what_is_due_once_and_in_order(
    start, place, eventually_sync, commands_sent
):
    """One plays, the other sweeps too; in the middle the first is killed, and what it had begun is completed."""
    exercise = Exercise(place, random.Random(11))
    one, other = start("--only", "missions", *place), start("--only", "missions", *place)
    await exercise.set_up(one)
    for part, stoa in ((0.5, one), (1, other)):
        playing = asyncio.create_task(exercise.play(stoa))
        while sum(exercise.count[status] for status in (200, 403, 409)) < commands_sent * part:
            assert not playing.done()
            await asyncio.sleep(0.002)
        if stoa is one:
            one.kill()
            await playing
            exercise.settle_doubt()
        else:
            playing.cancel()
            await asyncio.gather(playing, return_exceptions=True)
    eventually_sync(lambda: nothing_runs(exercise))
    entries, _ = exercise.entries()
    once(entries)
    completed = [e for e in entries if e.type == engine.events.EXECUTION_COMPLETED]
    assert completed
    assert [e.data["at"] for e in completed] == sorted(e.data["at"] for e in completed)
