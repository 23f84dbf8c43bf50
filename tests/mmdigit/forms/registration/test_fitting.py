"""Registration: how far each point of a page is from where it is said to be, turned, tilted and bent."""

import cv2
import numpy as np
import pytest

from lab.benchmarks.forms.camera import Camera
from mmdigit.forms.registration.fitting import Markers, find_markers, fit, is_mirrored
from mmdigit.forms.template.layout import marker_rects
from tests.mmdigit.forms.written import FLAT, TEMPLATE, paper, scanned

SIZE = TEMPLATE.size_mm
GRID = np.stack(np.meshgrid(np.linspace(15, 195, 7), np.linspace(15, 280, 9)), axis=-1).reshape(-1, 2)


@pytest.mark.parametrize(
    ("camera", "within_mm"),
    [
        (FLAT, 0.1),
        (Camera(100.0, 90.0), 0.1),
        (Camera(150.0, 181.0), 0.1),
        (Camera(150.0, 270.0), 0.1),
        (Camera(150.0, 37.0), 0.1),
        (Camera(150.0, 10.0, 25.0, 40.0, margin_mm=20.0), 0.1),
        (Camera(150.0, 0.0, 5.0, 30.0, bend_mm=3.0, margin_mm=15.0), 0.5),
        (Camera(150.0, 0.0, 10.0, 30.0, lens=0.01, margin_mm=15.0), 0.6),
    ],
    ids=["flat", "90", "181", "270", "37", "tilted", "bent", "lens"],
)
def test_fit_tells_where_each_point_of_the_page_is(camera: Camera, within_mm: float) -> None:
    pixels, view = scanned(paper(), camera)
    registration = fit(find_markers(pixels), SIZE)
    assert registration is not None
    assert registration.markers == tuple(range(8))
    errors = np.linalg.norm(registration.to_pixels(GRID) - view.to_pixels(GRID), axis=1) / registration.px_per_mm
    assert errors.max() < within_mm


def test_left_out_residual_tells_a_bend_that_four_corners_hide() -> None:
    pixels, _ = scanned(paper(), Camera(150.0, 0.0, 8.0, 0.0, bend_mm=5.0, bend_deg=90.0, margin_mm=15.0))
    found = find_markers(pixels)
    flat = fit(find_markers(scanned(paper())[0]), SIZE)
    bent = fit(found, SIZE)
    assert flat is not None
    assert bent is not None
    assert flat.left_out_mm < 0.1
    assert bent.model != "plane"
    assert bent.left_out_mm > 2 * flat.left_out_mm


def test_find_markers_trusts_neither_of_two_alike() -> None:
    pixels, _ = scanned(paper())
    px = 150 / 25.4
    left, top, right, bottom = (round((side + 4) * px) for side in marker_rects(SIZE)[0].grown(3))
    copied = pixels[top:bottom, left:right]
    pixels[800 : 800 + copied.shape[0], 700 : 700 + copied.shape[1]] = copied
    assert find_markers(pixels).ids == (1, 2, 3, 4, 5, 6, 7)


def test_fit_needs_five_markers() -> None:
    found = find_markers(scanned(paper())[0])
    assert fit(Markers(found.ids[:4], found.corners[:4]), SIZE) is None
    five = fit(Markers(found.ids[:5], found.corners[:5]), SIZE)
    assert five is not None
    assert five.model == "plane"


def test_is_mirrored_tells_a_page_seen_from_behind() -> None:
    pixels, _ = scanned(paper())
    assert not is_mirrored(pixels)
    assert is_mirrored(np.ascontiguousarray(cv2.flip(pixels, 1)))


def test_find_markers_finds_none_on_an_empty_page() -> None:
    assert find_markers(np.full((800, 600), 255, np.uint8)).ids == ()
