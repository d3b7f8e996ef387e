import pytest

from stoa.live.media.controller import Listen, listens


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1", [Listen("127.0.0.1")]),
        ("10.0.0.5=203.0.113.7", [Listen("10.0.0.5", "203.0.113.7")]),
        (" 10.0.0.5 = 203.0.113.7 , ::1,", [Listen("10.0.0.5", "203.0.113.7"), Listen("::1")]),
    ],
)
def test_addresses_are_read(text, expected):
    assert listens(text) == expected


def test_without_a_word_it_listens_where_others_and_this_machine_find_it():
    found = listens("")
    assert found[-1] == Listen("127.0.0.1")
    assert len(found) == len(set(found))
