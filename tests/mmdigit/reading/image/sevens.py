"""A drawn seven, lines over it, and how much two decoded images differ."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from mmdigit.reading.image.normalize import decode_image, normalize
from schemas.errors import InvalidImage
from tests.mmdigit.clips import as_bytes, drawn_digit

SIDE = 120  # pixels of a crop
Line = tuple[float, float, float, float]  # x, y of both ends, as fractions of the side
LEFT, RIGHT = (0.04, 0.0, 0.04, 1.0), (0.95, 0.0, 0.95, 1.0)
TOP, BOTTOM = (0.0, 0.05, 1.0, 0.05), (0.0, 0.94, 1.0, 0.94)
BOXES: dict[str, list[Line]] = {
    "left": [LEFT],
    "right": [RIGHT],
    "top": [TOP],
    "bottom": [BOTTOM],
    "corner": [LEFT, BOTTOM],
    "frame": [LEFT, RIGHT, TOP, BOTTOM],
    "turned": [(0.03, 0.0, 0.07, 1.0), (0.93, 0.0, 0.97, 1.0), (0.0, 0.07, 1.0, 0.03), (0.0, 0.96, 1.0, 0.92)],
    "inside": [(0.1, 0.1, 0.1, 0.92), (0.9, 0.1, 0.9, 0.92), (0.1, 0.1, 0.9, 0.1), (0.1, 0.92, 0.9, 0.92)],
    "broken": [(0.04, 0.0, 0.04, 0.55), (0.04, 0.65, 0.04, 1.0)],
}


def grey(image: Image.Image) -> NDArray[np.float32]:
    return np.asarray(np.asarray(image) / 255, np.float32)


def with_lines(image: Image.Image, lines: list[Line], width: int = 4, ink: int = 0) -> NDArray[np.float32]:
    draw = ImageDraw.Draw(image)
    for line in lines:
        x, y = np.array(line[::2]) * (image.width - 1), np.array(line[1::2]) * (image.height - 1)
        draw.line([(round(x[0]), round(y[0])), (round(x[1]), round(y[1]))], fill=ink, width=width)
    return grey(image)


def seven() -> NDArray[np.float32]:
    """A crop with a seven and nothing else."""
    return grey(drawn_digit(SIDE, 9))


def difference(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    """The difference of two crops once normalized, as a share of the ink in the second."""
    expected = normalize(second)
    return float(np.abs(normalize(first) - expected).sum() / expected.sum())


def is_like(data: bytes, atol: float = 0.03, digit: Image.Image | None = None) -> bool:
    """Whether an encoded image decodes to about the same as the drawn digit."""
    plain = decode_image(as_bytes(digit or drawn_digit()))
    return float(np.abs(decode_image(data) - plain).mean()) < atol


def assert_digit_or_invalid(data: bytes) -> None:
    """decode_image returns a digit in range, or raises InvalidImage with a message of one line."""
    try:
        digit = decode_image(data)
    except InvalidImage as error:
        assert "\n" not in str(error)  # noqa: PT017 - raising is not required
        return
    assert digit.shape == (28, 28)
    assert digit.dtype == np.float32
    assert np.isfinite(digit).all()
    assert digit.min() >= 0
    assert digit.max() <= 1
