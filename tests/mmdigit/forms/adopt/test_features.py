"""Features of a page: how it lies in another, although its print repeats itself; nothing where there is none of it."""

import numpy as np
import pytest

from mmdigit.forms.adopt.features import SIDE, features_of, match, smaller
from mmdigit.forms.pages.page import Pixels
from tests.mmdigit.forms.adopt.foreign import foreign_paper
from tests.mmdigit.forms.written import FLAT, scanned, turned


def page(variant: int) -> Pixels:
    return np.asarray(np.round(255 * foreign_paper(variant)), np.uint8)


def test_match_says_how_a_page_lies_in_a_scan() -> None:
    pixels, view = scanned(foreign_paper(1), turned(FLAT, 90))
    found = match(features_of(page(1)), features_of(pixels))
    assert found is not None
    assert found.inliers > 200
    places_mm = np.array([[20.0, 30.0], [190.0, 30.0], [105.0, 250.0]])
    here = np.concatenate([places_mm * 300 / 25.4 - 0.5, np.ones((3, 1))], axis=1) @ found.plane.T
    assert here[:, :2] / here[:, 2:] == pytest.approx(view.to_pixels(places_mm), abs=3)


def test_match_finds_next_to_nothing_in_the_same_words() -> None:
    found = match(features_of(page(1)), features_of(page(2)))
    assert found is None or found.inliers < 40


def test_features_of_an_empty_page_are_none() -> None:
    empty = features_of(np.full((1000, 700), 255, np.uint8))
    assert len(empty.points) == len(empty.descriptors) == 0
    assert match(features_of(page(1)), empty) is None


def test_smaller_bounds_a_page() -> None:
    assert smaller(np.zeros((3600, 2400), np.uint8)).shape == (SIDE, 800)
    assert smaller(np.zeros((400, 300), np.uint8)).shape == (400, 300)
