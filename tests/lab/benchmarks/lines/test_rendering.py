"""Rendered lines say what was written, and where."""

import numpy as np
import pytest

from lab.benchmarks.lines.rendering import LONGEST, SHORTEST, Surface, by_writer, render_line
from mmdigit.training.data.splits import Digits
from tests.mmdigit.clips import mnist_like

DIGITS = Digits(np.stack([mnist_like(seed) for seed in range(24)]), np.arange(24) % 10, np.repeat([3, 5, 9], (8, 8, 8)))


def test_writers_with_few_digits_are_left_out() -> None:
    assert [each.writers[0] for each in by_writer(DIGITS)] == [3, 5, 9]
    assert by_writer(DIGITS, fewest=9) == []


@pytest.mark.parametrize("surface", ["plain", "scan", "photo"])
@pytest.mark.parametrize("touching", [False, True])
def test_every_digit_has_its_ink_in_its_box(surface: Surface, touching: bool) -> None:
    [writer, *_] = by_writer(DIGITS)
    line = render_line(writer, touching, surface, np.random.default_rng(4))
    assert SHORTEST <= len(line.digits) <= LONGEST
    assert line.grey.dtype == np.float32
    assert 0 <= line.grey.min() < line.grey.max() <= 1
    for place, box in enumerate(line.boxes * line.enlarged):
        rows, columns = np.nonzero(line.owners == place)
        assert columns.min() >= box[0] - 6
        assert rows.min() >= box[1] - 6
        assert columns.max() <= box[2] + 6
        assert rows.max() <= box[3] + 6


def test_a_line_depends_on_its_seed_alone() -> None:
    [writer, *_] = by_writer(DIGITS)
    first, again = (render_line(writer, False, "photo", np.random.default_rng(2)) for _ in range(2))
    assert np.array_equal(first.grey, again.grey)
    assert first.digits == again.digits
