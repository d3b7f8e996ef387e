"""Rule 5: what a path may be, and what it becomes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stoa.activity.errors import PathInvalidError
from stoa.activity.model import Path
from stoa.activity.tally import MAX_MEMBER, parse_path

DOCUMENTED = (
    "[/view/da7ac9b9-db1c-4435-a1f2-edb4d6be4db8,view-tab_edd5855b-54f1-4c51-9550-d88c2da60768]",
    ("/view/da7ac9b9-db1c-4435-a1f2-edb4d6be4db8", "view-tab_edd5855b-54f1-4c51-9550-d88c2da60768"),
)


@pytest.mark.parametrize(
    ("sent", "members"),
    [
        DOCUMENTED,
        (["/view", "tab"], ("/view", "tab")),
        (["/view"], ("/view",)),
        (["view", ""], ("view", "")),
        (["é", "日本"], ("é", "日本")),
        (["a,b", "c"], ("a,b", "c")),
        ([" a ", " b "], (" a ", " b ")),
        (("/view", "tab"), ("/view", "tab")),
        ("[a,b]", ("a", "b")),
        ("[ a , b ]", ("a", "b")),
        (" [a,b] ", ("a", "b")),
        ("[a]", ("a",)),
        ("[a,]", ("a", "")),
        ("/exploitation/pbehaviors", ("/exploitation/pbehaviors",)),
        ("a,b", ("a,b",)),
        ("[a", ("[a",)),
        ("a]", ("a]",)),
        ("[", ("[",)),
        (["x" * MAX_MEMBER], ("x" * MAX_MEMBER,)),
    ],
)
def test_a_path_is_a_list_or_its_text(sent, members):
    assert parse_path(sent).members == members


@pytest.mark.parametrize(
    "sent",
    [
        None, 1, 1.5, True, {}, {"view": "a"}, [], [""], ["  "], ["", "tab"], "", "   ", "[]", "[ ]", "[,b]", "[a,b,c]",
        ["a", "b", "c"], [1], ["a", None], ["a", 2], [["a"]], ["a\0"], ["a", "\0"], "a\0b", ["\ud800"], "\udfff",
        ["é\0"], ["x" * (MAX_MEMBER + 1)], ["a", "x" * (MAX_MEMBER + 1)],
        ["é" * (MAX_MEMBER // 2 + 1)],
    ],
)  # fmt: skip
def test_nothing_else_is_a_path(sent):
    with pytest.raises(PathInvalidError) as caught:
        parse_path(sent)
    assert caught.value.faults[0].field == "path"


@pytest.mark.parametrize(
    ("members", "view", "tab"),
    [(("a",), "a", None), (("a", "b"), "a", "b"), (("a", ""), "a", None)],
)
def test_a_blank_tab_is_no_tab(members, view, tab):
    assert (Path(members).view, Path(members).tab) == (view, tab)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=4))
def test_a_path_is_read_or_refused_and_nothing_else(sent):
    try:
        path = parse_path(sent)
    except PathInvalidError:
        return
    assert 1 <= len(path.members) <= 2
    assert path.view.strip()
