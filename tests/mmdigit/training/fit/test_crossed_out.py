"""A tiny training of the network for crossed-out digits: it learns, repeats, and its file is what the worker loads."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from mmdigit.reading.image.crossed_out import CrossedOutDetector
from mmdigit.training.data.datasets import Digits
from mmdigit.training.fit.crossed_out import MOST_CALLED, examples, fit, network, save, scores, threshold_of, weights_of
from tests.mmdigit.clips import mnist_like


def digits(count: int = 12) -> Digits:
    return Digits(np.stack([mnist_like(seed) for seed in range(count)]), np.arange(count) % 10, np.full(count, -1))


def crossed(count: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Upright bars, every other one with a bar across."""
    random = np.random.default_rng(1)
    images = np.zeros((count, 28, 28), np.uint8)
    for row, image in enumerate(images):
        place = random.integers(9, 18)
        image[4:24, place : place + 3] = 255
        if row % 2:
            image[place : place + 2, 4:24] = 255
    return images, np.arange(count) % 2 == 1


def logits(net: torch.nn.Module, images: NDArray[np.float32]) -> NDArray[np.float32]:
    with torch.no_grad():
        return np.asarray(net(torch.from_numpy(images)[:, None])[:, 0])


def test_a_short_training_tells_crossed_bars_and_repeats() -> None:
    images, wanted = crossed(512)
    first, again = fit(images, wanted, 6), fit(images, wanted, 6)
    unseen, truth = crossed(600)
    seen = np.asarray(unseen[512:] / 255, np.float32)
    assert ((logits(first, seen) > 0) == truth[512:]).mean() > 0.97
    np.testing.assert_array_equal(logits(first, seen), logits(again, seen))


@pytest.mark.parametrize("threshold", [0.0, 1.5])
def test_numpy_gives_what_torch_gives(threshold: float) -> None:
    torch.manual_seed(2)
    net, images = network().eval(), np.random.default_rng(3).random((32, 28, 28), np.float32)
    found = CrossedOutDetector(weights_of(net, threshold)).logits(images)
    np.testing.assert_allclose(found, logits(net, images) - threshold, atol=1e-4)


def test_the_file_is_the_same_each_time_and_loads_with_its_checksum(tmp_path: Path) -> None:
    torch.manual_seed(4)
    net, images = network().eval(), np.random.default_rng(5).random((8, 28, 28), np.float32)
    checksum = save(tmp_path / "one.npz", weights_of(net, 1.0))
    assert checksum == save(tmp_path / "two.npz", weights_of(net, 1.0))
    assert checksum == hashlib.sha256((tmp_path / "one.npz").read_bytes()).hexdigest()
    loaded = CrossedOutDetector.load(tmp_path / "one.npz", checksum)
    np.testing.assert_allclose(loaded.logits(images), logits(net, images) - 1, atol=2e-2)  # kept in 16 bits


def test_half_of_the_examples_rendered_is_crossed_out() -> None:
    images, wanted = examples(digits(), 36, workers=1)
    assert images.shape[1:] == (28, 28)
    assert images.max(axis=(1, 2)).all()
    assert 30 <= wanted.sum() <= 36
    assert wanted.size - wanted.sum() >= 36  # those rendered, MNIST's own, and drawn sevens and ones


def test_the_threshold_holds_every_share() -> None:
    random = np.random.default_rng(6)
    found = {name: random.normal(place, 1, 20_000) for name, place in (("MNIST as it is", -2), ("clean crops", -1))}
    found["photographs"] = random.normal(0, 1, 20_000)
    threshold = threshold_of(found)
    assert (found["photographs"] > threshold).mean() == pytest.approx(MOST_CALLED["photographs"], abs=1e-3)
    assert (found["clean crops"] > threshold).mean() < 0.005


def test_scores_name_every_check() -> None:
    torch.manual_seed(7)
    found = scores(CrossedOutDetector(weights_of(network().eval(), 0)), digits(), 5, seed=1, workers=1)
    assert sorted(found) == sorted(
        ["MNIST as it is", "crossed out, clean crops", "crossed out, photographs", "clean crops", "photographs"]
    )
    assert found["MNIST as it is"].shape == (12,)
