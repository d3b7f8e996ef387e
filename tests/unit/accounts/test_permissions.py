"""Who may see, change and make whom, over every access level."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import product

import pytest

from stoa.accounts import rules
from stoa.accounts.errors import NotAllowedError
from stoa.accounts.model import ADMIN_ID, LEVEL_PERMISSIONS, PERMISSIONS, SYSTEM_ID, NewUser, User, UserChange
from stoa.kernel.actor import AccessLevel, Actor

AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
LEVELS = list(AccessLevel)
PAIRS = list(product(LEVELS, LEVELS))

# The facts' hierarchy, written out by hand: what each held permission satisfies besides itself.
IMPLIED = {
    "users_read": {"users_read_students"},
    "users_write": {"users_write_students"},
    "sessions_write": {"sessions_write_native", "sessions_write_foreign"},
    "sessions_join_manager": {"sessions_join_manager_native"},
}


def user(access: AccessLevel, *, express: tuple[str, ...] = (), user_id: str = "a" * 24) -> User:
    return User(7, user_id, "somebody", "Some", "Body", access, express, False, AT, AT, SYSTEM_ID, "system")


def actor(access: AccessLevel, *, express: tuple[str, ...] = ()) -> Actor:
    permissions = user(access, express=express).permissions
    return Actor(3, "b" * 24, "asker", "As Ker", access, permissions, "login", AT)


def test_there_are_eighteen_permissions() -> None:
    assert len(set(PERMISSIONS)) == len(PERMISSIONS) == 18


@pytest.mark.parametrize(("held", "asked"), list(product(PERMISSIONS, PERMISSIONS)))
def test_a_permission_gives_itself_and_what_it_is_the_beginning_of(held: str, asked: str) -> None:
    expected = held == asked or asked in IMPLIED.get(held, set())
    assert rules.holds({held}, asked) is expected
    assert actor(AccessLevel.STUDENT, express=(held,)).may(asked) is (
        expected or asked in LEVEL_PERMISSIONS[AccessLevel.STUDENT]
    )


@pytest.mark.parametrize("level", LEVELS)
def test_every_level_has_its_permissions_and_only_known_ones(level: AccessLevel) -> None:
    assert LEVEL_PERMISSIONS[level] <= set(PERMISSIONS)


@pytest.mark.parametrize(("level", "express"), list(product(LEVELS, PERMISSIONS)))
def test_express_permissions_add_to_the_levels(level: AccessLevel, express: str) -> None:
    permissions = user(level, express=(express,)).permissions
    if level is AccessLevel.REVOKED:
        assert permissions == frozenset()
    else:
        assert permissions == LEVEL_PERMISSIONS[level] | {express}


SEES = {
    **{(AccessLevel.ADMIN, target): True for target in LEVELS},
    **{(AccessLevel.SYSTEM, target): True for target in LEVELS},
    (AccessLevel.INSTRUCTOR, AccessLevel.STUDENT): True,
}


@pytest.mark.parametrize(("asking", "target"), PAIRS)
def test_who_sees_whom(asking: AccessLevel, target: AccessLevel) -> None:
    assert rules.may_see_user(actor(asking), user(target)) is SEES.get((asking, target), False)


WRITES = {
    **{
        (asking, target): target is not AccessLevel.SYSTEM
        for asking in (AccessLevel.ADMIN, AccessLevel.SYSTEM)
        for target in LEVELS
    },
    (AccessLevel.INSTRUCTOR, AccessLevel.STUDENT): True,
}


@pytest.mark.parametrize(("asking", "target"), PAIRS)
def test_who_writes_whom(asking: AccessLevel, target: AccessLevel) -> None:
    assert rules.may_write_user(actor(asking), user(target)) is WRITES.get((asking, target), False)


@pytest.mark.parametrize(("asking", "made"), PAIRS)
def test_who_makes_whom(asking: AccessLevel, made: AccessLevel) -> None:
    new = NewUser("new.comer", "New", "Comer", made)
    if WRITES.get((asking, made), False):
        rules.check_may_add(actor(asking), new)
    else:
        with pytest.raises(NotAllowedError):
            rules.check_may_add(actor(asking), new)


@pytest.mark.parametrize(("before", "after"), PAIRS)
def test_an_admin_moves_anybody_between_the_levels_that_people_have(
    before: AccessLevel, after: AccessLevel
) -> None:
    change = UserChange(access=after)
    if AccessLevel.SYSTEM in (before, after):
        with pytest.raises(NotAllowedError):
            rules.check_may_change(actor(AccessLevel.ADMIN), user(before), change)
    else:
        rules.check_may_change(actor(AccessLevel.ADMIN), user(before), change)


@pytest.mark.parametrize(("before", "after"), PAIRS)
def test_an_instructor_moves_nobody(before: AccessLevel, after: AccessLevel) -> None:
    change = UserChange(access=after)
    if before is after is AccessLevel.STUDENT:
        rules.check_may_change(actor(AccessLevel.INSTRUCTOR), user(before), change)
    else:
        with pytest.raises(NotAllowedError):
            rules.check_may_change(actor(AccessLevel.INSTRUCTOR), user(before), change)


@pytest.mark.parametrize(
    ("level", "granted"), list(product([AccessLevel.INSTRUCTOR, AccessLevel.ADMIN], PERMISSIONS))
)
def test_nobody_grants_more_than_he_has(level: AccessLevel, granted: str) -> None:
    asking = actor(level)
    new = NewUser("new.comer", "New", "Comer", AccessLevel.STUDENT, (granted,))
    of_the_students_own = granted in LEVEL_PERMISSIONS[AccessLevel.STUDENT]
    if level is AccessLevel.ADMIN or asking.may(granted) or of_the_students_own:
        rules.check_may_add(asking, new)
        return
    with pytest.raises(NotAllowedError, match=granted):
        rules.check_may_add(asking, new)
    with pytest.raises(NotAllowedError, match=granted):
        rules.check_may_change(asking, user(AccessLevel.STUDENT), UserChange(express_permissions=(granted,)))


def test_an_instructor_does_not_take_over_a_student_who_can_do_more() -> None:
    promoted = user(AccessLevel.STUDENT, express=("users_write",))
    assert not rules.may_write_user(actor(AccessLevel.INSTRUCTOR), promoted)
    assert rules.may_write_user(actor(AccessLevel.ADMIN), promoted)


def test_an_instructor_who_may_write_users_still_does_not_touch_an_admin() -> None:
    asking = actor(AccessLevel.INSTRUCTOR, express=("users_write", "users_read"))
    assert rules.may_write_user(asking, user(AccessLevel.INSTRUCTOR))
    assert not rules.may_write_user(asking, user(AccessLevel.ADMIN))
    with pytest.raises(NotAllowedError):
        rules.check_may_add(asking, NewUser("new.comer", "New", "Comer", AccessLevel.ADMIN))


def test_the_first_admin_keeps_access_and_stays() -> None:
    first = user(AccessLevel.ADMIN, user_id=ADMIN_ID)
    asking = actor(AccessLevel.ADMIN)
    with pytest.raises(NotAllowedError):
        rules.check_may_delete(asking, first)
    with pytest.raises(NotAllowedError):
        rules.check_may_change(asking, first, UserChange(access=AccessLevel.STUDENT))
    with pytest.raises(NotAllowedError):
        rules.check_may_change(asking, first, UserChange(express_permissions=("users_write",)))
    rules.check_may_change(asking, first, UserChange(first_name="Ada"))


@pytest.mark.parametrize("level", LEVELS)
def test_nobody_touches_the_system(level: AccessLevel) -> None:
    system = user(AccessLevel.SYSTEM, user_id=SYSTEM_ID)
    with pytest.raises(NotAllowedError):
        rules.check_may_delete(actor(level), system)
    with pytest.raises(NotAllowedError):
        rules.check_may_change(actor(level), system, UserChange(first_name="Ada"))


@pytest.mark.parametrize(("asking", "target"), PAIRS)
def test_who_deletes_whom(asking: AccessLevel, target: AccessLevel) -> None:
    if WRITES.get((asking, target), False):
        rules.check_may_delete(actor(asking), user(target))
    else:
        with pytest.raises(NotAllowedError):
            rules.check_may_delete(actor(asking), user(target))
