"""Handwriting: a second scan of a sheet is known again, another sheet is not."""

import numpy as np
import pytest

from lab.benchmarks.forms.camera import Camera
from mmdigit.forms.pages.page import ScannedPage
from mmdigit.forms.sheets import handwriting as module
from mmdigit.forms.sheets.handwriting import SAME, KnownSheets, alike, handwriting
from mmdigit.forms.sheets.placing import PlacedPage, place
from mmdigit.forms.template.template import Template
from tests.mmdigit.forms.adopt.foreign import filled_foreign, foreign_paper, template_of
from tests.mmdigit.forms.written import FLAT, scanned, turned


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    return template_of(tmp_path_factory.mktemp("form"), 1, 2)


def written_on(
    page: np.ndarray[tuple[int, ...], np.dtype[np.float32]], template: Template, camera: Camera = FLAT
) -> bytes:
    placed = place(ScannedPage(1, scanned(page, camera)[0]), template)
    assert isinstance(placed, PlacedPage)
    return handwriting(placed)


@pytest.mark.parametrize("page", [0, 1])
def test_handwriting_of_two_scans_of_a_sheet_is_the_same(template: Template, page: int) -> None:
    sheet = filled_foreign(template, page, 1).pixels
    first = written_on(sheet, template)
    again = written_on(sheet, template, turned(Camera(120.0, tilt_deg=8), 183))
    other = written_on(filled_foreign(template, page, 2).pixels, template)
    assert alike(first, again) > 0.9
    assert alike(first, other) < SAME - 0.15


def test_handwriting_of_an_empty_page_is_none(template: Template) -> None:
    assert written_on(foreign_paper(2), template) == b""


def sheet(seed: int) -> bytes:
    return np.random.default_rng(seed).integers(-127, 128, 500).astype(np.int8).tobytes()


def test_known_sheets_say_where_a_sheet_was_before() -> None:
    sheets = KnownSheets()
    assert sheets.seen(1, sheet(1), "a:1") is None
    assert sheets.seen(1, sheet(2), "a:2") is None
    assert sheets.seen(2, sheet(1), "a:3") is None  # on another page of the form
    assert sheets.seen(1, sheet(1), "a:4") == "a:1"
    assert sheets.seen(1, b"", "a:5") is None
    assert sheets.seen(1, b"", "a:6") is None


def test_known_sheets_forget_the_older_half(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT", 4)
    sheets = KnownSheets()
    for seed in range(5):
        assert sheets.seen(1, sheet(seed), f"a:{seed}") is None
    assert [sheets.seen(1, sheet(seed), "again") for seed in (2, 3, 4, 0)] == ["a:2", "a:3", "a:4", None]
