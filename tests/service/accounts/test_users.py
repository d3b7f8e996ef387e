from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from stoa.accounts import service, store
from stoa.accounts.errors import (
    InvalidUserError,
    NotAllowedError,
    UsernameTakenError,
    UserNotFoundError,
    WrongPasswordError,
)
from stoa.accounts.model import ADMIN_ID, SYSTEM_ID, NewUser, SignedIn, UserChange
from stoa.kernel.actor import AccessLevel


def create(room, actor, username="new.comer", access=AccessLevel.STUDENT, express=()):
    new = NewUser(username, "New", "Comer", access, express)
    return room.run(
        service.create_user, new, password_hash="hash of right", actor=actor, ids=room.ids, now=room.now
    )


def change(room, actor, user_id, password_hash=None, **fields):
    return room.run(
        service.update_user,
        user_id,
        UserChange(**fields),
        password_hash=password_hash,
        actor=actor,
        now=room.now,
        tell=room.told.append,
    )


def test_the_first_start_makes_the_admin_once(room):
    assert not room.run(service.ensure_admin, ids=room.ids, now=room.now, password_hash="another")
    admin = room.run(service.user_named, "admin")
    assert (admin.id, admin.number, admin.access) == (ADMIN_ID, 1, AccessLevel.ADMIN)
    assert isinstance(room.sign_in("admin"), SignedIn)


def test_the_system_is_there_and_not_listed(room, admin):
    assert room.run(store.get_user, SYSTEM_ID).number == 0
    assert [user.id for user in room.run(service.visible_users, actor=admin)] == [ADMIN_ID]


def test_a_user_is_what_was_asked_for(room, admin):
    room.wait(hours=1)
    made = create(room, admin, express=("files_read", "missions_read", "files_read"))
    assert made.express_permissions == ("files_read", "missions_read")
    assert (made.created_at, made.updated_at) == (room.now, room.now)
    assert (made.created_by, made.created_by_username) == (ADMIN_ID, "admin")
    assert room.run(service.read_user, made.id, actor=admin) == made
    assert len(made.id) == 24


def test_numbers_are_never_used_again(room, admin):
    first = create(room, admin)
    room.run(service.delete_user, first.id, actor=admin, now=room.now)
    assert create(room, admin).number > first.number


@pytest.mark.parametrize("username", ["lea.petit", "LEA.PETIT"])
def test_a_username_is_taken_whatever_its_case(room, admin, student, username):
    with pytest.raises(UsernameTakenError):
        create(room, admin, username)
    other = create(room, admin)
    with pytest.raises(UsernameTakenError):
        change(room, admin, other.id, username=username)
    assert room.run(service.read_user, other.id, actor=admin) == other


def test_a_username_may_change_its_own_case(room, admin, student):
    assert change(room, admin, student.id, username="Lea.Petit").username == "Lea.Petit"


def test_of_two_who_take_a_name_at_once_one_gets_it(room, admin):
    def attempt(_):
        try:
            return create(room, admin)
        except UsernameTakenError:
            return None

    with ThreadPoolExecutor(4) as pool:
        made = [user for user in pool.map(attempt, range(4)) if user]
    assert len(made) == 1


def test_an_instructor_sees_and_makes_students_only(room, admin, instructor, student):
    assert {user.username for user in room.run(service.visible_users, actor=instructor)} == {"lea.petit"}
    assert room.run(service.read_user, student.id, actor=instructor).id == student.id
    assert create(room, instructor).access is AccessLevel.STUDENT
    for access in (AccessLevel.INSTRUCTOR, AccessLevel.ADMIN, AccessLevel.SYSTEM, AccessLevel.REVOKED):
        with pytest.raises(NotAllowedError):
            create(room, instructor, f"new.{access}"[:25], access)
    with pytest.raises(NotAllowedError):
        room.run(service.read_user, admin.id, actor=instructor)
    with pytest.raises(NotAllowedError):
        create(room, instructor, "too.strong", express=("users_write",))


