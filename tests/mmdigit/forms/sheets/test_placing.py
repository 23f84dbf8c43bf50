"""Which page it is: each page that is not read has its reason, and none is guessed."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from lab.benchmarks.forms.filling import DPI, blank_page
from mmdigit.forms.pages.page import PageFault
from mmdigit.forms.sheets.placing import PlacedPage, place
from mmdigit.forms.template.layout import Rect, boxes_of, marker_rects, qr_rect
from mmdigit.forms.template.parsing import example, parse_template
from tests.mmdigit.forms.written import FLAT, TEMPLATE, filled_page, paper, scanned, scanned_page, turned

_PX = DPI / 25.4


def covered(page: NDArray[np.float32], *rects: Rect, grey: float = 1.0) -> NDArray[np.float32]:
    page = page.copy()
    for rect in rects:
        left, top, right, bottom = (round(side * _PX) for side in rect)
        page[top:bottom, left:right] = grey
    return page


def reason(page: NDArray[np.float32]) -> str:
    found = place(scanned_page(page), TEMPLATE)
    return found.reason if isinstance(found, PageFault) else "placed"


@pytest.mark.parametrize("degrees", [0, 90, 180, 270, 33])
def test_place_finds_page_and_boxes_in_any_direction(degrees: float) -> None:
    pixels, view = scanned(filled_page().pixels, turned(FLAT, degrees))
    found = place(scanned_page(filled_page().pixels, turned(FLAT, degrees)), TEMPLATE)
    assert isinstance(found, PlacedPage)
    assert (found.identity.page, found.identity.serial) == (1, 1)
    assert all(frame.found for frame in found.frames)
    for slot, frame in zip(found.slots, found.frames, strict=True):
        middle = np.array([[(slot.bounds.left + slot.bounds.right) / 2, (slot.bounds.top + slot.bounds.bottom) / 2]])
        seen = found.registration.to_pixels(middle + np.array(frame.offset_mm))
        assert np.linalg.norm(seen - view.to_pixels(middle)) < 0.2 * found.registration.px_per_mm
    assert pixels.size


def test_place_reads_a_page_that_has_lost_two_markers() -> None:
    rects = marker_rects(TEMPLATE.size_mm)
    assert reason(covered(filled_page().pixels, rects[1], rects[4])) == "placed"


def test_place_refuses_a_page_with_four_markers() -> None:
    rects = marker_rects(TEMPLATE.size_mm)
    assert reason(covered(filled_page().pixels, *rects[:4])) == "no_markers"


def test_place_tells_an_empty_page_from_a_foreign_one() -> None:
    empty = np.ones_like(paper())
    assert reason(empty) == "blank_page"
    lines = empty.copy()
    for top in range(300, 3000, 60):
        lines[top : top + 12, 300:2000:3] = 0
    assert reason(lines) == "no_markers"


def test_place_tells_a_mirror_image() -> None:
    assert reason(np.ascontiguousarray(filled_page().pixels[:, ::-1])) == "mirrored"


def test_place_never_guesses_a_page_whose_qr_code_is_covered() -> None:
    assert reason(covered(filled_page().pixels, qr_rect(TEMPLATE.size_mm), grey=0.0)) == "no_identity"


@pytest.mark.parametrize(
    ("was", "now", "expected"),
    [
        (b"form: INTK", b"form: XXXX", "foreign_form"),
        (b"revision: 1 ", b"revision: 2 ", "wrong_revision"),
    ],
)
def test_place_refuses_another_form_or_revision(was: bytes, now: bytes, expected: str) -> None:
    other = parse_template(example().replace(was, now, 1))
    assert reason(blank_page(other)) == expected


def test_place_refuses_a_page_number_that_the_form_does_not_have() -> None:
    two_pages = parse_template(example() + b"  - title: More\n")
    assert reason(blank_page(two_pages, 1)) == "unknown_page"


def test_place_refuses_a_page_whose_boxes_are_not_seen() -> None:
    boxes = [box.grown(1.0) for field in TEMPLATE.pages[0].fields for box in boxes_of(field)]
    rows = [box.grown(1.0) for field in TEMPLATE.pages[0].records[0].fields
            for row in range(8) for box in boxes_of(field, 12.0 * row)]  # fmt: skip
    assert reason(covered(paper(), *boxes, *rows)) == "frames_not_found"


def test_place_refuses_boxes_that_have_moved() -> None:
    moved = paper().copy()
    shift = np.array([[1, 0, 3.0 * _PX], [0, 1, 0]], np.float32)
    inner = np.s_[round(45 * _PX) : round(135 * _PX), round(24.5 * _PX) : round(185 * _PX)]
    part = moved[inner]
    moved[inner] = cv2.warpAffine(part, shift, part.shape[::-1], borderValue=1.0)
    lower = np.s_[round(155 * _PX) : round(220 * _PX), round(24.5 * _PX) : round(185 * _PX)]
    part = moved[lower]
    moved[lower] = cv2.warpAffine(part, shift, part.shape[::-1], borderValue=1.0)
    assert reason(moved) == "frames_not_found"
