"""Where each point of a page lies in its scan: a plane through the markers, and a polynomial for bent pages and lenses.

The residual of markers that the fit has not seen judges both: the fit's own is blind to a bend between four corners.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from mmdigit.forms.pages.page import Pixels
from mmdigit.forms.printing.markers import dictionary
from mmdigit.forms.template.layout import N_MARKERS, marker_corners

Points = NDArray[np.float64]
"""(..., 2), x and y: millimetres from the top left corner of the page, or pixels of its scan, as each use says."""
Model = Literal["plane", "quadratic", "cubic"]
MODELS: tuple[Model, ...] = ("plane", "quadratic", "cubic")

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
    """Root mean square distance of each marker, or part of a page, from where the others say that it is."""
    worst_mm: float
    """The largest such distance."""
    markers: tuple[int, ...]
    """None on a form that somebody else printed."""

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
    page = marker_corners(size_mm)[list(markers.ids)].reshape(-1, 2)
    groups = np.arange(len(markers.ids)).repeat(4)
    models: Sequence[Model] = MODELS if len(markers.ids) >= N_MARKERS - 1 else ("plane",)
    return replace(fit_points(page, markers.corners.reshape(-1, 2), groups, size_mm, models), markers=markers.ids)


def fit_points(
    page: Points, seen: Points, groups: NDArray[np.intp], size_mm: tuple[float, float], models: Sequence[Model]
) -> Registration:
    """The best of the models by the residual of each group when it is left out.

    page: (n, 2), millimetres. seen: (n, 2), pixels. groups: (n,), which points are left out together.
    """
    found: list[Registration] = []
    for model in models:
        registration = _Fit(page, seen, groups, size_mm, model).judged()
        if not found or registration.left_out_mm < GAIN * found[-1].left_out_mm:
            found.append(registration)
    return found[-1]


@dataclass(frozen=True)
class _Fit:
    page: Points
    """(n, 2), millimetres."""
    seen: Points
    """(n, 2), pixels."""
    groups: NDArray[np.intp]
    size_mm: tuple[float, float]
    model: Model

    def judged(self) -> Registration:
        """The fit to all points, with the residual of each group left out in turn."""
        distances = []
        for group in np.unique(self.groups):
            out = self.groups == group
            others = self._to(~out)
            apart = others.to_pixels(self.page[out]) - self.seen[out]
            distances.append(np.linalg.norm(apart.mean(axis=0)) / others.px_per_mm)
        whole = self._to(np.ones(len(self.page), np.bool_))
        return replace(
            whole, left_out_mm=float(np.sqrt(np.mean(np.square(distances)))), worst_mm=float(np.max(distances))
        )

    def _to(self, chosen: NDArray[np.bool_]) -> Registration:
        page, seen = self.page[chosen], self.seen[chosen]
        plane: NDArray[np.float64] = np.array(cv2.findHomography(page, seen, 0)[0], np.float64)
        terms = _terms(page, self.size_mm, self.model)
        back = cv2.perspectiveTransform(seen.reshape(-1, 1, 2), np.linalg.inv(plane)).reshape(-1, 2)
        square = terms.T @ terms + RIDGE * len(page) * np.eye(terms.shape[1])
        bend: Points = np.zeros((0, 2))
        if terms.shape[1]:
            bend = np.asarray(np.linalg.solve(square, terms.T @ (back - page)))
        return Registration(self.size_mm, plane, bend, self.model, 0.0, 0.0, ())


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
