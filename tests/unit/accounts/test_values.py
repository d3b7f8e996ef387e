"""What a username, a password, a name may be, and when an account is locked."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from stoa.accounts import rules
from stoa.accounts.errors import InvalidUserError, LockedOutError
from stoa.accounts.model import NewUser, UserChange
from stoa.kernel.actor import AccessLevel


def new(**changed: object) -> NewUser:
    values: dict[str, object] = {
        "username": "lea.petit",
        "first_name": "Léa",
        "last_name": "Petit",
        "access": AccessLevel.STUDENT,
    }
    return NewUser(**{**values, **changed})  # type: ignore[arg-type]


@pytest.mark.parametrize("username", ["abcde", "a" * 25, "A-b_c.9", ".....", "12345"])
def test_usernames_that_are_allowed(username: str) -> None:
    rules.check_new_user(new(username=username))


@pytest.mark.parametrize(
    "username",
    [
        "",
        "abcd",
        "a" * 26,
        "a b c d",
        "léa.petit",
        "abcde\n",
        "abcde\x00",
        "abc/de",
        "a@b.cd",
        "١٢٣٤٥",
        "\ud800abcd",
    ],
)
def test_usernames_that_are_not(username: str) -> None:
    with pytest.raises(InvalidUserError) as caught:
        rules.check_new_user(new(username=username))
    assert [fault.field for fault in caught.value.faults] == ["username"]


@pytest.mark.parametrize(("length", "allowed"), [(0, False), (7, False), (8, True), (50, True), (51, False)])
def test_passwords_have_8_to_50_characters(length: int, allowed: bool) -> None:
    if allowed:
        rules.check_password("é" * length)
    else:
        with pytest.raises(InvalidUserError) as caught:
            rules.check_password("é" * length, field="new_password")
        assert caught.value.faults[0].field == "new_password"


@pytest.mark.parametrize("field", ["first_name", "last_name"])
@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("", False),
        (" ", False),
        ("L", True),
        ("L" * 50, True),
        ("L" * 51, False),
        ("O'Neil-Smith", True),
        ("Nuñez", True),
        ("李", True),
        ("a\x00b", False),
        ("a\nb", False),
        ("\ud800", False),
    ],
)
def test_names_have_1_to_50_printable_characters(field: str, name: str, allowed: bool) -> None:
    if allowed:
        rules.check_new_user(new(**{field: name}))
        rules.check_change(UserChange(**{field: name}))
        return
    for check in (
        lambda: rules.check_new_user(new(**{field: name})),
        lambda: rules.check_change(UserChange(**{field: name})),
    ):
        with pytest.raises(InvalidUserError) as caught:
            check()
        assert caught.value.faults[0].field == field


def test_every_fault_is_named_at_once() -> None:
    broken = new(username="x", first_name="", last_name="", express_permissions=("sessions_delete",))
    with pytest.raises(InvalidUserError) as caught:
        rules.check_new_user(broken, password="short")
    fields = [fault.field for fault in caught.value.faults]
    assert fields == ["username", "first_name", "last_name", "express_permissions", "password"]


@pytest.mark.parametrize("text", ["default", "", "Admin", "root", "student "])
def test_access_levels_that_are_none(text: str) -> None:
    with pytest.raises(InvalidUserError):
        rules.access_level(text)


@pytest.mark.parametrize("level", list(AccessLevel))
def test_a_level_is_found_by_its_id(level: AccessLevel) -> None:
    assert rules.access_level(level.value) is level


@pytest.mark.parametrize("text", ["", "x" * 24, "0" * 23, "0" * 25, "0" * 23 + "\n", "../etc"])
def test_an_id_is_24_hexadecimal_digits(text: str) -> None:
    with pytest.raises(InvalidUserError):
        rules.check_user_id(text)


def test_ids_and_usernames_do_not_mind_case() -> None:
    assert rules.check_user_id("ABCDEF" * 4) == "abcdef" * 4
    assert rules.username_key("Lea.Petit") == rules.username_key("lea.pEtit")


def seconds(now: datetime, *offsets: float) -> list[datetime]:
    return [now + timedelta(seconds=offset) for offset in offsets]


@pytest.mark.parametrize(
    ("offsets", "until"),
    [
        ((), None),
        ((0, 1, 2, 3), None),
        ((0, 1, 2, 3, 4), 904),
        ((0, 75, 150, 225, 300), 1200),
        ((0, 75, 150, 225, 300.001), None),
        ((0, 100, 200, 300, 400, 401, 402), 1302),
        ((4, 3, 2, 1, 0), 904),
        ((0, 1, 2, 3, 4, 905), 904),
        ((0, 1, 2, 3, 4, 905, 906, 907, 908, 909), 1809),
    ],
)
def test_five_failures_in_300_seconds_lock_for_900(
    now: datetime, offsets: tuple[float, ...], until: float | None
) -> None:
    expected = None if until is None else now + timedelta(seconds=until)
    assert rules.locked_until(seconds(now, *offsets)) == expected


@pytest.mark.parametrize(("after", "wait"), [(0, 900), (0.001, 900), (1, 899), (899.5, 1), (899.999, 1)])
def test_a_locked_account_says_how_long(now: datetime, after: float, wait: int) -> None:
    failures = [now] * 5
    with pytest.raises(LockedOutError) as caught:
        rules.check_not_locked(failures, now=now + timedelta(seconds=after))
    assert caught.value.retry_after == wait


def test_a_lock_ends(now: datetime) -> None:
    rules.check_not_locked([now] * 5, now=now + timedelta(seconds=900))


def test_a_key_needs_a_name_and_a_future(now: datetime) -> None:
    rules.check_key("grader", expires_at=None, now=now)
    rules.check_key("grader", expires_at=now + timedelta(days=1), now=now)
    with pytest.raises(InvalidUserError) as caught:
        rules.check_key("", expires_at=now, now=now)
    assert [fault.field for fault in caught.value.faults] == ["name", "expires_at"]
