"""Printed forms: what is on the page, and the same bytes again."""

import re

import cv2
import numpy as np
import pypdfium2
import pytest
import zxingcpp
from numpy.typing import NDArray

from mmdigit.forms.printing.markers import dictionary
from mmdigit.forms.printing.page_identity import MAX_SERIAL, PageIdentity, read_identity
from mmdigit.forms.printing.pdf import print_form
from mmdigit.forms.template.layout import marker_corners, qr_rect
from mmdigit.forms.template.parsing import example, parse_template
from schemas.errors import DataError

TEMPLATE = parse_template(example())
PX_PER_MM = 150 / 25.4


def rendered(pdf: bytes, page: int = 0) -> NDArray[np.uint8]:
    """(height, width)."""
    document = pypdfium2.PdfDocument(pdf)
    return np.array(document[page].render(scale=150 / 72, grayscale=True).to_numpy(), np.uint8)


def test_print_form_gives_the_same_bytes_again() -> None:
    assert print_form(TEMPLATE, 3) == print_form(TEMPLATE, 3)
    assert print_form(TEMPLATE, 1, 2) != print_form(TEMPLATE, 1, 1)


def test_printed_markers_stand_where_the_layout_says() -> None:
    corners, ids, _ = cv2.aruco.ArucoDetector(dictionary()).detectMarkers(rendered(print_form(TEMPLATE)))
    assert sorted(ids.ravel()) == list(range(8))
    for found, marker in zip(corners, map(int, ids.ravel()), strict=True):
        wanted = marker_corners(TEMPLATE.size_mm)[marker] * PX_PER_MM
        assert np.abs(found[0] - wanted).max() < 1.5


def test_free_field_is_printed_as_one_box() -> None:
    form = example().replace(b"- name: member ", b"- free: true\n        name: member ")
    pages = [rendered(print_form(template)) for template in (TEMPLATE, parse_template(form))]
    row, left, right = (round(each * PX_PER_MM) for each in (54 + 4.5, 25 - 1, 25 + 7 * 8 + 7 + 1))
    dark = [np.flatnonzero(page[row, left:right] < 180) / PX_PER_MM + 24 for page in pages]
    lines = [np.split(each, np.flatnonzero(np.diff(each) > 0.6) + 1) for each in dark]
    assert [len(each) for each in lines] == [16, 2]
    assert [line.mean() for line in lines[1]] == pytest.approx([25, 88], abs=0.2)


def test_printed_qr_code_names_form_page_and_copy() -> None:
    pdf = print_form(TEMPLATE, 2, first_serial=41)
    texts = [zxingcpp.read_barcode(rendered(pdf, page)) for page in (0, 1)]
    identities = [read_identity(found.text) for found in texts if found is not None]
    assert identities == [PageIdentity("INTK", 1, 1, serial) for serial in (41, 42)]


def test_nothing_is_printed_around_the_qr_code() -> None:
    page = rendered(print_form(TEMPLATE))
    left, top, right, bottom = (np.array(qr_rect(TEMPLATE.size_mm)) * PX_PER_MM).round().astype(int)
    quiet = round(3 * PX_PER_MM)
    around = page[top - quiet : bottom + quiet, left - quiet : right + quiet].copy()
    around[quiet - 1 : -quiet + 1, quiet - 1 : -quiet + 1] = 255
    assert around.min() > 250


def test_printed_font_is_embedded() -> None:
    pdf = print_form(TEMPLATE)
    assert re.search(rb"/FontFile2 \d+ 0 R", pdf)
    assert b"Bitstream" in pdf


@pytest.mark.parametrize(
    ("was", "now", "message"),
    [
        ("Membership number", "Номер", "expected text of Western European letters, got Немор"),
        ("at_mm: [25, 40], text", "at_mm: [160, 40], text", "expected text on the page, got 'Write one digit"),
        ("at_mm: [25, 40], text", "at_mm: [60, 15], text", "expected no text near the markers and the QR code"),
    ],
)
def test_print_form_refuses_text_that_cannot_stand_there(was: str, now: str, message: str) -> None:
    with pytest.raises(DataError, match=re.escape(message)):
        print_form(parse_template(example().replace(was.encode(), now.encode())))


def test_print_form_refuses_serial_numbers_that_do_not_fit() -> None:
    with pytest.raises(DataError, match="expected serial numbers up to"):
        print_form(TEMPLATE, 2, MAX_SERIAL)


@pytest.mark.parametrize("text", ["", "MINTK01010000", "XINTK010100001", "MINTK01010000a", "MINTK010100001\n"])
def test_read_identity_refuses_other_codes(text: str) -> None:
    assert read_identity(text) is None


def test_page_identity_is_read_back() -> None:
    identity = PageIdentity("AB12", 1295, 20, MAX_SERIAL)
    assert len(identity.text) == 14
    assert read_identity(identity.text) == identity
