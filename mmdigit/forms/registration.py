"""Where each point of a page lies in its scan: a plane through the markers, and a polynomial for bent pages and lenses.

The residual of markers that the fit has not seen judges both: the fit's own is blind to a bend between four corners.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from mmdigit.forms.layout import N_MARKERS, marker_corners
from mmdigit.forms.markers import dictionary
from mmdigit.forms.page import Pixels

Points = NDArray[np.float64]
"""(..., 2)."""
Model = Literal["plane", "quadratic", "cubic"]

DETECTION_SIDE = 1_600  # pixels; markers are looked for in a copy of at most this size
MIN_MARKERS = 5
RIDGE = 1e-4  # keeps the polynomial small where few markers hold it
GAIN = 0.8  # a polynomial is taken if it lowers the left-out residual to this share


@dataclass(frozen=True, eq=False)
class Markers:
    """ids: which were found, ascending. corners: (n, 4, 2), pixels, each clockwise from the marker's top left one."""

    ids: tuple[int, ...]
    corners: Points


@dataclass(frozen=True, eq=False)
class Registration:
    """A map from the page's millimetres to the scan's pixels; made by fit()."""

    size_mm: tuple[float, float]
    plane: NDArray[np.float64]
    """(3, 3), from millimetres to pixels."""
    bend: NDArray[np.float64]
    """(n_terms, 2), millimetres; what is added before the plane."""
    model: Model
    left_out_mm: float
    """Root mean square distance of each marker from where the others say that it is."""
    worst_mm: float
    """The largest such distance."""
    markers: tuple[int, ...]

    def to_pixels(self, points: Points) -> Points:
        """Pixel coordinates (x, y), the middle of the first pixel at 0, of points in millimetres."""
        moved = points + _terms(points, self.size_mm, self.model) @ self.bend
        flat = np.concatenate([moved, np.ones((*moved.shape[:-1], 1))], axis=-1) @ self.plane.T
        return np.asarray(flat[..., :2] / flat[..., 2:])

    @property
    def px_per_mm(self) -> float:
        """In the middle of the page."""
        middle = np.array(self.size_mm) / 2
        right, down = self.to_pixels(middle + np.eye(2)) - self.to_pixels(middle)
        return float(np.sqrt(abs(right[0] * down[1] - right[1] * down[0])))


def find_markers(pixels: Pixels) -> Markers:
    """The markers of a page, whichever way up it is."""
    scale = min(1.0, DETECTION_SIDE / max(pixels.shape))
    small = pixels if scale == 1 else cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    parameters = cv2.aruco.DetectorParameters()
    parameters.cornerRefinementMethod = cv2.aruco.CORNER_REFINE_SUBPIX
    parameters.minMarkerPerimeterRate = 0.04
    found, ids, _ = cv2.aruco.ArucoDetector(dictionary(), parameters).detectMarkers(small)
    if ids is None:
        return Markers((), np.zeros((0, 4, 2)))
    by_id: dict[int, Points] = {}
    twice = set()
    for marker, quad in zip(map(int, np.ravel(ids)), found, strict=True):
        if marker in by_id:
            twice.add(marker)  # of two neither is trusted
        by_id[marker] = np.array(quad, np.float64).reshape(4, 2)
    kept = sorted(set(by_id) - twice)
    corners: Points = np.array([by_id[marker] for marker in kept], np.float64).reshape(-1, 4, 2)
    if scale < 1:
        corners = _refined(pixels, (corners + 0.5) / scale - 0.5)
    return Markers(tuple(kept), corners)


def is_mirrored(pixels: Pixels) -> bool:
    """Whether the markers are found in the page's mirror image."""
    return len(find_markers(np.ascontiguousarray(pixels[:, ::-1])).ids) >= MIN_MARKERS


def fit(markers: Markers, size_mm: tuple[float, float]) -> Registration | None:
    """The best of plane, quadratic and cubic by the left-out residual; None with fewer than MIN_MARKERS."""
    if len(markers.ids) < MIN_MARKERS:
        return None
    found: list[Registration] = []
    models: Sequence[Model] = ("plane", "quadratic", "cubic") if len(markers.ids) >= N_MARKERS - 1 else ("plane",)
    for model in models:
        registration = _Fit(markers, size_mm, model).judged()
        if not found or registration.left_out_mm < GAIN * found[-1].left_out_mm:
            found.append(registration)
    return found[-1]


@dataclass(frozen=True)
class _Fit:
    markers: Markers
    size_mm: tuple[float, float]
    model: Model

    def judged(self) -> Registration:
        """The fit to all markers, with the residual of each left out in turn."""
        everyone = np.arange(len(self.markers.ids))
        page = marker_corners(self.size_mm)[list(self.markers.ids)]
        distances = []
        for one in everyone:
            others = self._to(everyone[everyone != one])
            apart = others.to_pixels(page[one]) - self.markers.corners[one]
            distances.append(np.linalg.norm(apart.mean(axis=0)) / others.px_per_mm)
        whole = self._to(everyone)
        return Registration(
            whole.size_mm, whole.plane, whole.bend, whole.model,
            float(np.sqrt(np.mean(np.square(distances)))), float(np.max(distances)), self.markers.ids,
        )  # fmt: skip

    def _to(self, chosen: NDArray[np.intp]) -> Registration:
        page = marker_corners(self.size_mm)[np.array(self.markers.ids)[chosen]].reshape(-1, 2)
        seen = self.markers.corners[chosen].reshape(-1, 2)
        plane: NDArray[np.float64] = np.array(cv2.findHomography(page, seen, 0)[0], np.float64)
        terms = _terms(page, self.size_mm, self.model)
        back = cv2.perspectiveTransform(seen.reshape(-1, 1, 2), np.linalg.inv(plane)).reshape(-1, 2)
        square = terms.T @ terms + RIDGE * len(page) * np.eye(terms.shape[1])
        bend = np.linalg.solve(square, terms.T @ (back - page)) if terms.shape[1] else np.zeros((0, 2))
        return Registration(self.size_mm, plane, bend, self.model, 0.0, 0.0, self.markers.ids)


def _terms(points: Points, size_mm: tuple[float, float], model: Model) -> NDArray[np.float64]:
    """(..., n_terms): the polynomial's terms at points in millimetres; each at most 1 on the page."""
    middle = np.array(size_mm) / 2
    share = (points - middle) / middle
    x, y = share[..., 0], share[..., 1]
    terms = {
        "plane": [],
        "quadratic": [np.ones_like(x), x, y, x * x, x * y, y * y],
        "cubic": [np.ones_like(x), x, y, x * x, x * y, y * y, x * x * y, x * y * y],
    }[model]
    return np.stack(terms, axis=-1) if terms else np.zeros((*x.shape, 0))


def _refined(pixels: Pixels, corners: Points) -> Points:
    """Corners found in a smaller copy, to a part of a pixel of the whole scan."""
    flat = corners.reshape(-1, 1, 2).astype(np.float32)
    if not len(flat):
        return corners
    side = float(np.linalg.norm(corners[:, 1] - corners[:, 0], axis=-1).mean())
    half = int(np.clip(side / 6 * 0.35, 2, 12))  # within the black border, of one module in six
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_MAX_ITER, 30, 0.01)
    cv2.cornerSubPix(pixels, flat, (half, half), (-1, -1), criteria)
    return np.array(flat, np.float64).reshape(corners.shape)
