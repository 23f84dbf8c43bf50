"""Handwriting: a second scan of a sheet is known again, another sheet is not."""

import numpy as np
import pytest

from lab.benchmarks.forms.camera import Camera
from mmdigit.forms.adopt.handwriting import SAME, Handwriting, KnownSheets, handwriting
from mmdigit.forms.page import ScannedPage
from mmdigit.forms.placing import PlacedPage, place
from mmdigit.forms.template import Template
from tests.mmdigit.forms.adopt.foreign import filled_foreign, foreign_paper, template_of
from tests.mmdigit.forms.written import FLAT, filled_page, scanned, scanned_page, turned
from tests.mmdigit.forms.written import TEMPLATE as OWN


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    return template_of(tmp_path_factory.mktemp("form"), 1, 2)


def written_on(
    page: np.ndarray[tuple[int, ...], np.dtype[np.float32]], template: Template, camera: Camera = FLAT
) -> Handwriting:
    placed = place(ScannedPage(1, scanned(page, camera)[0]), template)
    assert isinstance(placed, PlacedPage)
    return handwriting(placed)


@pytest.mark.parametrize("page", [0, 1])
def test_handwriting_of_two_scans_of_a_sheet_is_the_same(template: Template, page: int) -> None:
    sheet = filled_foreign(template, page, 1).pixels
    first = written_on(sheet, template)
    again = written_on(sheet, template, turned(Camera(120.0, tilt_deg=8), 183))
    other = written_on(filled_foreign(template, page, 2).pixels, template)
    assert float(first @ again) > 0.9
    assert float(first @ other) < SAME - 0.15


def test_handwriting_of_an_empty_page_is_none(template: Template) -> None:
    assert not written_on(foreign_paper(2), template).size


def test_handwriting_is_not_needed_with_a_serial_number() -> None:
    placed = place(scanned_page(filled_page().pixels), OWN)
    assert isinstance(placed, PlacedPage)
    assert not handwriting(placed).size


def test_known_sheets_say_where_a_sheet_was_before() -> None:
    sheets, chance = KnownSheets(), np.random.default_rng(1)
    first, second = (chance.normal(size=500).astype(np.float32) for _ in range(2))
    first, second = first / np.linalg.norm(first), second / np.linalg.norm(second)
    assert sheets.seen(1, first, "a:1") is None
    assert sheets.seen(1, second, "a:2") is None
    assert sheets.seen(2, first, "a:3") is None  # on another page of the form
    assert sheets.seen(1, first, "a:4") == "a:1"
    assert sheets.seen(1, np.zeros(0, np.float32), "a:5") is None
    assert sheets.seen(1, np.zeros(0, np.float32), "a:6") is None
