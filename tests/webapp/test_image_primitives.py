"""The page's image primitives compute what OpenCV, Pillow and numpy compute in Python."""

import ast
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser

from mmdigit.reading import percentiles as percentiles_module
from mmdigit.reading.image import colour, decode, depth, ink, limits, lines, normalize, pixels, polarity, several_digits
from schemas import job
from tests.webapp.javascript import ModulePage, module_page

ROUNDING = 2e-6  # float32 against float64, sums in another order
DECODING = Path("mmdigit/webapp/js/decoding")
SHAPES = ((140, 140), (90, 33), (28, 28), (1, 50), (50, 1), (64, 64), (3, 5), (150, 200))  # height, width
RANDOM = np.random.default_rng(1)
PLANES = [RANDOM.random(shape, np.float32) for shape in SHAPES]
FLAGS = [(plane > 0.55).astype(np.uint8) for plane in PLANES]
HOLES = [(plane > 0.05).astype(np.uint8) for plane in PLANES if plane.size > 100]
COLOURS = [
    RANDOM.integers(0, 256, (height, width, 3)).astype(np.uint8) for height, width in ((140, 140), (96, 96), (200, 300))
]
LEVELS = [np.asarray(plane * 255, np.uint8) for plane in PLANES] + [flags * 200 + 20 for flags in FLAGS]


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[ModulePage]:
    with module_page(browser) as opened:
        yield opened


def square(side: int) -> NDArray[np.uint8]:
    return np.ones((side, side), np.uint8)


