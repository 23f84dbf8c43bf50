"""What a page is recognised by: SIFT features of a copy of bounded size.

Print repeats itself, letter by letter and box by box, so that a feature has many likenesses on a page. Each pair of
features says by its turn and size where the middle of the page would be, and the pairs that agree are kept.
Source: Lowe, Distinctive image features from scale-invariant keypoints, IJCV 60, 2004, section 7.3.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mmdigit.forms.pages.page import Pixels
from mmdigit.forms.registration.fitting import Points

SIDE = 1_200  # pixels, the longest side: 100 dpi; letters are then blobs, whose features outlast fax and blur
MAX_FEATURES = 2_000
PAIRS, LIKENESSES = 6_000, (3, 20)  # how many are looked at, and of a feature: more where there are few features
TURN_BINS, SIZE_BINS = 24, 17  # of 15 degrees, and of half an octave: from a sixteenth to sixteen times as large
PLACE_BIN = 0.05  # of the scan's longest side
TOLERANCE_PX = 2.0  # of the copy, from the plane through the matches
MIN_INLIERS = 12  # by chance there may be 24: what is printed there decides (recognising.py)
MIN_AREA = 0.1  # of the scan that the page covers
_STEPS, _SURE = 2_000, 0.999


@dataclass(frozen=True, eq=False)
class Features:
    """points: (n, 2), pixels of the whole page. turns: (n,), degrees clockwise. sizes: (n,), pixels of the whole page.
    descriptors: (n, 128). shape: height and width of the page. per_pixel: of it, for one of the copy."""

    points: Points
    turns: NDArray[np.float64]
    sizes: NDArray[np.float64]
    descriptors: NDArray[np.float32]
    shape: tuple[int, int]
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
    """At most MAX_FEATURES of a page, or a few more that are as strong as the last."""
    copy = smaller(pixels)
    per_pixel = pixels.shape[1] / copy.shape[1]
    found, descriptors = cv2.SIFT.create(MAX_FEATURES).detectAndCompute(copy, None)
    places = np.array([each.pt for each in found], np.float64).reshape(-1, 2)
    return Features(
        (places + 0.5) * per_pixel - 0.5,
        np.array([each.angle for each in found], np.float64),
        np.array([each.size for each in found], np.float64) * per_pixel,
        np.zeros((0, 128), np.float32) if descriptors is None else np.asarray(descriptors, np.float32),
        pixels.shape,
        per_pixel,
    )


def match(one: Features, other: Features) -> PlaneMatch | None:
    """How the one page lies in the other; None if too few of their features agree on a plane."""
    if min(len(one.points), len(other.points)) < MIN_INLIERS:
        return None
    likenesses = int(np.clip(PAIRS // len(other.points), *LIKENESSES))
    pairs = cv2.BFMatcher(cv2.NORM_L2).knnMatch(other.descriptors, one.descriptors, likenesses)
    here = np.array([[each.trainIdx for each in best] for best in pairs]).ravel()
    there = np.array([[each.queryIdx for each in best] for best in pairs]).ravel()
    agreeing = _agreeing(one, other, here, there)
    if len(agreeing) < MIN_INLIERS:
        return None
    here, there = one.points[here[agreeing]], other.points[there[agreeing]]
    reach = TOLERANCE_PX * other.per_pixel
    plane, inside = cv2.findHomography(here, there, cv2.USAC_MAGSAC, reach, None, _STEPS, _SURE)
    inliers = 0 if inside is None else int(np.count_nonzero(inside))
    return PlaneMatch(np.array(plane, np.float64), inliers) if plane is not None and inliers >= MIN_INLIERS else None


def _agreeing(one: Features, other: Features, here: NDArray[np.intp], there: NDArray[np.intp]) -> NDArray[np.intp]:
    """Which of the pairs agree about the page's turn, its size and its place, each within a bin to both sides."""
    turn = (other.turns[there] - one.turns[here]) % 360
    size = np.log2(other.sizes[there] / one.sizes[here])
    angle, scale = np.radians(turn), np.exp2(size)
    from_middle = np.array(one.shape[::-1]) / 2 - one.points[here]
    x = from_middle[:, 0] * np.cos(angle) - from_middle[:, 1] * np.sin(angle)
    y = from_middle[:, 0] * np.sin(angle) + from_middle[:, 1] * np.cos(angle)
    middles = other.points[there] + scale[:, None] * np.stack([x, y], axis=1)
    turn_bin = (turn / 360 * TURN_BINS).astype(np.intp) % TURN_BINS
    size_bin = np.clip(np.round(2 * size) + SIZE_BINS // 2, 0, SIZE_BINS - 1).astype(np.intp)
    places = np.floor(middles / (PLACE_BIN * max(other.shape))).astype(np.intp)
    least, most = np.array([-5, -5]), np.array([25, 25])  # a page may lie in part outside the scan
    on = np.flatnonzero(((places >= least) & (places < most)).all(axis=1))
    bins = np.stack([turn_bin, size_bin, *(places - least).T], axis=1)[on]
    votes = np.zeros((TURN_BINS, SIZE_BINS, *(most - least)), np.float32)
    np.add.at(votes, tuple(bins.T), 1)
    around = sum(np.roll(votes, shift, axis=0) for shift in (-1, 0, 1))
    for axis in (1, 2, 3):
        padded = np.pad(around, [(int(each == axis),) * 2 for each in range(4)])
        around = sum(np.take(padded, range(shift, shift + votes.shape[axis]), axis=axis) for shift in (0, 1, 2))
    best = np.array(np.unravel_index(int(np.argmax(around)), votes.shape))
    apart = np.abs(bins - best)
    apart[:, 0] = np.minimum(apart[:, 0], TURN_BINS - apart[:, 0])
    return on[(apart <= 1).all(axis=1)]
