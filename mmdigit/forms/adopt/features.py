"""What a page is recognised by: SIFT features of a copy of bounded size.

Source: Lowe, Distinctive image features from scale-invariant keypoints, IJCV 60, 2004.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mmdigit.forms.page import Pixels
from mmdigit.forms.registration import Points

SIDE = 1_200  # pixels, the longest side: 100 dpi; letters are then blobs, whose features outlast fax and blur
MAX_FEATURES = 2_000
RATIO = 0.8  # a match is at most so far as the next best one
TOLERANCE_PX = 2.0  # of the copy, from the plane through the matches
MIN_INLIERS = 20  # by chance, pages of text with other words have fewer than half as many
MIN_AREA = 0.1  # of the scan that the page covers
_STEPS, _SURE = 2_000, 0.999


@dataclass(frozen=True, eq=False)
class Features:
    """points: (n, 2), pixels of the whole page. descriptors: (n, 128), float32. per_pixel: of the copy, how many
    pixels of the whole page are one of it."""

    points: Points
    descriptors: NDArray[np.float32]
    per_pixel: float


@dataclass(frozen=True, eq=False)
class PlaneMatch:
    """plane: (3, 3), from pixels of the one page to pixels of the other. inliers: matches that it explains."""

    plane: NDArray[np.float64]
    inliers: int


def smaller(pixels: Pixels) -> Pixels:
    """The page, with no side longer than SIDE."""
    scale = min(1.0, SIDE / max(pixels.shape))
    if scale == 1:
        return pixels
    return np.asarray(cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)


def features_of(pixels: Pixels) -> Features:
    """At most MAX_FEATURES of a page."""
    copy = smaller(pixels)
    per_pixel = pixels.shape[1] / copy.shape[1]
    found, descriptors = cv2.SIFT.create(MAX_FEATURES).detectAndCompute(copy, None)
    if descriptors is None:
        return Features(np.zeros((0, 2)), np.zeros((0, 128), np.float32), per_pixel)
    places = np.array([each.pt for each in found], np.float64)
    return Features((places + 0.5) * per_pixel - 0.5, np.asarray(descriptors, np.float32), per_pixel)


def match(one: Features, other: Features) -> PlaneMatch | None:
    """How the one page lies in the other; None if too few of their features agree on a plane."""
    if min(len(one.points), len(other.points)) < MIN_INLIERS:
        return None
    pairs = cv2.BFMatcher(cv2.NORM_L2).knnMatch(other.descriptors, one.descriptors, 2)
    good = [best for best, second in pairs if best.distance < RATIO * second.distance]
    if len(good) < MIN_INLIERS:
        return None
    here = one.points[[each.trainIdx for each in good]]
    there = other.points[[each.queryIdx for each in good]]
    reach = TOLERANCE_PX * other.per_pixel
    plane, inside = cv2.findHomography(here, there, cv2.USAC_MAGSAC, reach, None, _STEPS, _SURE)
    inliers = 0 if inside is None else int(np.count_nonzero(inside))
    return PlaneMatch(np.array(plane, np.float64), inliers) if plane is not None and inliers >= MIN_INLIERS else None
