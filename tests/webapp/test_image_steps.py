"""Each step by which the page finds a digit, on inputs of its own: rare rules that whole images seldom reach."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser

from mmdigit.reading.image.colour import to_grey
from mmdigit.reading.image.ink import _subtract_paper
from mmdigit.reading.image.lines import remove_lines
from mmdigit.reading.image.pixels import Grey
from mmdigit.reading.image.polarity import ink_is_dark
from mmdigit.reading.image.several_digits import Parts, has_several_digits
from tests.mmdigit.clips import drawn_digit
from tests.webapp.javascript import ModulePage, module_page

COUNT = 200
ROUNDING = 1e-5


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[ModulePage]:
    with module_page(browser) as opened:
        yield opened


def sketches() -> list[Grey]:
    """Random strokes of all widths and both polarities, some with a frame, on lit paper with grain."""
    random = np.random.default_rng(4)
    made: list[Grey] = []
    for _ in range(COUNT):
        height, width = random.integers(40, 129, 2)
        ink = np.zeros((height, width), np.uint8)
        points = (random.random((int(random.integers(2, 6)), 2)) * (width, height)).astype(np.int32)
        cv2.polylines(ink, [points], bool(random.random() < 0.3), 255, int(random.integers(2, 40)), cv2.LINE_AA)
        for _ in range(int(random.integers(0, 4))):
            start, end = (
                (random.random(2) * (width, height)).astype(int),
                (random.random(2) * (width, height)).astype(int),
            )
            end[random.integers(2)] = start[random.integers(2)]
            cv2.line(ink, start.tolist(), end.tolist(), int(random.integers(60, 255)), int(random.integers(1, 6)))
        if random.random() < 0.3:
            cv2.rectangle(ink, (1, 1), (int(width) - 2, int(height) - 2), 200, int(random.integers(1, 8)))
        light = 0.9 - random.uniform(0, 0.3) * np.linspace(0, 1, width)
        grey = light * (1 - 0.8 * ink / 255) + random.normal(0, random.uniform(0, 0.02), ink.shape)
        made.append(np.clip(1 - grey if random.random() < 0.4 else grey, 0, 1).astype(np.float32))
    return made


SKETCHES = sketches()


def test_polarity_is_the_same(page: ModulePage) -> None:
    crops = [sketch[: sketch.shape[0] * 4 // 5, sketch.shape[1] // 5 :] for sketch in SKETCHES] + SKETCHES
    found = page.call("decoding/polarity.js", "inkIsDark", [(crop,) for crop in crops])
    assert found == [ink_is_dark(crop) for crop in crops]


def test_paper_is_the_same(page: ModulePage) -> None:
    found = page.call("decoding/paper.js", "subtractPaper", [(sketch,) for sketch in SKETCHES])
    for (ink, grain), sketch in zip(found, SKETCHES, strict=True):
        expected, expected_grain = _subtract_paper(sketch)
        np.testing.assert_allclose(ink, expected, rtol=0, atol=ROUNDING)
        assert grain == pytest.approx(expected_grain, rel=1e-4, abs=1e-7)


def test_lines_are_the_same(page: ModulePage) -> None:
    inks = [_subtract_paper(sketch)[0] for sketch in SKETCHES]
    found = page.call("decoding/lines.js", "removeLines", [(ink, 0.05) for ink in inks])
    flipped = 0
    for (ink, had_lines), before in zip(found, inks, strict=True):
        expected, expected_lines = remove_lines(before, 0.05)
        assert had_lines == expected_lines
        flipped += float(np.abs(ink - expected).max()) > ROUNDING
    assert flipped <= 0.01 * COUNT


def test_several_digits_are_the_same(page: ModulePage) -> None:
    random = np.random.default_rng(5)
    calls, expected = [], []
    for _ in range(20 * COUNT):
        count = int(random.integers(2, 4))
        left, top = random.integers(0, 60, (2, count)).astype(float)
        right, bottom = left + random.integers(3, 70, count), top + random.integers(3, 70, count)
        if random.random() < 0.3:  # one part around the others
            left[0], top[0], right[0], bottom[0] = left.min() - 1, top.min() - 1, right.max() + 1, bottom.max() + 1
        area = np.round((right - left) * (bottom - top) * random.uniform(0.1, 0.9, count)) + 1
        parts = Parts(left, top, right, bottom, area, area * random.uniform(0.3, 1, count))
        rows = [
            dict(zip(Parts._fields, (float(value) for value in row), strict=True)) for row in zip(*parts, strict=True)
        ]
        calls.append((rows, 0, 120, 110))
        expected.append(has_several_digits(parts, 0, 110, 120))
    found = page.call("decoding/several_digits.js", "hasSeveralDigits", calls)
    assert 0.1 < np.mean(expected) < 0.9
    assert found == expected


def coloured(ink: NDArray[np.float64], paper: NDArray[np.float64], random: np.random.Generator) -> NDArray[np.uint8]:
    """A seven, lit unevenly."""
    share = 1 - np.asarray(drawn_digit(int(random.integers(40, 160))), np.float64) / 255
    light = 1 - random.uniform(0, 0.3) * np.linspace(0, 1, share.shape[1])[None, :, None]
    pixels = (paper + (ink - paper) * share[..., None]) * light + random.normal(0, 3, (*share.shape, 3))
    return np.clip(np.round(pixels), 0, 255).astype(np.uint8)


def test_colours_give_the_same_grey(page: ModulePage) -> None:
    random = np.random.default_rng(6)
    images = [coloured(random.uniform(0, 255, 3), random.uniform(0, 255, 3), random) for _ in range(100)]
    images += [np.asarray(Image.open(path).convert("RGB")) for path in Path("tests/cases/same-luma").glob("*.png")]
    found = page.call("decoding/colour.js", "toGrey", [(image,) for image in images])
    by_chroma = 0
    for grey, image in zip(found, images, strict=True):
        np.testing.assert_allclose(grey, to_grey(image), rtol=0, atol=ROUNDING)
        by_chroma += float(np.abs(grey - cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) / 255).max()) > 0.02
    assert by_chroma > 10
