"""Which page of a blank form a scan is, and where it lies in it; or the reason why nobody can say.

Features say which pages it may be and about where; then patches of print all over the page have to be seen. The page
with the most of them is taken if it is clearly ahead of every other one: nothing is guessed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mmdigit.forms.adopt.blank import PATCH_PX_PER_MM, BlankPage, blank_pages, decode_blank
from mmdigit.forms.adopt.features import MIN_AREA, features_of, match, smaller
from mmdigit.forms.adopt.patches import SeenPatches, find_patches
from mmdigit.forms.pages.page import PageReason, Pixels
from mmdigit.forms.registration.fitting import MODELS, Model, Points, Registration, fit_points
from mmdigit.forms.registration.flattening import Darkness, even
from mmdigit.forms.template.template import Template
from schemas.errors import DataError
from schemas.printable import printable

MIN_SEEN = 0.5  # of a page's patches
MIN_PATCHES, MIN_SPREAD_MM = 8, 8.0  # that must be seen, and how far they lie apart: fewer do not hold a page
MIN_LEFT = 5  # of them, when others are left out
MIN_BENT = 24  # patches from which a bend is looked for
LEAD, LEAD_SHARE = 4, 0.03  # of patches, by which a page must be ahead of the next one; what both share says nothing
RIVALS = 0.4  # of the best page's inliers: with fewer, a page is not looked at
FARTHEST = 4  # times the scan's longest side, that a corner of the paper may lie away
SECTIONS = (3, 4)  # parts of a page, right and down, that are left out in turn

Refusal = tuple[PageReason, str]


@dataclass(frozen=True, eq=False)
class Recognised:
    """page: of the blank. registration: from its millimetres to the scan's pixels."""

    page: BlankPage
    registration: Registration


@dataclass(frozen=True, eq=False)
class _Candidate:
    """plane: (3, 3), from the page's millimetres to the scan's pixels."""

    page: BlankPage
    plane: NDArray[np.float64]
    patches: SeenPatches

    @property
    def is_seen(self) -> bool:
        """Whether enough of the page's print is there."""
        seen = self.patches.seen
        return seen.sum() >= MIN_SEEN * len(seen) and _hold_a_page(self.page.patches[seen])


def recognise(pixels: Pixels, pages: Sequence[BlankPage], size_mm: tuple[float, float]) -> Recognised | Refusal:
    """Which of the pages the scan is."""
    candidates = _candidates(pixels, pages, size_mm)
    if not candidates or not candidates[0].is_seen:
        return _unknown(pixels, pages, size_mm, candidates)
    best, total = candidates[0], len(candidates[0].patches.seen)
    lead = max(float(LEAD), LEAD_SHARE * total)
    if len(candidates) > 1 and best.patches.balance - candidates[1].patches.balance < 2 * lead:
        numbers = sorted((best.page.number, candidates[1].page.number))
        message = f"expected one page of the blank, got a scan that may be page {numbers[0]} or {numbers[1]}"
        return "ambiguous_page", f"{message}; scan it in grey at 150 dpi or more"
    registration = _registered(best, size_mm)
    return Recognised(best.page, registration) if registration else _unknown(pixels, pages, size_mm, candidates)


def _unknown(
    pixels: Pixels, pages: Sequence[BlankPage], size_mm: tuple[float, float], candidates: Sequence[_Candidate]
) -> Refusal:
    mirrored = _candidates(np.ascontiguousarray(pixels[:, ::-1]), pages, size_mm)
    if mirrored and mirrored[0].is_seen:
        return "mirrored", "expected the page, got its mirror image; scan its printed side"
    message = "expected a page of the blank, got another one"
    if candidates:
        best = candidates[0]
        seen = f"{int(best.patches.seen.sum())} of {len(best.patches.seen)} parts of page {best.page.number}"
        message = f"expected the print of a page of the blank, got {seen}"
    return "foreign_form", f"{message}; read it with its own template, or scan it in grey at 150 dpi or more"


def _candidates(
    pixels: Pixels, pages: Sequence[BlankPage], size_mm: tuple[float, float]
) -> list[_Candidate]:  # fmt: skip
    """The pages that the scan may be, the likeliest first."""
    features = features_of(pixels)
    found = [(page, matched) for page in pages if (matched := match(page.features, features)) is not None]
    most = max((matched.inliers for _, matched in found), default=0)
    copy = smaller(pixels)
    candidates = []
    for page, matched in found:
        x, y = page.px_per_mm
        plane = matched.plane @ np.array([[x, 0, -0.5], [0, y, -0.5], [0, 0, 1.0]])
        if matched.inliers >= RIVALS * most and _is_a_page(plane, pixels, size_mm):
            small = _laid_flat(copy, plane, copy.shape[1] / pixels.shape[1], size_mm)
            candidates.append(_Candidate(page, plane, find_patches(small, page)))
    return sorted(candidates, key=lambda each: each.patches.balance, reverse=True)


