"""Augmentation of images: keeps shapes and ranges, and is seeded; touching digits keep apart where they stand."""

import pytest

torch = pytest.importorskip("torch")

from mmdigit.training.data import image_augmentation as module  # noqa: E402
from mmdigit.training.data.augment import TensorRng  # noqa: E402


def rng(seed: int = 0) -> TensorRng:
    return TensorRng(torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("name", ["augment_images", "corrupt_images"])
def test_images_keep_their_range_and_are_seeded(name: str) -> None:
    images = torch.rand(16, 1, 28, 28, generator=torch.Generator().manual_seed(3))
    once, again, other = (getattr(module, name)(images, rng(seed)) for seed in (1, 1, 2))
    assert once.shape == images.shape
    assert 0 <= float(once.min()) <= float(once.max()) <= 1
    torch.testing.assert_close(once, again, rtol=0, atol=0)
    assert not torch.equal(once, other)


def test_touching_digits_stand_side_by_side() -> None:
    images = torch.zeros(2, 1, 28, 28)
    images[0, :, 4:24, 8:20] = 1.0
    images[1, :, 12:16, 4:24] = 1.0  # the second: a flat bar
    pairs = module._touching(images)
    left, right = pairs[..., :14], pairs[..., 14:]
    assert float(left[0].sum()) > 2 * float(right[0].sum())
    assert float(right[1].sum()) > 2 * float(left[1].sum())
