"""A small training of the crossed-out network: it learns, is repeatable, and its file loads in the worker."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from mmdigit.reading.image.crossed_out import CrossedOutDetector
from mmdigit.training.data.splits import Digits
from mmdigit.training.fit.crossed_out import (
    MAX_FALSE_POSITIVE_RATES,
    choose_threshold,
    extract_weights,
    network,
    save_weights,
    score_checks,
    train_network,
    training_examples,
)
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


def test_train_network_learns_and_is_repeatable() -> None:
    images, crossed_out = crossed(512)
    first, again = train_network(images, crossed_out, 6), train_network(images, crossed_out, 6)
    unseen, truth = crossed(600)
    inputs = np.asarray(unseen[512:] / 255, np.float32)
    assert ((logits(first, inputs) > 0) == truth[512:]).mean() > 0.97
    np.testing.assert_array_equal(logits(first, inputs), logits(again, inputs))


@pytest.mark.parametrize("threshold", [0.0, 1.5])
def test_extract_weights_gives_equal_logits_in_numpy(threshold: float) -> None:
    torch.manual_seed(2)
    net, images = network().eval(), np.random.default_rng(3).random((32, 28, 28), np.float32)
    found = CrossedOutDetector(extract_weights(net, threshold)).logits(images)
    np.testing.assert_allclose(found, logits(net, images) - threshold, atol=1e-4)


def test_save_weights_is_repeatable_and_loads_by_checksum(tmp_path: Path) -> None:
    torch.manual_seed(4)
    net, images = network().eval(), np.random.default_rng(5).random((8, 28, 28), np.float32)
    checksum = save_weights(tmp_path / "one.npz", extract_weights(net, 1.0))
    assert checksum == save_weights(tmp_path / "two.npz", extract_weights(net, 1.0))
    assert checksum == hashlib.sha256((tmp_path / "one.npz").read_bytes()).hexdigest()
    loaded = CrossedOutDetector.load(tmp_path / "one.npz", checksum)
    np.testing.assert_allclose(loaded.logits(images), logits(net, images) - 1, atol=2e-2)  # kept in 16 bits


def test_training_examples_are_half_crossed_out() -> None:
    images, crossed_out = training_examples(digits(), 36, workers=1)
    assert images.shape[1:] == (28, 28)
    assert images.max(axis=(1, 2)).all()
    assert 30 <= crossed_out.sum() <= 36
    assert crossed_out.size - crossed_out.sum() >= 36  # those rendered, MNIST's own, and drawn sevens and ones


def test_choose_threshold_meets_every_rate() -> None:
    random = np.random.default_rng(6)
    found = {name: random.normal(place, 1, 20_000) for name, place in (("MNIST", -2), ("clean crops", -1))}
    found["photographs"] = random.normal(0, 1, 20_000)
    threshold = choose_threshold(found)
    assert (found["photographs"] > threshold).mean() == pytest.approx(MAX_FALSE_POSITIVE_RATES["photographs"], abs=1e-3)
    assert (found["clean crops"] > threshold).mean() < 0.005


def test_score_checks_names_every_check() -> None:
    torch.manual_seed(7)
    found = score_checks(CrossedOutDetector(extract_weights(network().eval(), 0)), digits(), 5, seed=1, workers=1)
    assert sorted(found) == sorted(
        ["MNIST", "crossed out, clean crops", "crossed out, photographs", "clean crops", "photographs"]
    )
    assert found["MNIST"].shape == (12,)
