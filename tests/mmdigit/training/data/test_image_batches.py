"""Image batches: every digit once, with labels that match the drawn digits, in range."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from mmdigit.training.data import image_batches as module  # noqa: E402
from mmdigit.training.data import photographs  # noqa: E402
from mmdigit.training.data.image_batches import ImageSets, image_batches, load_image_sets  # noqa: E402
from schemas.errors import DataError  # noqa: E402
from tests.mmdigit.training import made_up  # noqa: E402

DIGITS = made_up.digits(400, 1)
NONE = np.zeros((0, 28, 28), np.uint8)
PLAN = made_up.plan().image


def test_image_batches_are_seeded_and_in_range() -> None:
    glyphs = np.full((4, 28, 28), 200, np.uint8)
    sets = ImageSets(DIGITS, DIGITS.images // 2, glyphs, glyphs)
    once, again = (list(image_batches(sets, PLAN, PLAN.batch_size, 7)) for _ in range(2))
    assert len(once) == 400 // PLAN.batch_size
    for batch, same in zip(once, again, strict=True):
        torch.testing.assert_close(batch.image, same.image, rtol=0, atol=0)
        assert batch.image.shape == (PLAN.batch_size, 1, 28, 28)
        assert float(batch.image.min()) >= 0
        assert float(batch.image.max()) <= 1
    digits = torch.cat([batch.is_digit for batch in once]).float().mean()
    assert 0.8 < float(digits) < 0.95


def test_image_batches_label_drawn_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "augment_images", lambda images, *_: images)
    for name, value in (("flagged_ones", 1.0), ("barred_sevens", 0.5)):
        monkeypatch.setattr(module, name, lambda count, _, value=value: torch.full((count, 1, 28, 28), value))
    plan = PLAN.model_copy(update={"negatives": 0.0, "strokes": 0.5, "photographs": 0.0})
    drawn = {1: 0, 7: 0}
    for batch in image_batches(ImageSets(DIGITS, NONE, NONE, NONE), plan, plan.batch_size, 3):
        for image, label in zip(batch.image, batch.label.tolist(), strict=True):
            if float(image.std()) == 0:
                assert label == (1 if float(image.max()) == 1 else 7)
                drawn[label] += 1
            else:
                assert float(image[0, 4 + 2 * label, 10]) > 0.9
    assert min(drawn.values()) > 30


def test_damaged_photographs_are_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photographs, "photograph_digits", lambda digits, *_, **__: digits.images // 2)
    plan = made_up.plan().image.model_copy(update={"photographs": 0.4})

    def load() -> ImageSets:
        return load_image_sets(made_up.digits(20, 1), made_up.images(20).glyphs, plan, tmp_path, 1)

    made, again = load(), load()
    np.testing.assert_array_equal(again.photographs, made.photographs)
    for path in tmp_path.iterdir():
        path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(DataError, match=r"expected photographs in .*, got a damaged file \(.*\); remove it"):
        load()
