"""Lists as one text."""

from mmdigit.settings.lists import split


def test_split_leaves_out_spaces_and_empty_parts() -> None:
    assert split(" a, b ,,c,") == ["a", "b", "c"]
    assert split("") == []


def test_split_leaves_anything_else_as_it_is() -> None:
    assert split(("a,b",)) == ("a,b",)
