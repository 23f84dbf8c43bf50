"""Drawn strokes: in range, seeded, and as large as MNIST's digits."""

import pytest

torch = pytest.importorskip("torch")

from mmdigit.training.data import strokes  # noqa: E402
from mmdigit.training.data.augment import TensorRng  # noqa: E402


@pytest.mark.parametrize("draw", [strokes.flagged_ones, strokes.barred_sevens, strokes.characters])
def test_strokes_fill_the_frame_and_are_seeded(draw: "strokes.DrawImages") -> None:
    once, again = (draw(16, TensorRng(torch.Generator().manual_seed(2))) for _ in range(2))
    torch.testing.assert_close(once, again, rtol=0, atol=0)
    assert once.shape == (16, 1, 28, 28)
    assert float(once.min()) >= 0
    assert float(once.max()) <= 1
    rows = (once > 0.5).any(dim=3).sum(dim=2)
    columns = (once > 0.5).any(dim=2).sum(dim=2)
    assert int(torch.maximum(rows, columns).min()) >= 17
