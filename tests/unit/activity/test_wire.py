"""What a ping's body says."""

import json

import msgspec
import pytest

from stoa.activity.model import Path, Ping
from stoa.activity.wire import Hide, Keepalive
from stoa.kernel.errors import InvalidError
from stoa.web.body import decode


def keepalive_from(body):
    read = decode(json.dumps(body).encode(), msgspec.json.Decoder(Keepalive))
    return read.to_ping(visible=read.visible)


def hide_from(body):
    return decode(json.dumps(body).encode(), msgspec.json.Decoder(Hide)).to_ping()


def test_a_keepalive_as_documented():
    assert keepalive_from({"visible": False, "path": "[a,b]"}) == Ping(Path(("a", "b")), visible=False)


def test_a_hide_is_a_visible_ping():
    assert hide_from({"path": ["a"]}) == Ping(Path(("a",)), visible=True)


def test_more_than_the_document():
    body = {
        "visible": True,
        "path": ["a"],
        "visible_ms": 1500,
        "age_ms": 20,
        "seq": 3,
        "client": "k9",
        "else": 1,
    }
    assert keepalive_from(body) == Ping(
        Path(("a",)), visible=True, claim_ms=1500, age_ms=20, seq=3, client="k9"
    )


@pytest.mark.parametrize("missing", ["visible", "path"])
def test_a_missing_key_is_named(missing):
    body = {"visible": True, "path": ["a"]}
    del body[missing]
    with pytest.raises(InvalidError, match=f"{missing}: is required"):
        keepalive_from(body)


@pytest.mark.parametrize(
    "more",
    [
        *({"visible": value} for value in (None, 1, 0, "true", [], {})),
        *({"seq": value} for value in (True, -1, 1.5, "1", 2**53, [])),
        *({"visible_ms": value} for value in (False, -1, 0.5, "9", 2**53, "nan")),
        *({"age_ms": value} for value in (True, -1, 0.5, "9", 2**53)),
        *({"client": value} for value in (1, [], "x" * 65, "é", "a\0", "a\n")),
    ],
    ids=repr,
)
def test_a_value_of_the_wrong_type_is_refused(more):
    with pytest.raises(InvalidError):
        keepalive_from({"visible": True, "path": ["a"]} | more)


@pytest.mark.parametrize("body", [None, [], "text", 1, True])
def test_a_body_is_an_object(body):
    with pytest.raises(InvalidError):
        keepalive_from(body)
    with pytest.raises(InvalidError):
        hide_from(body)


def test_a_path_that_is_none_is_refused():
    with pytest.raises(InvalidError):
        hide_from({"path": []})
