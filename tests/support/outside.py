"""A house that calls target environments, and a session whose effects do it."""

from dataclasses import replace

from tests.support.house import NOW
from tests.support.missions import MISSION_ID, add_person, put_mission
from tests.unit.missions.world import document, effect

from stoa.missions.missionfile import mission_from
from stoa.missions.model import Stamps
from stoa.missions.outside import Caller, Installed, Limits
from stoa.missions.service import EFFECT
from stoa.platform import journal
from stoa.platform.timers import Sweeper

ROOT = "/api/v1/sessions"
SECONDS = 30
"""More than any call here takes that ends; those that never do are given one."""


def mission_with(*effects):
    """``world``'s, in which red's first action at the gate has these effects: (environment, target, args, more)."""
    made = document()
    gate = made["forces"][0]["nodes"][8]["actions"][0]
    gate["effects"] = [
        effect(f"t{number}", target, environment=environment, trigger="immediate", **args) | more
        for number, (environment, target, args, more) in enumerate(effects)
    ]
    stamps = Stamps(NOW, NOW, None, "f" * 24, "ada.admin")
    mission = mission_from({**made, "_id": MISSION_ID})
    return replace(mission, stamps=stamps)


class Outside:
    """A house with environments, a session in it, and what came of its effects."""

    def __init__(self, house, **limits):
        self.house = house
        self.installed = house.inside.part(Installed)
        self.installed.limits = Limits(**{"seconds": SECONDS, **limits})
        self.caller = Caller(house.inside, self.installed)
        self.sweeper = Sweeper(house.storage, house.clock, self.caller.handlers())

    async def play(self, *effects):
        """A session that has just executed the action with these effects of ``trial``'s."""
        effects = [one if isinstance(one, tuple) else ("trial", one, {}, {}) for one in effects]
        put_mission(self.house.storage.engine, mission_with(*effects))
        _, self.house.keys["rod.student"] = add_person(self.house.storage.engine, "rod.student")
        async with self.house.client("ines.teacher") as teacher, self.house.client("rod.student") as student:
            answer = await teacher.post(f"{ROOT}/launch/", json={"missionId": MISSION_ID})
            self.session_id = answer.json()["sessionId"]
            for client in (teacher, student):
                await client.post(f"{ROOT}/{self.session_id}/join-session")
            await teacher.post(f"{ROOT}/{self.session_id}/start-session")
        await self.execute()

    async def execute(self):
        await self.command("rod.student", "execute-action", {"actionId": "red-gate-a1"})

    async def command(self, who, name, body=None):
        async with self.house.client(who) as client:
            answer = await client.post(f"{ROOT}/{self.session_id}/{name}", json=body)
            assert answer.status_code == 200, answer.text

    async def settle(self):
        """Everything that is due is called, and has answered."""
        while await self.sweeper.sweep():
            await self.caller.settle()

    async def close(self):
        await self.caller.close()
        await self.installed.close()

    def entries(self):
        with self.house.storage.engine.connect() as connection:
            return journal.read(connection, f"mission:{self.session_id}")

    def count(self, kind):
        return sum(entry.type == f"missions.{kind}" for entry in self.entries())

    def failures(self):
        return [entry.data["reason"] for entry in self.entries() if entry.type == "missions.effect_failed"]

    def outputs(self):
        return [entry.data["output"] for entry in self.entries() if entry.type == "missions.output_sent"]

    def timers(self):
        return [row for row in self.house.dump()["timers"] if EFFECT in row]

    async def view(self, who="ines.teacher"):
        async with self.house.client(who) as client:
            return (await client.post(f"{ROOT}/{self.session_id}/current-session")).json()["session"]