def test_a_refused_change_changes_nothing(room, instructor, student):
    before = room.run(service.read_user, student.id, actor=instructor)
    for fields in (
        {"access": AccessLevel.ADMIN},
        {"express_permissions": ("users_write",)},
        {"first_name": "Eve", "access": AccessLevel.INSTRUCTOR},
    ):
        with pytest.raises(NotAllowedError):
            change(room, instructor, student.id, password_hash="stolen", **fields)
    assert room.run(service.read_user, student.id, actor=instructor) == before
    assert isinstance(room.sign_in("lea.petit"), SignedIn)


@pytest.mark.parametrize("user_id", ["f" * 24, "x", "", "0" * 25, "../admin"])
def test_an_id_that_is_nobodys(room, admin, user_id):
    expected = UserNotFoundError if len(user_id) == 24 else InvalidUserError
    for attempt in (
        lambda: room.run(service.read_user, user_id, actor=admin),
        lambda: change(room, admin, user_id, first_name="Eve"),
        lambda: room.run(service.delete_user, user_id, actor=admin, now=room.now),
    ):
        with pytest.raises(expected):
            attempt()


@pytest.mark.parametrize("user_id", [SYSTEM_ID, ADMIN_ID])
def test_the_protected_stay(room, admin, user_id):
    before = room.run(store.get_user, user_id)
    with pytest.raises(NotAllowedError):
        room.run(service.delete_user, user_id, actor=admin, now=room.now)
    with pytest.raises(NotAllowedError):
        change(room, admin, user_id, access=AccessLevel.STUDENT)
    assert room.run(store.get_user, user_id) == before


def test_a_change_leaves_the_rest(room, admin, student):
    before = room.run(service.read_user, student.id, actor=admin)
    room.wait(minutes=1)
    after = change(room, admin, student.id, last_name="Grand", needs_password_reset=True)
    assert (after.first_name, after.last_name) == (before.first_name, "Grand")
    assert (after.needs_password_reset, after.created_at, after.updated_at) == (
        True,
        before.created_at,
        room.now,
    )


def test_another_ones_new_password_ends_their_logins(room, instructor, student):
    signed_in = room.sign_in("lea.petit")
    change(room, instructor, student.id, password_hash="hash of new")
    assert not room.is_good(signed_in)
    assert isinstance(room.sign_in("lea.petit"), WrongPasswordError)
    assert isinstance(room.sign_in("lea.petit", "new"), SignedIn)


def test_resetting_ones_own_password_keeps_this_login(room, admin, student):
    change(room, admin, student.id, needs_password_reset=True)
    kept, other = room.sign_in("lea.petit"), room.sign_in("lea.petit")
    room.run(
        service.reset_own_password,
        password_hash="hash of new",
        actor=room.actor(kept.user, kept.login.id),
        now=room.now,
    )
    assert (room.is_good(kept), room.is_good(other)) == (True, False)
    assert not room.run(service.user_named, "lea.petit").needs_password_reset


def test_who_is_deleted_is_gone_and_the_name_is_free(room, admin, student):
    signed_in = room.sign_in("lea.petit")
    room.run(service.delete_user, student.id, actor=admin, now=room.now, tell=room.told.append)
    assert not room.is_good(signed_in)
    assert isinstance(room.sign_in("lea.petit"), WrongPasswordError)
    with pytest.raises(UserNotFoundError):
        room.run(service.read_user, student.id, actor=admin)
    assert room.told[-1].login_ids == (signed_in.login.id,)
    assert create(room, admin, "lea.petit").id != student.id


def test_setting_a_password_lifts_a_lock(room, student):
    for _ in range(5):
        room.sign_in("lea.petit", "wrong")
    room.run(service.set_password, "LEA.petit", password_hash="hash of new", now=room.now)
    assert isinstance(room.sign_in("lea.petit", "new"), SignedIn)
