"""The pages of a blank form as scans are compared with them: features, patches of print, the print of each field."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from mmdigit.forms.adopt.features import Features, features_of
from mmdigit.forms.pages.decoder import PageDecoder
from mmdigit.forms.pages.page import PageFault, Pixels, ScannedPage
from mmdigit.forms.registration.fitting import Points
from mmdigit.forms.registration.flattening import PX_PER_MM, Darkness, even
from mmdigit.forms.template.layout import Rect, Slot, slots_of, turned
from mmdigit.forms.template.template import MAX_PAGES, Blank, Template
from schemas.errors import DataError
from schemas.printable import printable

MAX_BLANK_BYTES = 32 * 1024 * 1024
SIZE_MM = 2.0  # by so much a page may be larger or smaller than the template's paper
PATCH_PX_PER_MM = 4
PATCH_MM = 12.0
MAX_PATCHES = 400  # of a page
MIN_TEXTURE = 0.002  # of a patch's weaker direction: mean square of its slope a pixel
LINE_MM = 1.0  # inwards from a box's edge, what may be its line, or is a little beside its place
AROUND_FIELD_MM = 2.0  # of print around a field's boxes that is looked for, too


@dataclass(frozen=True, eq=False)
class BlankPage:
    """number: of the form, from 1. px_per_mm: right and down. print: darkness at PATCH_PX_PER_MM. patches: (n, 2), the
    middle of each patch with print enough to be found again, millimetres. slots: its fields. fields: the darkness
    there, at PX_PER_MM."""

    number: int
    px_per_mm: NDArray[np.float64]
    features: Features
    print: NDArray[np.float16]
    patches: Points
    slots: tuple[Slot, ...]
    fields: tuple[NDArray[np.float16], ...]


def decode_blank(content: bytes, name: str) -> list[ScannedPage]:
    """Every page of a blank. Raises DataError if one cannot be read, or there are more than MAX_PAGES."""
    pages: list[ScannedPage] = []
    with PageDecoder() as decoder:
        for page in decoder.decode(content):
            if isinstance(page, PageFault):
                raise DataError(f"{printable(name, 200)}, page {page.number}: {page.message}")
            if len(pages) == MAX_PAGES:
                raise DataError(f"{printable(name, 200)}: expected at most {MAX_PAGES} pages, got more; split the form")
            pages.append(page)
    return pages


def size_of(page: ScannedPage) -> tuple[float, float] | None:
    """Its width and height in millimetres; None if the file does not say its resolution."""
    if page.dpi is None:
        return None
    height, width = page.pixels.shape
    return width * 25.4 / page.dpi, height * 25.4 / page.dpi


def laid(pixels: Pixels, size_mm: tuple[float, float]) -> Darkness:
    """A blank page as a raster at PX_PER_MM: its edges are the paper's."""
    size = tuple(round(side * PX_PER_MM) for side in size_mm)
    method = cv2.INTER_AREA if pixels.shape[1] > size[0] else cv2.INTER_CUBIC
    return even(np.asarray(cv2.resize(pixels, size, interpolation=method), np.uint8))


@lru_cache(maxsize=2)  # 5 MB a page
def blank_pages(template: Template) -> tuple[BlankPage, ...]:
    """The pages of a template's blank. Raises DataError if they are not those that the template describes."""
    blank = template.blank
    if blank is None or not blank.content:
        raise DataError("expected a template with its blank, got it without; load it from its file")
    pages = decode_blank(blank.content, blank.file)
    name = printable(blank.file, 200)
    if len(pages) != len(template.pages):
        raise DataError(
            f"{name}: expected {len(template.pages)} pages, as the template has, got {len(pages)}; adopt it again"
        )
    return tuple(_blank_page(template, blank, page) for page in pages)


def _blank_page(template: Template, blank: Blank, page: ScannedPage) -> BlankPage:
    size_mm, seen = template.size_mm, size_of(page)
    if seen is not None and max(abs(seen[axis] - size_mm[axis]) for axis in (0, 1)) > SIZE_MM:
        raise DataError(
            f"{printable(blank.file, 200)}, page {page.number}: expected {size_mm[0]:g} x {size_mm[1]:g} mm, got "
            f"{seen[0]:.1f} x {seen[1]:.1f} mm; correct the template's paper"
        )
    darkness = laid(page.pixels, size_mm)
    slots = slots_of(template, page.number - 1)
    small = without_writing(reduced(darkness), slots, PATCH_PX_PER_MM)
    height, width = page.pixels.shape
    fields = [cut(darkness, slot.bounds.grown(AROUND_FIELD_MM)).astype(np.float16) for slot in slots]
    scale = np.array([width / size_mm[0], height / size_mm[1]])
    return BlankPage(
        page.number, scale, features_of(page.pixels), small.astype(np.float16), _patches(small), slots, tuple(fields)
    )


def reduced(darkness: Darkness) -> Darkness:
    """The raster at PATCH_PX_PER_MM, a little soft."""
    scale = PATCH_PX_PER_MM / PX_PER_MM
    small = cv2.resize(darkness, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.GaussianBlur(small, (0, 0), 0.8), np.float32)


def without_writing(darkness: Darkness, slots: Sequence[Slot], px_per_mm: int) -> Darkness:
    """The raster with nothing in the boxes, where writing would hide how like the print is; the lines stay."""
    cleared = darkness.copy()
    for slot in slots:
        boxes = slot.corners
        middles = boxes.mean(axis=1, keepdims=True)
        share = 1 - 2 * LINE_MM / np.array(slot.field.boxes.size_mm)
        axes = turned(share * turned(boxes - middles, -slot.turn_deg), slot.turn_deg)
        for inside in np.round((middles + axes) * px_per_mm - 0.5).astype(np.int32):
            cv2.fillConvexPoly(cleared, inside, 0.0)
    return cleared


def cut(darkness: Darkness, area: Rect) -> Darkness:
    """What lies in the area, in whole pixels, and on the page."""
    left, top, right, bottom = (max(0, round(side * PX_PER_MM)) for side in area)
    return darkness[top:bottom, left:right]


def _patches(small: Darkness) -> Points:
    """The middles of patches, in a grid, that show something in both directions, (n, 2)."""
    side = round(PATCH_MM * PATCH_PX_PER_MM)
    down, right = np.gradient(small, axis=0), np.gradient(small, axis=1)
    found = []
    for top in range(0, small.shape[0] - side + 1, side):
        for left in range(0, small.shape[1] - side + 1, side):
            x, y = (slope[top : top + side, left : left + side] for slope in (right, down))
            square = np.array([[np.mean(x * x), np.mean(x * y)], [np.mean(x * y), np.mean(y * y)]])
            texture = float(np.linalg.eigvalsh(square)[0])
            if texture >= MIN_TEXTURE:
                found.append((texture, left + side / 2, top + side / 2))
    best = sorted(found, reverse=True)[:MAX_PATCHES]
    return np.array([each[1:] for each in best], np.float64).reshape(-1, 2) / PATCH_PX_PER_MM
