"""A mission in the library, and people to play it."""

from dataclasses import replace

from tests.support.house import NOW
from tests.unit.missions.world import document

from stoa.accounts import service as people
from stoa.accounts.model import NewUser
from stoa.kernel.actor import AccessLevel
from stoa.kernel.ids import SystemIds
from stoa.missions.missionfile import mission_from
from stoa.missions.model import Stamps
from stoa.missions.store._missions import insert_mission

MISSION_ID = "6622" + "0" * 20


def the_mission(mission_id=MISSION_ID):
    """``world``'s: the forces red, blue and white, the nodes ``<force>-<place>``, the actions ``<node>-a<number>``."""
    stamps = Stamps(NOW, NOW, None, "f" * 24, "ada.admin")
    return replace(mission_from({**document(), "_id": mission_id}), stamps=stamps)


def put_mission(engine, mission=None):
    with engine.begin() as connection:
        insert_mission(connection, mission or the_mission())
    return MISSION_ID if mission is None else mission.id


def add_person(engine, username, access=AccessLevel.STUDENT):
    """(id, key) of a new user."""
    ids = SystemIds()
    with engine.begin() as connection:
        new = NewUser(username, username.split(".")[0].title(), access.value.title(), access)
        user = people.add_user(connection, new, password_hash="none", ids=ids, now=NOW)
        _, key = people.issue_key(connection, user_id=user.id, name="test", expires_at=None, ids=ids, now=NOW)
    return user.id, key
