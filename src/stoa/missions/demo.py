"""Two missions to play: First Watch teaches one force the moves, Harbour Lights sets two against each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection

from stoa.kernel.actor import Actor
from stoa.kernel.ids import Ids
from stoa.missions.missionfile import mission_from
from stoa.missions.model import Mission
from stoa.missions.service import _missions as service
from stoa.missions.store import _missions as store
from stoa.missions.targets import ENVIRONMENT_ID, ENVIRONMENT_VERSION

BLUE, RED = "1", "2"
_SECOND = 1_000


class Act(NamedTuple):
    """``chance`` is percent; ``effects`` are (trigger, target, arguments)."""

    name: str
    seconds: float
    chance: int
    cost: int
    success: str
    failure: str
    effects: tuple[tuple[str, str, Mapping[str, Any]], ...] = ()
    opens: bool = True


class Face(NamedTuple):
    """What a force sees at one place; without a name it has nothing there."""

    name: str = ""
    text: str = ""
    acts: tuple[Act, ...] = ()
    device: bool = False


Places = Mapping[str, tuple[str | None, Sequence[Face]]]
"""place → (the place above it, each force's face). Node keys are the places' names."""


def seed(connection: Connection, *, author: Actor, now: datetime, ids: Ids) -> list[str]:
    """The ids of Harbour Lights and First Watch. One that is there by its name already is left as it is."""
    there = {row.name: row.id for row in store.list_missions(connection)}
    found = []
    for mission in (harbour_lights(ids=ids), first_watch(ids=ids)):
        if mission.name not in there:
            service.add_mission(connection, mission, actor=author, now=now)
        found.append(there.get(mission.name, mission.id))
    return found


def _tell(force: str, message: str) -> tuple[str, str, Mapping[str, Any]]:
    return "success", "output", {"forceMetadata": {"forceKey": force}, "message": message}


def _block(force: str, node: str, status: str = "block") -> tuple[str, str, Mapping[str, Any]]:
    meta = {"forceKey": force, "nodeKey": node}
    return "success", "block-status", {"nodeMetadata": meta, "blockStatus": status}


def _chance(force: str, node: str, points: int) -> tuple[str, str, Mapping[str, Any]]:
    meta = {"forceKey": force, "nodeKey": node}
    return "success", "success-chance-mod", {"actionMetadata": meta, "successChance": points}


def _slow(force: str, node: str, seconds: int) -> tuple[str, str, Mapping[str, Any]]:
    meta = {"forceKey": force, "nodeKey": node}
    return (
        "success",
        "process-time-mod",
        {"actionMetadata": meta, "hours": 0, "minutes": 0, "seconds": seconds},
    )


def _award(force: str, points: int, trigger: str = "success") -> tuple[str, str, Mapping[str, Any]]:
    return trigger, "award", {"forceMetadata": {"forceKey": force}, "modifier": points}


def harbour_lights(*, ids: Ids) -> Mission:
    """A port keeps its ships moving through one night; an intruder wants the cranes dark. 13 places, two forces."""
    port = _force(
        "Port Watch", "#52b1ff", 60,
        "<p>It is 22:00. Four ships wait for berth, and somebody is in the network. Keep the <strong>cranes</strong> "
        "and the <strong>radar</strong> alive until morning. You can not do everything: choose.</p>",
    )  # fmt: skip
    tide = _force(
        "Ghost Tide", "#ff6b6b", 36,
        "<p>You were paid to make this port go dark for one night. Start where people are careless, work towards the "
        "<strong>crane controller</strong>, and mind that the watch learns from what you fail at.</p>",
    )  # fmt: skip
    return _mission("Harbour Lights", "harbour-lights", "Hours of work", (port, tide), _HARBOUR, ids=ids)


def first_watch(*, ids: Ids) -> Mission:
    """Six places for one force: open, scan, decide. Ten minutes."""
    crew = _force(
        "Night Crew", "#65eb59", 20,
        "<p>Welcome to your first watch. Open <strong>Control Room</strong> to see what lies beneath it; then choose "
        "what to spend your hours on.</p>",
    )  # fmt: skip
    return _mission("First Watch", "first-watch", "Hours of work", (crew,), _WATCH, ids=ids)


_HARBOUR: Places = {
    "office": (None, (
        Face("Port Office", "<p>Where the people are: mail, remote access, the press desk.</p>"),
        Face("Port Office", "<p>Forty tired people and a mail server.</p>"),
    )),
    "mail": ("office", (
        Face("Mail Gateway", "<p>Filters what comes in.</p>", (
            Act("Quarantine the new senders", 8, 75, 6, "<p>Three lures are in quarantine.</p>",
                "<p>The rule let a lure through.</p>", (_chance(RED, "mail", -25),)),
            Act("Warn everybody", 4, 95, 3, "<p>Most have read it.</p>", "<p>The warning sits in the spam folder.</p>",
                (_chance(RED, "mail", -10),), opens=False),
        )),
        Face("Mail Gateway", "<p>People click, above all at night.</p>", (
            Act("Send a false berth invoice", 10, 60, 5, "<p>Somebody in accounts opened it. You have a foothold.</p>",
                "<p>Returned unread, and reported.</p>",
                (_chance(RED, "vpn", 20), ("failure", "output", {"forceMetadata": {"forceKey": BLUE}, "message":
                 "<p>A clerk reports a strange invoice.</p>"}))),
        )),
    )),
    "vpn": ("office", (
        Face("Remote Access", "<p>Contractors come in here, also at night.</p>", (
            Act("Ask for a second factor", 12, 85, 8, "<p>Stolen passwords alone no longer do.</p>",
                "<p>The contractor's phone is abroad. It stays off.</p>", (_chance(RED, "vpn", -35),)),
            Act("Close it until morning", 5, 100, 12, "<p>Nobody comes in. The crane contractor is not amused.</p>", "",
                (_block(RED, "vpn"), _slow(BLUE, "controller", 10))),
        )),
        Face("Remote Access", "<p>One contractor, one password, no second factor.</p>", (
            Act("Use the contractor's password", 12, 45, 8, "<p>You are inside, as somebody who belongs there.</p>",
                "<p>Wrong three times. The account is locked for a while.</p>",
                (_chance(RED, "controller", 20), _chance(RED, "radar", 15))),
        )),
    )),
    "press": ("office", (
        Face("Press Desk", "<p>What the city believes by breakfast.</p>", (
            Act("Say what is known", 6, 90, 3, "<p>Calm, and some credit with the mayor.</p>", "<p>It reads evasive.</p>",
                (_award(BLUE, 10),)),
        )),
        Face("Press Desk", "<p>A rumour costs nothing.</p>", (
            Act("Leak a forged report", 6, 70, 4, "<p>The radio has it. The watch answers calls instead of alarms.</p>",
                "<p>The editor called the port first.</p>", (_slow(BLUE, "mail", 5), _slow(BLUE, "vpn", 5))),
        )),
    )),
    "yard": (None, (
        Face("Container Yard", "<p>Cranes, their controller, and what keeps people safe under them.</p>"),
        Face("Container Yard", "<p>This is what you are here for.</p>"),
    )),
    "controller": ("yard", (
        Face("Crane Controller", "<p>An old controller with a new network card.</p>", (
            Act("Load the signed program again", 20, 80, 10, "<p>The cranes obey you alone.</p>",
                "<p>The checksum does not match. Again.</p>",
                (_block(BLUE, "cranes", "unblock"), _chance(RED, "controller", -30))),
            Act("Pull its network cable", 5, 100, 15, "<p>Safe, and slow: every lift is by hand now.</p>", "",
                (_block(RED, "controller"), _slow(BLUE, "cranes", 20))),
        ), device=True),
        Face("Crane Controller", "<p>It does what the last writer says.</p>", (
            Act("Write your own program", 25, 35, 12, "<p>The cranes stop, one after another.</p>",
                "<p>The controller refuses, and writes it down.</p>",
                (_block(BLUE, "cranes"), _tell(BLUE, "<p><strong>Cranes 1 to 4 have stopped.</strong></p>"),
                 _award(RED, 15))),
        ), device=True),
    )),
    "cranes": ("controller", (
        Face("Cranes 1 to 4", "<p>A ship an hour, while they move.</p>", (
            Act("Unload a ship", 30, 90, 5, "<p>One ship less in the roads.</p>", "<p>A jammed spreader.</p>",
                (_award(BLUE, 12),), opens=False),
        ), device=True),
        Face("Cranes 1 to 4", "<p>Dark is enough; nobody gets hurt.</p>", (
            Act("Scramble their positions", 15, 60, 6, "<p>They need an hour to find themselves.</p>", "<p>No effect.</p>",
                (_slow(BLUE, "cranes", 30),)),
        ), device=True),
    )),
    "safety": ("controller", (
        Face("Safety System", "<p>Never touched, by agreement of all decent people.</p>", (
            Act("Test the emergency stop", 10, 95, 4, "<p>It works.</p>", "<p>One button is stuck. Good to know.</p>",
                (_chance(BLUE, "controller", 10),)),
        ), device=True),
        Face(),
    )),
    "logs": ("yard", (
        Face("Yard Logs", "<p>Whoever reads them knows more.</p>", (
            Act("Read tonight's entries", 10, 85, 4, "<p>A login at 21:48 from a contractor who is on holiday.</p>",
                "<p>Too many lines, too few eyes.</p>", (_chance(BLUE, "controller", 10), _chance(RED, "vpn", -15))),
        )),
        Face("Yard Logs", "<p>They tell on you.</p>", (
            Act("Wipe the last hour", 8, 65, 4, "<p>Nothing happened here.</p>", "<p>You wiped a copy.</p>",
                (_chance(BLUE, "logs", -40),)),
        )),
    )),
    "shore": (None, (
        Face("Shore Station", "<p>Eyes on the water.</p>"),
        Face("Shore Station", "<p>What they do not see they do not stop.</p>"),
    )),
    "radar": ("shore", (
        Face("Harbour Radar", "<p>Without it no pilot moves.</p>", (
            Act("Switch to the spare antenna", 10, 90, 6, "<p>A clear picture again.</p>", "<p>The spare is rusty.</p>",
                (_block(BLUE, "pilots", "unblock"),)),
        ), device=True),
        Face("Harbour Radar", "<p>Ghosts on a screen stop ships as well as rocks do.</p>", (
            Act("Paint false echoes", 15, 45, 8, "<p>The pilots stay in port.</p>", "<p>The echo moved too fast.</p>",
                (_block(BLUE, "pilots"), _tell(BLUE, "<p>Radar shows eleven ships where four are.</p>"),
                 _award(RED, 10))),
        ), device=True),
    )),
    "pilots": ("radar", (
        Face("Pilot Boats", "<p>They trust the radar.</p>", (
            Act("Bring a ship in", 20, 95, 4, "<p>She is alongside.</p>", "<p>She turned back in the fog.</p>",
                (_award(BLUE, 8),), opens=False),
        )),
        Face(),
    )),
    "cameras": ("shore", (
        Face("Quay Cameras", "<p>Twelve, of which nine work.</p>", (
            Act("Look at the fence", 6, 80, 3, "<p>A van without plates, and a cut in the wire.</p>", "<p>Rain.</p>",
                (_chance(RED, "radar", -20),)),
        ), device=True),
        Face("Quay Cameras", "<p>Nine too many.</p>", (
            Act("Freeze the picture", 6, 75, 3, "<p>An empty quay, all night long.</p>", "<p>The clock in it ran on.</p>",
                (_chance(BLUE, "cameras", -50), _chance(RED, "radar", 10))),
        ), device=True),
    )),
}  # fmt: skip

_WATCH: Places = {
    "room": (None, (Face("Control Room", "<p>Open it: everything else lies beneath.</p>"),)),
    "alarms": ("room", (Face("Alarm Panel", "<p>Three lights, one of them red.</p>", (
        Act("Acknowledge and read", 4, 95, 2, "<p>The pump reports a pressure that it can not have.</p>",
            "<p>The panel is slow tonight. Try again.</p>", (_chance("1", "pump", 20),)),
    )),)),
    "phone": ("room", (Face("Telephone", "<p>Somebody always knows somebody.</p>", (
        Act("Call the day shift", 6, 80, 2, "<p>They changed a sensor this afternoon, and tell you where the spare is.</p>",
            "<p>Nobody picks up.</p>", (_award("1", 6), _chance("1", "sensor", 25))),
    )),)),
    "pump": ("alarms", (Face("Pump House", "<p>It runs. For now.</p>", (
        Act("Throttle it", 8, 60, 4, "<p>The pressure falls. Time won.</p>", "<p>The valve sticks.</p>",
            (_tell("1", "<p>The red light goes out. Find out why it was lit.</p>"),)),
        Act("Stop it", 3, 100, 9, "<p>Silence, and a town with an hour of water.</p>", "",
            (_block("1", "sensor"),)),
    ), device=True),)),
    "sensor": ("pump", (Face("Pressure Sensor", "<p>New since this afternoon.</p>", (
        Act("Replace it with the spare", 12, 55, 5, "<p>The true pressure was fine all along. Well done.</p>",
            "<p>Wrong thread. The other spare, then.</p>"),
    ), device=True),)),
    "report": ("alarms", (Face("Watch Book", "<p>What is not written down did not happen.</p>", (
        Act("Write the report", 5, 100, 1, "<p>Signed, 05:40. Your watch is over.</p>", "", opens=False),
    )),)),
}  # fmt: skip


def _force(name: str, color: str, resources: int, intro: str) -> dict[str, Any]:
    return {"name": name, "color": color, "initialResources": resources, "introMessage": intro}


def _mission(
    name: str, seed: str, label: str, forces: Sequence[dict[str, Any]], places: Places, *, ids: Ids
) -> Mission:
    prototypes = {place: ids.object_id() for place in places}
    return mission_from(
        {
            "name": name,
            "seed": seed,
            "resourceLabel": label,
            "structure": _tree(places, None),
            "prototypes": [{"_id": prototypes[place], "structureKey": place} for place in places],
            "forces": [
                force
                | {
                    "localKey": str(at + 1),
                    "nodes": [
                        _node(place, prototypes[place], faces[at]) for place, (_, faces) in places.items()
                    ],
                }
                for at, force in enumerate(forces)
            ],
        },
        ids=ids,
    )


def _tree(places: Places, above: str | None) -> dict[str, Any]:
    return {place: _tree(places, place) for place, (parent, _) in places.items() if parent == above}


def _node(place: str, prototype_id: str, face: Face) -> dict[str, Any]:
    return {
        "prototypeId": prototype_id,
        "localKey": place,
        "name": face.name or place.title(),
        "exclude": not face.name,
        "description": face.text,
        "preExecutionText": face.text if face.acts else "",
        "executable": bool(face.acts),
        "device": face.device,
        "actions": [_action(act) for act in face.acts],
    }


def _action(act: Act) -> dict[str, Any]:
    return {
        "name": act.name,
        "processTime": act.seconds * _SECOND,
        "successChance": act.chance / 100,
        "resourceCost": act.cost,
        "opensNode": act.opens,
        "postExecutionSuccessText": act.success,
        "postExecutionFailureText": act.failure,
        "effects": [
            {
                "name": f"{target} {number}",
                "targetId": target,
                "environmentId": ENVIRONMENT_ID,
                "targetEnvironmentVersion": ENVIRONMENT_VERSION,
                "trigger": trigger,
                "args": dict(args),
            }
            for number, (trigger, target, args) in enumerate(act.effects, start=1)
        ],
    }
