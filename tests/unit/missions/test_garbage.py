"""Whatever comes in, it is read or refused in words: nothing else is ever raised."""

import copy
import json
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.missions.test_import import file_of, newer
from tests.unit.missions.world import actor, cast, document, person

from stoa.kernel.errors import StoaError
from stoa.kernel.ids import SeededIds
from stoa.missions import commands as c
from stoa.missions.errors import MissionInvalidError, number_of
from stoa.missions.missionfile import import_mission, mission_from, mission_to, read_document, trusted_mission
from stoa.missions.rules import launch_from
from stoa.missions.targets import METIS

DATA = Path(__file__).parents[2] / "data" / "missions"
OLD = json.loads((DATA / "build-10.metis").read_bytes())
NEW = document()

junk = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.just(10**400)
    | st.floats()
    | st.text(max_size=12)
    | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
fast = settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))


def refusal(read, *given, **named):
    """The error that refused what was given; None where it was taken."""
    try:
        read(*given, **named)
    except StoaError as error:
        return error
    return None


def ways(value, way=()):
    """Every path in a document."""
    yield way
    if isinstance(value, dict):
        for key in value:
            yield from ways(value[key], (*way, key))
    elif isinstance(value, list):
        for index, one in enumerate(value):
            yield from ways(one, (*way, index))


def spoiled(made, way, value, remove):
    made = copy.deepcopy(made)
    if not way:
        return value
    at = made
    for step in way[:-1]:
        at = at[step]
    if remove:
        del at[way[-1]]
    else:
        at[way[-1]] = value
    return made


OLD_WAYS, NEW_WAYS = list(ways(OLD)), list(ways(NEW))


@fast
@given(way=st.sampled_from(NEW_WAYS), value=junk, remove=st.booleans())
def test_a_spoiled_mission(way, value, remove):
    made = spoiled(NEW, way, value, remove)
    refused = refusal(mission_from, made)
    if refused is not None:
        assert isinstance(refused, MissionInvalidError)
        assert refused.faults
        return
    mission = mission_from(made)
    written = mission_to(mission)
    assert mission_from(json.loads(json.dumps(written))) == mission == trusted_mission(written)


WRITTEN = {build: file_of(build) for build in (9, 16, 22, 24, 28)} | {54: newer(54, effects=[])}
WRITTEN_WAYS = [(build, way) for build, made in WRITTEN.items() for way in ways(made)]


@fast
@given(
    where=st.sampled_from([(10, way) for way in OLD_WAYS] + WRITTEN_WAYS), value=junk, remove=st.booleans()
)
def test_a_spoiled_file_of_any_build(where, value, remove):
    build, way = where
    made = spoiled(WRITTEN.get(build, OLD), way, value, remove)
    if not isinstance(made, dict):
        return
    refused = refusal(import_mission, made, ids=SeededIds())
    assert refused is None or (isinstance(refused, MissionInvalidError) and refused.faults)


@fast
@given(content=st.binary(max_size=60) | st.text(max_size=60))
def test_bytes(content):
    refused = refusal(read_document, content)
    assert refused is None or number_of(refused) == 10001


@fast
@given(
    method=st.sampled_from(c.methods()),
    data=junk,
    key=st.sampled_from(("config", "cheats", "memberId", "message")),
)
def test_messages(method, data, key):
    for one in (data, {key: data}):
        for refused in (
            refusal(c.command_from, method, one, person=person(actor("me"))),
            refusal(launch_from, one),
        ):
            assert refused is None or (isinstance(refused, MissionInvalidError) and refused.faults)


ARGS = sorted({arg.id for target in METIS.targets for arg in target.args})


@fast
@given(
    target=st.sampled_from(sorted(METIS.by_id)), args=st.dictionaries(st.sampled_from(ARGS), junk, max_size=3)
)
def test_answers_of_target_environments(target, args):
    play = cast("started")
    play.executes("red", "red-lab-a1")
    play.waits(seconds=1)
    (key,) = play.exercise.pending
    execution_id, effect_id = key.split("/")
    play.does(None, c.EffectResult(effect_id, execution_id, (c.Change(target, args),)))
    assert not play.exercise.pending
