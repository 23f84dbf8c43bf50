"""The shares of digits that are marked, and that the page marks by one of them."""

import re
from pathlib import Path

import numpy as np

from lab.benchmarks.strings.doubting import BARS, shares


def test_shares_are_of_wrong_and_of_right_digits() -> None:
    found = shares(np.array([0.85, 0.97, 0.5, 0.999, 0.96]), np.array([False, False, True, True, True]))
    assert [row["confidence"] for row in found] == list(BARS)
    assert [round(row["wrong"], 2) for row in found] == [0.0, 0.5, 0.5, 1.0, 1.0]
    assert [round(row["right"], 2) for row in found] == [0.33, 0.33, 0.33, 0.67, 0.67]


def test_page_marks_by_a_measured_confidence() -> None:
    script = Path("mmdigit/webapp/js/listen/digits.js").read_text(encoding="utf-8")
    found = re.search(r"DOUBT = ([\d.]+)", script)
    assert found is not None
    assert float(found[1]) in BARS
