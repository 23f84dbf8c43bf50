"""A scan with the template's boxes drawn over it, as PNG: what the reader sees, for the person who made the form."""

from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from mmdigit.files.atomic import atomic_write_bytes, require_replaceable
from mmdigit.forms.pages.decoder import PageDecoder
from mmdigit.forms.pages.page import PageFault, Pixels, ScannedPage
from mmdigit.forms.registration.fitting import Points, Registration
from mmdigit.forms.sheets.placing import PlacedPage, place
from mmdigit.forms.template.layout import corners_of, marker_rects, qr_rect
from mmdigit.forms.template.template import Template
from schemas.errors import DataError
from schemas.printable import printable

FOUND, NOT_FOUND, MARKER = (60, 160, 0), (0, 0, 220), (200, 120, 0)  # BGR
MAX_SIDE = 2_400  # pixels of the PNG
_PART = 4  # bits of a pixel's part that OpenCV draws to


def draw_scan(template: Template, scan: Path, output: Path, number: int = 1) -> None:
    """Write a page of a scan with the template's boxes over it, PNG. Raises DataError if it is not placed.

    number: of the page in the scan, from 1.
    """
    require_replaceable(output)
    with PageDecoder() as decoder:
        page = next(islice(decoder.pages_of(scan), number - 1, None), None)
    if page is None:
        raise DataError(f"{printable(scan.name, 200)}: expected a page {number}, got fewer; choose another --page")
    placed = page if isinstance(page, PageFault) else place(page, template)
    for found in (page, placed):
        if isinstance(found, PageFault):
            raise DataError(f"{printable(scan.name, 200)}, page {number}: {found.reason}: {found.message}")
    if isinstance(page, ScannedPage) and isinstance(placed, PlacedPage):
        atomic_write_bytes(output, draw_overlay(page.pixels, placed))


def draw_overlay(pixels: Pixels, placed: PlacedPage) -> bytes:
    """PNG: boxes green where their frames are found, red where not; markers that are used, and their QR code, blue."""
    image = cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR)
    size_mm = placed.registration.size_mm
    rects = marker_rects(size_mm)
    known = [rects[marker] for marker in placed.registration.markers]
    for corners in corners_of([*known, qr_rect(size_mm)] if known else []):
        _draw(image, placed.registration, corners, MARKER)
    for slot, frame in zip(placed.slots, placed.frames, strict=True):
        for corners in slot.corners + np.array(frame.offset_mm):
            _draw(image, placed.registration, corners, FOUND if frame.found else NOT_FOUND)
    scale = min(1.0, MAX_SIDE / max(image.shape[:2]))
    if scale < 1:
        image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return bytes(cv2.imencode(".png", image)[1])


def _draw(
    image: cv2.typing.MatLike,
    registration: Registration,
    corners: Points,
    colour: tuple[int, int, int],
) -> None:
    places = registration.to_pixels(corners)
    width = max(1, round(registration.px_per_mm / 5))
    cv2.polylines(image, [np.round(places * 2**_PART).astype(np.int32)], True, colour, width, cv2.LINE_AA, _PART)
