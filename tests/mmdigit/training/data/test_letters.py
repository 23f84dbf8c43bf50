"""Letters: drawn in the fonts that are there, laid out as digits, none that looks like one."""

from pathlib import Path

import numpy as np
import pytest

from mmdigit.training.data.letters import FONTS, LATIN, OTHERS, PRINT, letters
from tests.mmdigit.training import made_up


def test_without_fonts_there_are_no_letters(tmp_path: Path) -> None:
    assert letters(tmp_path).shape == (0, 28, 28)


@pytest.mark.skipif(not (FONTS / "truetype" / PRINT[0]).is_file(), reason="needs the font DejaVu Sans")
def test_letters_are_laid_out_as_digits() -> None:
    drawn = letters()
    assert len(drawn) >= len(LATIN + OTHERS)
    assert np.mean([made_up.is_laid_out(image) for image in drawn]) > 0.95


def test_no_letter_looks_like_a_digit() -> None:
    assert set("OoDIlSsZzBbGgQqОоЗзБбЧчВвЭэ0123456789").isdisjoint(LATIN + OTHERS)
