"""Digits of European hands: split by writers and photographs, as wide as MNIST's; empty boxes that hold something."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmdigit.training.data.european_hands import ASPECTS, CROPS, load_empty_boxes, load_european_digits
from mmdigit.training.data.splits import load_digits
from tests.mmdigit.training import made_up

needs_data = pytest.mark.skipif("MMDIGIT_DATA" not in os.environ, reason="needs the real data sets in MMDIGIT_DATA")


def test_without_the_files_there_are_none(tmp_path: Path) -> None:
    assert load_european_digits(tmp_path, "train", made_up.digits(20, 1)).labels.size == 0
    assert load_empty_boxes(tmp_path, 10).shape == (0, 28, 28)


@pytest.mark.data
@needs_data
def test_splits_share_no_digit_and_look_like_mnist() -> None:
    folder = Path(os.environ["MMDIGIT_DATA"])
    mnist = load_digits(folder, "validation")
    train, validation = (load_european_digits(folder, split, mnist) for split in ("train", "validation"))
    assert train.labels.size + validation.labels.size == 1592 * ASPECTS + 218 * CROPS
    assert 0.15 < validation.labels.size / train.labels.size < 0.4
    assert np.bincount(validation.labels).min() > 80
    assert np.mean([made_up.is_laid_out(image) for image in train.images]) > 0.95
    widths = [cv2.boundingRect((image > 60).view(np.uint8))[2] for image in train.images[train.labels == 1]]
    assert np.median(widths) < 12  # a one does not fill its square as in Semeion


@pytest.mark.data
@needs_data
def test_empty_boxes_are_neither_blank_nor_ones() -> None:
    boxes = load_empty_boxes(Path(os.environ["MMDIGIT_DATA"]), 40)
    assert 10 < len(boxes) <= 40
    for box in boxes:
        assert box.sum() > 12 * 255 * 0.9
        _, _, width, height = cv2.boundingRect((box > 80).view(np.uint8))
        assert height <= 2 * width + 1
