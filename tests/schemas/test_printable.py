"""Text from outside is safe in messages."""

from hypothesis import given
from hypothesis import strategies as st

from schemas.printable import printable, visible


@given(st.text(), st.integers(1, 100))
def test_printable_is_one_bounded_line(text: str, max_characters: int) -> None:
    shown = printable(text, max_characters)
    assert shown.isprintable()
    assert len(shown) <= max_characters + 3
    if text.isprintable() and len(text) <= max_characters:
        assert shown == text


def test_printable_escapes_control_characters() -> None:
    assert printable("a\x1b[2J\u202e\n\udcff") == r"a\x1b[2J\u202e\n\udcff"


def test_printable_cuts_long_text() -> None:
    assert printable("abcdef", 5) == "abcde..."
    assert printable("\n" * 5, 5) == r"\n\n\..."


@given(st.text(), st.integers(10, 100))
def test_visible_is_bounded_and_printable(name: str, max_characters: int) -> None:
    shown = visible(name, max_characters)
    assert shown.isprintable()
    assert len(shown) <= max_characters


def test_visible_escapes_what_nobody_sees() -> None:
    assert visible(" Ada\u3164\u2800\ufe0f\u200b\U000e0100 ", 64) == r"Ada\u3164\u2800\ufe0f\u200b\U000e0100"


def test_visible_tells_long_names_apart() -> None:
    one, other = (visible("x" * 64 + end, 64) for end in "ab")
    assert one != other
    assert one.startswith("x" * 55 + "~")
