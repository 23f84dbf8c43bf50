"""Layout of a box's ink: as MNIST's digits lie."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from mmdigit.forms.cells.mnist_layout import as_mnist
from mmdigit.reading.image.normalize import MIN_STROKE_PX


def extent(image: NDArray[np.uint8]) -> tuple[int, int]:
    """Height and width of what is inked."""
    _, _, width, height = cv2.boundingRect((image > 0).view(np.uint8))
    return height, width


@pytest.mark.parametrize(("height", "width"), [(50, 8), (8, 50), (40, 40), (13, 90)])
def test_longest_side_is_20_pixels_wherever_the_ink_lies(height: int, width: int) -> None:
    ink = np.zeros((100, 100), np.float32)
    ink[7 : 7 + height, 4 : 4 + width] = 1
    laid = as_mnist(ink)
    assert max(extent(laid)) == 20
    rows, columns = np.nonzero(laid)
    assert abs(rows.mean() - 14) <= 0.5
    assert abs(columns.mean() - 14) <= 0.5


def test_soft_stroke_looks_like_a_sharp_one() -> None:
    sharp = np.asarray(cv2.circle(np.zeros((60, 60), np.float32), (30, 30), 20, 1.0, 6), np.float32)
    soft = np.asarray(cv2.GaussianBlur(sharp, (0, 0), 1.5), np.float32)
    from_sharp, from_soft = as_mnist(sharp).astype(int), as_mnist(soft).astype(int)
    assert from_soft.sum() == pytest.approx(from_sharp.sum(), rel=0.1)
    assert np.abs(from_soft - from_sharp).mean() < 8
    assert (from_soft > 250).sum() > 0.6 * (from_sharp > 250).sum()


def test_hairline_is_made_as_thick_as_the_model_needs() -> None:
    ink = np.zeros((60, 60), np.float32)
    ink[5:55, 30] = 1
    assert float(as_mnist(ink)[14].sum()) / 255 >= 0.9 * MIN_STROKE_PX


def test_no_ink_is_an_empty_image() -> None:
    assert not as_mnist(np.zeros((9, 9), np.float32)).any()
