"""Picture batches: every digit once, labels that fit what is drawn, nothing outside the range."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from mmdigit.training.data import images as pictures  # noqa: E402
from mmdigit.training.data import strokes  # noqa: E402
from mmdigit.training.data.augment import Chance  # noqa: E402
from mmdigit.training.data.images import PictureSets, picture_batches  # noqa: E402
from tests.mmdigit.training import made_up  # noqa: E402

DIGITS = made_up.digits(400, 1)
NONE = np.zeros((0, 28, 28), np.uint8)
PLAN = made_up.plan().image


def test_batches_are_the_seed_s_and_in_range() -> None:
    glyphs = np.full((4, 28, 28), 200, np.uint8)
    sets = PictureSets(DIGITS, DIGITS.pictures // 2, glyphs, glyphs)
    once, again = (list(picture_batches(sets, PLAN, PLAN.batch_size, 7)) for _ in range(2))
    assert len(once) == 400 // PLAN.batch_size
    for batch, same in zip(once, again, strict=True):
        torch.testing.assert_close(batch.image, same.image, rtol=0, atol=0)
        assert batch.image.shape == (PLAN.batch_size, 1, 28, 28)
        assert float(batch.image.min()) >= 0
        assert float(batch.image.max()) <= 1
    digits = torch.cat([batch.is_digit for batch in once]).float().mean()
    assert 0.8 < float(digits) < 0.95


def test_what_is_drawn_has_its_label(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "augment_pictures", lambda images, *_: images)
    for name, value in (("flagged_ones", 1.0), ("barred_sevens", 0.5)):
        monkeypatch.setattr(pictures, name, lambda count, _, value=value: torch.full((count, 1, 28, 28), value))
    plan = PLAN.model_copy(update={"negatives": 0.0, "strokes": 0.5, "photographs": 0.0})
    drawn = {1: 0, 7: 0}
    for batch in picture_batches(PictureSets(DIGITS, NONE, NONE, NONE), plan, plan.batch_size, 3):
        for image, label in zip(batch.image, batch.label.tolist(), strict=True):
            if float(image.std()) == 0:
                assert label == (1 if float(image.max()) == 1 else 7)
                drawn[label] += 1
            else:
                assert float(image[0, 4 + 2 * label, 10]) > 0.9
    assert min(drawn.values()) > 30


@pytest.mark.parametrize("draw", [strokes.flagged_ones, strokes.barred_sevens, strokes.characters])
def test_strokes_fill_the_frame_and_are_the_seed_s(draw: "strokes.Draw") -> None:
    once, again = (draw(16, Chance(torch.Generator().manual_seed(2))) for _ in range(2))
    torch.testing.assert_close(once, again, rtol=0, atol=0)
    assert once.shape == (16, 1, 28, 28)
    assert float(once.min()) >= 0
    assert float(once.max()) <= 1
    rows = (once > 0.5).any(dim=3).sum(dim=2)
    columns = (once > 0.5).any(dim=2).sum(dim=2)
    assert int(torch.maximum(rows, columns).min()) >= 17
