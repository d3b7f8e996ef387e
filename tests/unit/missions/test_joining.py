"""Who gets in, as what, and into which force."""

import pytest
from tests.unit.missions.world import BOSS, INSTRUCTOR, OWNER, STUDENT, Play, actor, cast, person

from stoa.kernel.actor import AccessLevel
from stoa.kernel.errors import StoaError
from stoa.missions import commands as c
from stoa.missions.engine import events as names
from stoa.missions.errors import number_of
from stoa.missions.model import Accessibility, Role


def refused(play, name, permissions=STUDENT):
    with pytest.raises(StoaError) as caught:
        play.joins(name, permissions)
    return number_of(caught.value)


@pytest.mark.parametrize(
    ("permissions", "role"),
    [
        (STUDENT, Role.PARTICIPANT),
        (INSTRUCTOR, Role.OBSERVER),
        (BOSS, Role.MANAGER),
        ({"sessions_join_manager_native", "sessions_join_participant"}, Role.PARTICIPANT),
        ({"sessions_join"}, Role.MANAGER),
    ],
)
def test_permissions_make_the_role(permissions, role):
    assert Play().joins("somebody", permissions).role is role


def test_the_owner_manages():
    assert Play().joins(OWNER).role is Role.MANAGER


@pytest.mark.parametrize("permissions", [set(), {"sessions_read"}, {"sessions_join_manager_native"}])
def test_no_permission_no_role(permissions):
    assert refused(Play(), "somebody", permissions) == 20002


def test_nobody_joins_twice():
    play = cast()
    assert refused(play, "red") == 20001


def test_nobody_joins_for_somebody_else():
    play = cast()
    with pytest.raises(StoaError):
        play.does("red", c.Join(person(actor("other"))))


def test_the_banned_stay_out_until_unbanned():
    play = cast()
    play.does(OWNER, c.Ban(play.member("red").id))
    assert play.member("red") is None
    assert refused(play, "red") == 20003
    play.does(OWNER, c.Unban("red"))
    assert play.joins("red").force_id == "red"


def test_the_kicked_come_back_as_they_were():
    play = cast("started")
    play.does(OWNER, c.Kick(play.member("shadow").id))
    member = play.joins("shadow")
    assert (member.role, member.force_id) == (Role.OBSERVER_LIMITED, "red")


def test_who_quits_comes_back_as_they_were():
    play = cast("started")
    play.does("blue", c.Quit())
    assert play.joins("blue").force_id == "blue"


def test_unassigning_forgets_everything():
    play = cast()
    play.does(OWNER, c.AssignForce(play.member("shadow").id, None))
    assert "shadow" not in play.exercise.assignments


def test_auto_assign_levels_the_forces_in_the_missions_order():
    play = Play(auto_assign=True)
    forces = [play.joins(f"p{number}").force_id for number in range(7)]
    assert forces == ["red", "blue", "white", "red", "blue", "white", "red"]


def test_auto_assign_gives_no_force_to_those_who_see_all():
    assert Play(auto_assign=True).joins("w", INSTRUCTOR).force_id is None


def test_without_auto_assign_nobody_has_a_force():
    assert Play(auto_assign=False).joins("p").force_id is None


def test_auto_assign_works_again_at_the_start():
    play = Play(auto_assign=True)
    play.joins(OWNER)
    play.joins("p")
    play.does(OWNER, c.AssignForce(play.member("p").id, None))
    play.does(OWNER, c.Start())
    assert play.member("p").force_id == "red"


def test_who_has_nothing_to_see_is_dismissed_at_the_start():
    play = Play(auto_assign=False)
    play.joins(OWNER)
    play.joins("p")
    play.joins("w", INSTRUCTOR)
    (event,) = play.does(OWNER, c.Start())
    assert event.data["dismissed_users"] == ["p"]
    assert set(play.exercise.member_of) == {OWNER, "w"}


def test_too_late_without_a_force():
    play = cast("started")
    assert refused(play, "late") == 20006


def test_auto_assign_lets_the_late_in():
    play = cast("started", auto_assign=True)
    assert play.joins("late").force_id == "red"


def test_those_who_see_all_are_never_late():
    assert cast("started").joins("w2", INSTRUCTOR).role is Role.OBSERVER


@pytest.mark.parametrize("permissions", [STUDENT, INSTRUCTOR, BOSS])
def test_an_ended_session_is_not_joined(permissions):
    assert refused(cast("ended"), "somebody", permissions) == 20004


@pytest.mark.parametrize(
    ("name", "permissions", "number"),
    [
        ("friend", STUDENT, None),
        ("stranger", STUDENT, 20002),
        ("stranger", INSTRUCTOR, 20002),
        ("boss", BOSS, None),
        (OWNER, INSTRUCTOR, None),
    ],
)
def test_invite_only_admits_the_invited_the_owner_and_managers(name, permissions, number):
    play = Play(accessibility=Accessibility.INVITE_ONLY)
    play.does(OWNER, c.Invite(("friend",)))
    if number is None:
        assert play.joins(name, permissions)
    else:
        assert refused(play, name, permissions) == number


def test_invitations_replace_the_earlier_ones():
    play = Play(accessibility=Accessibility.INVITE_ONLY)
    play.does(OWNER, c.Invite(("a", "b")))
    play.does(OWNER, c.Invite(("b",)))
    assert refused(play, "a") == 20002


def test_no_more_than_the_capacity():
    play = Play(capacity=2)
    play.joins("a")
    play.joins("b")
    assert refused(play, "c") == 20002
    play.does("a", c.Quit())
    assert play.joins("c")


@pytest.mark.parametrize("name", ["red", OWNER, "watcher"])
def test_a_testing_session_goes_with_the_first_who_quits(name):
    play = cast("started", accessibility=Accessibility.TESTING)
    events = play.does(name, c.Quit())
    assert [one.type for one in events] == [names.MEMBER_QUIT, names.DESTROYED]
    assert play.exercise.destroyed


def test_the_remembered_role_wins():
    play = cast()
    play.does(OWNER, c.AssignRole(play.member("watcher").id, Role.PARTICIPANT))
    play.does("watcher", c.Quit())
    assert play.joins("watcher", INSTRUCTOR, AccessLevel.INSTRUCTOR).role is Role.PARTICIPANT
