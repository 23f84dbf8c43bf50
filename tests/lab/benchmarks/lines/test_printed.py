"""Lines of printed digits: what is drawn, and that printed numbers are read while those of a display go to review."""

import numpy as np

from lab.benchmarks.lines.printed import DISPLAY, FONTS, measure, on_display, printed_lines, set_in_type


def test_digits_are_ten_different_ones_of_equal_height() -> None:
    for images, least in ((on_display(), 14), *((set_in_type(font), 18) for names in FONTS.values() for font in names)):
        assert len({image.tobytes() for image in images}) == 10
        heights = [np.flatnonzero(image.max(axis=1) > 64).size for image in images]
        assert min(heights) >= least
        assert max(heights) == 20


def test_lines_of_each_font_are_drawn_alike_again() -> None:
    drawn, again = ([(name, line.digits, line.grey) for name, line in printed_lines(3)] for _ in range(2))
    assert len(drawn) == 3 * 11
    assert {name for name, _, _ in drawn} == {*FONTS, DISPLAY}
    for one, other in zip(drawn, again, strict=True):
        assert one[:2] == other[:2]
        np.testing.assert_array_equal(one[2], other[2])


def test_printed_numbers_are_read_and_a_display_is_not_trusted() -> None:
    result = measure(3)
    fonts = result["groups"]["ten fonts"]["known"]
    assert fonts["lines"] == 30
    assert fonts["right"] >= 27
    assert result["kinds"][DISPLAY]["known"]["accepted"] == 0