def smaller(plane: NDArray[Any]) -> tuple[int, int]:
    """width, height; a side of one pixel grows, as that of a narrow image does."""
    return max(4, plane.shape[1] * 3 // 7), max(4, plane.shape[0] * 3 // 7)


def halved(plane: NDArray[Any]) -> tuple[int, int]:
    return max(1, plane.shape[1] // 2), max(1, plane.shape[0] // 2)


def larger(plane: NDArray[Any]) -> tuple[int, int]:
    return plane.shape[1] * 7 // 3, plane.shape[0] * 7 // 3


def pillow(plane: NDArray[np.float32], width: int, height: int, box: list[float]) -> NDArray[np.float32]:
    return np.asarray(
        Image.fromarray(plane).resize((width, height), Image.Resampling.BILINEAR, box=tuple(box))  # type: ignore[arg-type]
    )


PAIRS: dict[str, tuple[str, str, Sequence[Sequence[Any]], Callable[..., Any]]] = {
    "area": (
        "area_resize.js", "resizeArea", [(plane, *size(plane)) for plane in PLANES for size in (smaller, halved)],
        lambda plane, *size: cv2.resize(plane, size, interpolation=cv2.INTER_AREA),
    ),
    "area-of-colours": (
        "area_resize.js", "resizeArea", [(plane, *size(plane), 3) for plane in COLOURS for size in (smaller, halved)],
        lambda plane, width, height, _: cv2.resize(plane, (width, height), interpolation=cv2.INTER_AREA),
    ),
    "cubic": (
        "cubic_resize.js", "resizeCubic", [(plane, *larger(plane)) for plane in PLANES],
        lambda plane, *size: cv2.resize(plane, size, interpolation=cv2.INTER_CUBIC),
    ),
    "antialiased": (
        "antialiased_resize.js", "resizeAntialiased",
        [(plane, 28, 28, [0.3, 0.2, plane.shape[1] - 0.4, plane.shape[0] - 0.1]) for plane in PLANES],
        pillow,
    ),
    "gaussian": (
        "blur.js", "gaussianBlur", [(plane, sigma) for plane in PLANES for sigma in (0.6, 0.7, 1.8)],
        lambda plane, sigma: cv2.GaussianBlur(plane, (0, 0), sigma),
    ),
    "box": (
        "blur.js", "boxBlur", [(plane, side) for plane in PLANES for side in (3, 29)],
        lambda plane, side: cv2.blur(plane, (side, side)),
    ),
    "second-difference": (
        "blur.js", "secondDifference", [(plane,) for plane in PLANES], ink._second_difference,
    ),
    "close": (
        "morphology.js", "close", [(plane, side) for plane in PLANES for side in (3, 4, 17, 36)],
        lambda plane, side: cv2.morphologyEx(plane, cv2.MORPH_CLOSE, square(side)),
    ),
    "open": (
        "morphology.js", "open", [(plane, side) for plane in PLANES for side in (3, 4, 17, 36)],
        lambda plane, side: cv2.morphologyEx(plane, cv2.MORPH_OPEN, square(side)),
    ),
    "dilate": (
        "morphology.js", "dilate", [(flags, 1, 9) for flags in FLAGS],
        lambda flags, _, height: cv2.dilate(flags, np.ones((height, 1), np.uint8)),
    ),
    "distance": (
        "distance.js", "distanceTransform", [(flags,) for flags in HOLES],
        lambda flags: cv2.distanceTransform(flags, cv2.DIST_L2, 3),
    ),
    "otsu": (
        "otsu.js", "otsuLevel", [(levels.ravel(),) for levels in LEVELS],
        lambda levels: cv2.threshold(levels, 0, 255, cv2.THRESH_OTSU)[0],
    ),
    "bounding-rect": (
        "planes.js", "boundingRect", [(flags,) for flags in [*FLAGS, np.zeros((4, 6), np.uint8)]],
        lambda flags: dict(zip(("left", "top", "width", "height"), cv2.boundingRect(flags), strict=True)),
    ),
    "reduce": (
        "reduce.js", "reduce",
        [(plane, factor, 3) for plane in COLOURS for factor in (2, 3, 5)] + [(plane, 3, 1) for plane in PLANES],
        lambda plane, factor, _: np.asarray(Image.fromarray(plane).reduce(factor)),
    ),
    "narrow": (
        "reduce.js", "narrow", [(plane, 77, 3) for plane in COLOURS],
        lambda plane, width, _: np.asarray(
            Image.fromarray(plane).resize((width, plane.shape[0]), Image.Resampling.BOX)
        ),
    ),
    "shorten": (
        "reduce.js", "shorten", [(plane, 31, 3) for plane in COLOURS],
        lambda plane, height, _: np.asarray(
            Image.fromarray(plane).resize((plane.shape[1], height), Image.Resampling.BOX)
        ),
    ),
    "round": (
        "numbers.js", "round", [(value,) for value in (0.5, 1.5, 2.4, 2.5, 2.6, -0.5, -1.5)], round,
    ),
}  # fmt: skip
ROUNDED = {"area-of-colours"}
"""Those whose result is rounded to integers after a sum of float32: one pixel of 10,000 lies just on the other side."""


@pytest.mark.parametrize("name", PAIRS)
def test_primitive_equals_that_of_python(page: ModulePage, name: str) -> None:
    module, function, calls, expected = PAIRS[name]
    for result, arguments in zip(page.call(f"decoding/primitives/{module}", function, calls), calls, strict=True):
        if isinstance(result, dict):
            assert result == expected(*arguments)
        else:
            tolerance = 1 if name in ROUNDED else ROUNDING
            np.testing.assert_allclose(result, expected(*arguments), rtol=0, atol=tolerance)


@pytest.mark.parametrize("connectivity", [4, 8])
def test_components_equal_those_of_opencv(page: ModulePage, connectivity: int) -> None:
    found = page.call(
        "decoding/primitives/components.js", "connectedComponents", [(flags, connectivity) for flags in FLAGS]
    )
    for flags, result in zip(FLAGS, found, strict=True):
        count, part_of, stats, centres = cv2.connectedComponentsWithStats(flags, connectivity=connectivity)
        assert len(result["parts"]) == count
        number_of = np.zeros(count, int)  # the order of parts is not OpenCV's
        number_of[part_of.ravel()] = result["partOf"]
        np.testing.assert_array_equal(number_of[part_of.ravel()], result["partOf"])
        for part in range(1, count):
            left, top, width, height, area, x, y = result["parts"][number_of[part]].values()
            assert (left, top, width, height, area) == tuple(stats[part])
            assert (x, y) == pytest.approx(tuple(centres[part]))


def test_least_squares_equal_those_of_numpy(page: ModulePage) -> None:
    calls: list[tuple[list[NDArray[np.float64]], NDArray[np.float64]]] = []
    for height, width in ((0, 0), (1, 1), (2, 3), (90, 120), (1, 50), (50, 1)):
        row, column = (each.ravel().astype(np.float64) for each in np.mgrid[:height, 5 : 5 + width])
        calls.append(([row, column, np.ones(row.size)], RANDOM.random(row.size)))
    for result, (columns, values) in zip(
        page.call("decoding/primitives/least_squares.js", "leastSquares", calls), calls, strict=True
    ):
        np.testing.assert_allclose(result, np.linalg.lstsq(np.stack(columns, 1), values, rcond=None)[0], atol=1e-9)


def test_percentiles_equal_those_of_python(page: ModulePage) -> None:
    calls = [(plane.ravel(), 1, 25, 50, 90, 99, 100) for plane in PLANES]
    for result, arguments in zip(page.call("decoding/percentiles.js", "percentiles", calls), calls, strict=True):
        np.testing.assert_allclose(result, percentiles_module.percentiles(*arguments), atol=1e-7)


MIRRORED: dict[str, Sequence[Any]] = {
    "colour.js": [colour],
    "depth.js": [depth],
    "image.js": [normalize],
    "ink.js": [ink],
    "limits.js": [limits, job],
    "lines.js": [lines],
    "paper.js": [ink],
    "pixels.js": [pixels, decode],
    "polarity.js": [polarity],
    "several_digits.js": [several_digits],
}
OWN = {"pixels.js": {"CHANNELS", "JPEG_FACTORS"}, "polarity.js": {"RING"}}
"""Constants that Python writes as plain numbers."""


@pytest.mark.parametrize("name", MIRRORED)
def test_constants_equal_those_of_python(name: str) -> None:
    text = (DECODING / name).read_text(encoding="utf-8")
    found = dict(re.findall(r"^(?:export )?const ([A-Z_]+) = ([-\d._e]+|\[[^\]]*\])", text, re.M))
    assert len(found) == len(re.findall(r"^(?:export )?const [A-Z_]+ = [-\d\[]", text, re.M)) > 0
    for constant in found.keys() - OWN.get(name, set()):
        value = ast.literal_eval(found[constant])
        expected = next(getattr(module, constant) for module in MIRRORED[name] if hasattr(module, constant))
        if constant == "LINE_SLOPES":
            value = np.tan(np.deg2rad(value))
        np.testing.assert_allclose(value, expected, rtol=1e-12, err_msg=constant)
