"""Writer folds: each digit is read once, by a training that did not have its writer; damaged files are one line."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from mmdigit.training.data.image_batches import ImageSets
from mmdigit.training.evaluate import writer_folds
from mmdigit.training.evaluate.writer_folds import FILE, read_without_writers, read_writer_folds
from mmdigit.training.fit.model import DigitModel
from mmdigit.training.fit.stage import ONE_THREAD
from schemas.errors import DataError
from tests.mmdigit.training import made_up


def images_of_writers(writers: int) -> ImageSets:
    """The last writer is not known."""
    images = made_up.images(96)
    numbers = np.arange(images.digits.labels.size) % writers
    return replace(images, digits=replace(images.digits, writers=np.where(numbers == writers - 1, -1, numbers)))


def test_each_digit_is_read_without_its_writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images, trained = images_of_writers(7), []

    def train_image(kept: ImageSets, *_: object) -> object:
        trained.append(set(kept.digits.writers.tolist()))
        assert kept.photographs.shape == kept.digits.images.shape
        return DigitModel().image.eval()

    monkeypatch.setattr(writer_folds, "train_image", train_image)
    figures = read_without_writers(images, made_up.digits(20, 2), made_up.plan(), tmp_path, ONE_THREAD)
    assert trained == [{-1, 1, 2, 4, 5}, {-1, 0, 2, 3, 5}, {-1, 0, 1, 3, 4}]
    held_out = read_writer_folds(tmp_path)
    known = images.digits.writers >= 0
    assert held_out.photographed is not None
    labels = np.concatenate([held_out.plain.labels, held_out.photographed.labels])
    assert sorted(labels.tolist()) == sorted(images.digits.labels[known].tolist())
    assert len(held_out.plain.logits) + len(held_out.photographed.logits) == known.sum()
    assert set(figures["accuracy"]) == {"as they are", "photographed"}
    assert "photographs of others, each read by a training without its writer" in held_out.photographed.split


def test_digits_without_writers_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected the writers of MNIST's digits, got none"):
        read_without_writers(images_of_writers(1), made_up.digits(20, 2), made_up.plan(), tmp_path, ONE_THREAD)


@pytest.mark.parametrize(
    "arrays",
    [
        {},
        {"logits": np.zeros((3, 10), np.float32), "labels": np.zeros(2), "photographed": np.zeros(2)},
        {"logits": np.full((2, 10), np.nan, np.float32), "labels": np.zeros(2), "photographed": np.zeros(2)},
        {"logits": np.zeros((2, 10), np.float32), "labels": np.array([1, 11]), "photographed": np.zeros(2)},
        {"logits": np.array([{}]), "labels": np.zeros(1), "photographed": np.zeros(1)},
    ],
)
def test_damaged_file_is_one_line(tmp_path: Path, arrays: dict[str, np.ndarray]) -> None:
    if arrays:
        np.savez(tmp_path / FILE, **arrays)  # type: ignore[arg-type]
    with pytest.raises(DataError, match=r"logits of `mmdigit study writers`, .*; run it again or omit --writers"):
        read_writer_folds(tmp_path)
