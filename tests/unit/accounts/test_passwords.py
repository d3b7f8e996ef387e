from __future__ import annotations

import pytest

from stoa.accounts.passwords import Passwords


@pytest.fixture(scope="module")
def passwords() -> Passwords:
    return Passwords(passes=1, memory_kib=64, lanes=1)


def test_the_right_password_is_right(passwords: Passwords) -> None:
    stored = passwords.hash("correct horse")
    assert stored.startswith("$argon2id$")
    assert passwords.verify("correct horse", stored)


@pytest.mark.parametrize("wrong", ["", "Correct horse", "correct horse ", "é" * 5000, "\x00", "\ud800"])
def test_a_wrong_password_is_wrong(passwords: Passwords, wrong: str) -> None:
    assert not passwords.verify(wrong, passwords.hash("correct horse"))


def test_two_hashes_of_one_password_differ(passwords: Passwords) -> None:
    assert passwords.hash("correct horse") != passwords.hash("correct horse")


@pytest.mark.parametrize("password", ["anything", "nobody has this password"])
def test_nobody_has_no_password(passwords: Passwords, password: str) -> None:
    assert not passwords.verify(password, None)


def test_a_hash_that_is_none_is_wrong(passwords: Passwords) -> None:
    assert not passwords.verify("anything", "not a hash")
