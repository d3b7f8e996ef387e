"""The library's use cases on both databases, the demo's missions, and who may have a mission's files."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import create_engine
from tests.support.house import NOW
from tests.support.postgres import new_database

from stoa.kernel.actor import AccessLevel, Actor
from stoa.kernel.errors import UnauthenticatedError
from stoa.kernel.ids import SeededIds
from stoa.missions import demo
from stoa.missions.engine import launch
from stoa.missions.errors import MissionInvalidError, NotPermittedError
from stoa.missions.missionfile import export_mission, import_mission, mission_from, mission_to, new_mission
from stoa.missions.model import Member, MissionFile, Person, Role, SessionConfig
from stoa.missions.service import _files as files
from stoa.missions.service import _missions as library
from stoa.missions.store import _files as files_store
from stoa.missions.store import _missions as store
from stoa.missions.store._files import StoredFile
from stoa.missions.store._tables import metadata

LATER = NOW + timedelta(hours=1)


def actor(name="ada.admin", *permissions):
    return Actor(1, "a" * 24, name, "Ada", AccessLevel.ADMIN, frozenset(permissions), "login", NOW)


ADA = actor()


@pytest.fixture(scope="module")
def sqlite_engine(tmp_path_factory):
    engine = create_engine(f"sqlite:///{tmp_path_factory.mktemp('library')}/stoa.db")
    metadata.create_all(engine, [store.missions, files_store.files])
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def postgres_engine(service_or_skip):
    with new_database(service_or_skip, "library") as url:
        engine = create_engine(url)
        metadata.create_all(engine, [store.missions, files_store.files])
        yield engine
        engine.dispose()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def connection(request):
    with request.getfixturevalue(f"{request.param}_engine").connect() as connection:
        yield connection
        connection.rollback()


@pytest.fixture
def ids():
    return SeededIds("library")


@pytest.fixture
def mission(connection, ids):
    return library.add_mission(connection, new_mission("Night Watch", ids=ids), actor=ADA, now=NOW)


def test_a_mission_is_stored_whole(connection, mission):
    assert store.get_mission(connection, mission.id) == mission
    assert store.get_mission(connection, "0" * 24) is None


def test_a_launch_is_no_change(connection, mission):
    store.stamp_launched(connection, mission.id, LATER)
    stamps = store.get_mission(connection, mission.id).stamps
    assert (stamps.launched_at, stamps.updated_at) == (LATER, NOW)


def test_a_change_of_what_somebody_else_has_changed_is_refused(connection, mission):
    first = library.save_mission(connection, replace(mission, name="First"), now=NOW)
    assert first.stamps.updated_at > mission.stamps.updated_at
    with pytest.raises(library.MissionChangedError):
        library.save_mission(connection, replace(mission, name="Second"), now=LATER)
    assert store.get_mission(connection, mission.id) == first


def test_a_change_keeps_what_a_launch_has_stamped(connection, mission):
    store.stamp_launched(connection, mission.id, NOW)
    saved = library.save_mission(connection, replace(mission, name="New"), now=LATER)
    assert store.get_mission(connection, mission.id) == saved
    assert saved.stamps.launched_at == NOW


def test_a_deleted_mission_takes_no_change(connection, mission):
    library.delete_mission(connection, mission.id, now=NOW)
    for act in (
        lambda: library.save_mission(connection, mission, now=NOW),
        lambda: library.delete_mission(connection, mission.id, now=NOW),
        lambda: library.find_mission(connection, mission.id),
    ):
        with pytest.raises(library.MissionNotFoundError):
            act()


def test_a_fault_is_told_in_characters_that_can_be_sent(ids):
    with pytest.raises(MissionInvalidError) as refused:
        library.drafted(b'{"name": "x", "\\ud800": 1}', ids=ids)
    for fault in refused.value.faults:
        fault.field.encode()
    refused.value.message.encode()


# --- the demo ----------------------------------------------------------------------------------------------------


def test_the_demo_comes_once(connection, ids):
    first = demo.seed(connection, author=ADA, now=NOW, ids=ids)
    assert demo.seed(connection, author=ADA, now=LATER, ids=ids) == first
    listed = store.list_missions(connection)
    assert {row.id for row in listed} == set(first)
    assert {row.name for row in listed} == {"Harbour Lights", "First Watch"}


@pytest.mark.parametrize(
    ("write", "forces", "places"), [(demo.harbour_lights, 2, 13), (demo.first_watch, 1, 6)]
)
def test_the_demos_missions_are_whole(ids, write, forces, places):
    mission = write(ids=ids)
    assert (len(mission.forces), len(mission.prototypes)) == (forces, places)
    assert mission_from(mission_to(mission)) == mission
    again = import_mission(export_mission(mission), ids=ids).mission
    assert replace(again, id=mission.id) == mission
    for force in mission.forces:
        dearest = max(action.cost for node in force.nodes for action in node.actions)
        everything = sum(action.cost for node in force.nodes for action in node.actions)
        assert dearest <= force.initial_resources < everything  # one has to choose


# --- files -------------------------------------------------------------------------------------------------------

MAP = StoredFile("c" * 24, "map.png", "d" * 32, "image/png", 5, NOW, NOW, ADA.id, ADA.username)
TEACHER = actor("ines.teacher", "files_read")
STUDENT = actor("lea.student", "sessions_join_participant")


@pytest.fixture
def exercise(connection, ids):
    files_store.insert_files(connection, [MAP])
    mission = demo.harbour_lights(ids=ids)
    blue = mission.forces[0].id
    chart = MissionFile("chart", MAP.id, alias="Chart of the port.png", initial_access=(blue,))
    owner = Person("e" * 24, "ines.teacher", "Ines", "Teacher", "instructor")
    mission = replace(mission, files=(chart,))
    return launch(mission, session_id="5" * 24, owner=owner, config=SessionConfig(), now=NOW)[0]


def member(role, force_id=None):
    person = Person(STUDENT.id, STUDENT.username, "Lea", "Student", "student")
    return Member("member", person, role, force_id)


def ask(connection, exercise, member, *, by=STUDENT, file_id="chart"):
    return files.file_for_member(connection, file_id, actor=by, exercise=exercise, member=member)


@pytest.mark.parametrize(
    ("role", "force", "may"),
    [
        (Role.PARTICIPANT, 0, True), (Role.PARTICIPANT, 1, False), (Role.PARTICIPANT, None, False),
        (Role.OBSERVER_LIMITED, 0, True), (Role.OBSERVER_LIMITED, 1, False),
        (Role.OBSERVER, None, True), (Role.MANAGER, None, True),
    ],
)  # fmt: skip
def test_a_file_is_for_forces_that_have_access_and_those_who_see_all(connection, exercise, role, force, may):
    force_id = None if force is None else exercise.mission.forces[force].id
    asking = member(role, force_id)
    if may:
        assert ask(connection, exercise, asking) == (MAP, "Chart of the port.png")
    else:
        with pytest.raises(NotPermittedError):
            ask(connection, exercise, asking)


def test_who_may_read_files_needs_no_access(connection, exercise):
    assert ask(connection, exercise, member(Role.PARTICIPANT), by=TEACHER)[0] == MAP


def test_outside_any_session_there_are_no_files(connection):
    with pytest.raises(UnauthenticatedError):
        ask(connection, None, None)


def test_what_the_mission_or_the_store_has_not_is_not_found(connection, exercise):
    manager = member(Role.MANAGER)
    with pytest.raises(files.StoredFileNotFoundError):
        ask(connection, exercise, manager, file_id=MAP.id)
    files.delete_file(connection, MAP.id, now=LATER)
    with pytest.raises(files.StoredFileNotFoundError):
        ask(connection, exercise, manager)