def _is_a_page(plane: NDArray[np.float64], pixels: Pixels, size_mm: tuple[float, float]) -> bool:
    """Whether the plane shows the paper's corners in order, not mirrored, and large enough."""
    width, height = size_mm
    corners = np.array([[[0, 0]], [[width, 0]], [[width, height]], [[0, height]]], np.float64)
    seen = cv2.perspectiveTransform(corners, plane).reshape(4, 2)
    if not np.isfinite(seen).all():
        return False
    edges = np.roll(seen, -1, axis=0) - seen
    turns = edges[:, 0] * np.roll(edges[:, 1], -1) - edges[:, 1] * np.roll(edges[:, 0], -1)
    if not (turns > 0).all() or np.abs(seen).max() > FARTHEST * max(pixels.shape):
        return False
    return cv2.contourArea(seen.astype(np.float32)) >= MIN_AREA * pixels.size


def _laid_flat(
    copy: Pixels, plane: NDArray[np.float64], scale: float, size_mm: tuple[float, float]
) -> Darkness:  # fmt: skip
    """The copy of a scan as the page, at PATCH_PX_PER_MM. scale: pixels of the copy for one of the scan."""
    to_copy = np.array([[scale, 0, (scale - 1) / 2], [0, scale, (scale - 1) / 2], [0, 0, 1.0]]) @ plane
    step = 1 / PATCH_PX_PER_MM
    to_mm = np.array([[step, 0, step / 2], [0, step, step / 2], [0, 0, 1.0]])
    size = (round(size_mm[0] * PATCH_PX_PER_MM), round(size_mm[1] * PATCH_PX_PER_MM))
    flat = cv2.warpPerspective(
        copy, to_copy @ to_mm, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderValue=(255,)
    )  # fmt: skip
    return np.asarray(cv2.GaussianBlur(even(np.asarray(flat, np.uint8)), (0, 0), 0.8), np.float32)


def _hold_a_page(patches: Points, least: int = MIN_PATCHES) -> bool:
    """Whether there are enough of them, and not all on one line."""
    if len(patches) < least:
        return False
    return float(np.linalg.eigvalsh(np.cov(patches.T))[0]) >= MIN_SPREAD_MM**2


def _registered(found: _Candidate, size_mm: tuple[float, float]) -> Registration | None:
    """The plane and bend through all patches that are seen; each section of the page judges the fit to the others."""
    seen = found.patches.seen
    page: Points = found.page.patches[seen]
    moved = (page + found.patches.offsets[seen]).reshape(-1, 1, 2)
    places = np.asarray(cv2.perspectiveTransform(moved, found.plane).reshape(-1, 2), np.float64)
    models: Sequence[Model] = MODELS if len(page) >= MIN_BENT else ("plane",)
    groups = _groups(page, size_mm)
    return None if groups is None else fit_points(page, places, groups, size_mm, models)


def _groups(points: Points, size_mm: tuple[float, float]) -> NDArray[np.intp] | None:
    """(n,): which patches are left out together: a section of the page, or else every fourth, or each by itself;
    None if the others would not hold the page."""
    parts = np.minimum((points / np.array(size_mm) * SECTIONS).astype(np.intp), np.array(SECTIONS) - 1)
    order = np.arange(len(points))
    for groups in (parts[:, 0] + SECTIONS[0] * parts[:, 1], order % 4, order):
        if all(_hold_a_page(points[groups != group], MIN_LEFT) for group in np.unique(groups)):
            return np.asarray(groups, np.intp)
    return None


def require_distinct(template: Template) -> None:
    """Raise DataError if a page of the template's blank is not recognised as itself: then no scan of it would be."""
    pages, blank = blank_pages(template), template.blank
    if blank is None:
        return
    name = printable(blank.file, 200)
    for page in pages:
        if not _hold_a_page(page.patches):
            raise DataError(
                f"{name}, page {page.number}: expected print in at least {MIN_PATCHES} places, got it in "
                f"{len(page.patches)}; describe a form of your own with `mmdigit form new`"
            )
    for scan in decode_blank(blank.content, blank.file):
        found = recognise(scan.pixels, pages, template.size_mm)
        if isinstance(found, tuple):
            raise DataError(f"{name}, page {scan.number}: {found[1]}")
        if found.page.number != scan.number:
            raise DataError(
                f"{name}, page {scan.number}: expected print of its own, got that of page "
                f"{found.page.number}; keep one of them"
            )
