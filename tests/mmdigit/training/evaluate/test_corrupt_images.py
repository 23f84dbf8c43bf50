"""Corrupted images and images that are not digits: seeded, in range, and corrupted as stated."""

from collections.abc import Callable

import numpy as np
import pytest

from mmdigit.reading.image.normalize import decode_image
from mmdigit.reading.image.pixels import Grey
from mmdigit.training.evaluate import corrupt_images
from mmdigit.training.evaluate.corrupt_images import (
    CORRUPTIONS,
    INK,
    PAPER,
    SIDE,
    Corruption,
    Random,
    corrupt,
    render_crop,
)
from tests.mmdigit.clips import mnist_like

IMAGES = np.stack([mnist_like(0), mnist_like(1)])
BY_NAME = {kind.name: kind for kind in CORRUPTIONS}


def random() -> Random:
    return np.random.default_rng(6)


@pytest.mark.parametrize("kind", CORRUPTIONS, ids=lambda kind: kind.name)
def test_corrupt_is_seeded_and_returns_model_inputs(kind: Corruption) -> None:
    for strength in kind.strengths:
        images = corrupt(IMAGES, kind, strength, random())
        assert images.shape == (2, 28, 28)
        assert images.dtype == np.float32
        assert images.min() >= 0
        assert images.max() <= 1
        assert images.max() > 0.5, "the digit has disappeared"
        assert np.array_equal(images, corrupt(IMAGES, kind, strength, random()))


@pytest.mark.parametrize("kind", [kind for kind in CORRUPTIONS if kind.name != "none"], ids=lambda kind: kind.name)
def test_corruptions_grow_with_their_strength(kind: Corruption) -> None:
    paper = render_crop(IMAGES[0])
    before = paper.copy()
    changes = []
    for strength in kind.strengths:
        corrupted = [kind.apply(paper, strength, np.random.default_rng(seed)) for seed in range(20)]
        changes.append(float(np.abs(np.stack(corrupted) - paper).mean()))
    assert changes[0] > 0.1
    assert changes == sorted(changes)
    assert np.array_equal(paper, before), "the render_crop itself was drawn on"


def test_corrupt_with_none_keeps_the_digit() -> None:
    assert render_crop(IMAGES[0]).shape == (SIDE, SIDE)
    assert render_crop(IMAGES[0]).max() == pytest.approx(PAPER, abs=10)
    assert render_crop(IMAGES[0]).min() == pytest.approx(INK, abs=20)
    clean = corrupt(IMAGES[:1], BY_NAME["none"], 0, random())[0]
    original = decode_image(IMAGES[0].tobytes())
    # The middle is found to the nearest pixel: the two may lie one apart.
    moved = [np.roll(clean, (down, right), (0, 1)) for down in (-1, 0, 1) for right in (-1, 0, 1)]
    assert max(np.corrcoef(image.ravel(), original.ravel())[0, 1] for image in moved) > 0.9


def test_corruptions_do_what_they_say() -> None:
    paper = render_crop(IMAGES[0])
    assert BY_NAME["inversion"].apply(paper, 1, random()) == pytest.approx(255 - paper)
    faint = BY_NAME["contrast"].apply(paper, 25, random())
    assert np.ptp(faint) == pytest.approx(np.ptp(paper) / 4)
    specks = BY_NAME["salt and pepper"].apply(paper, 6, random())
    assert (specks != paper).mean() == pytest.approx(0.06, abs=0.01)
    shadow = BY_NAME["shadow"].apply(np.full((SIDE, SIDE), PAPER), 40, random())
    assert shadow.min() == pytest.approx(0.6 * PAPER, rel=0.02)
    box = BY_NAME["box lines"].apply(np.full((SIDE, SIDE), PAPER), 4, random())
    assert (box[:16] < PAPER).all(axis=1).any()
    assert box[20:100, 20:100] == pytest.approx(PAPER)
    rows, columns = np.nonzero(BY_NAME["shift"].apply(paper, 25, random()) < 200)
    assert np.hypot(rows.mean() - SIDE / 2, columns.mean() - SIDE / 2) == pytest.approx(0.25 * SIDE, abs=6)


@pytest.mark.parametrize(
    "make",
    [
        corrupt_images.scribbles,
        corrupt_images.marks,
        lambda count, random: corrupt_images.cross_out(np.repeat(IMAGES, count // 2, axis=0), random),
    ],
    ids=["scribbles", "marks", "crossed out"],
)
def test_non_digits_are_drawn_and_seeded(make: Callable[[int, Random], Grey]) -> None:
    drawn = make(8, random())
    assert drawn.shape == (8, 28, 28)
    assert (drawn.max(axis=(1, 2)) > 0.5).all()
    assert drawn.min() >= 0
    assert drawn.max() <= 1
    assert np.array_equal(drawn, make(8, random()))
    assert not np.array_equal(drawn, make(8, np.random.default_rng(7)))


def test_empty_boxes_are_erased_by_the_decoder() -> None:
    drawn = corrupt_images.empty_boxes(8, random())
    assert drawn.shape == (8, 28, 28)
    assert ((drawn > 0.5).sum(axis=(1, 2)) <= 8).all()


def test_blanks_without_a_shadow_have_no_ink() -> None:
    ink = corrupt_images.blanks(10, random()).sum(axis=(1, 2))
    assert (ink == 0).any()
