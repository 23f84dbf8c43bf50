"""Which page of a blank a scan is: the right one in any direction, or a reason; never a guess."""

import io
from pathlib import Path

import cv2
import numpy as np
import pypdfium2
import pytest

from lab.benchmarks.forms.camera import Camera, View
from lab.benchmarks.forms.filling import DPI, fill
from mmdigit.forms.adopt.blank import blank_pages
from mmdigit.forms.adopt.drafting import draft_template
from mmdigit.forms.adopt.recognising import Recognised, recognise, require_distinct
from mmdigit.forms.loading import load_template
from mmdigit.forms.pages.page import Pixels
from mmdigit.forms.template.template import Template
from schemas.errors import DataError
from tests.mmdigit.forms.adopt.foreign import (
    canvas_for,
    draw_boxes,
    draw_text,
    filled_foreign,
    foreign_paper,
    template_of,
    write_form,
)
from tests.mmdigit.forms.written import FLAT, sample_digits, scanned, turned


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    return template_of(tmp_path_factory.mktemp("form"), 1, 2)


def reason(pixels: Pixels, template: Template) -> str:
    found = recognise(pixels, blank_pages(template), template.size_mm)
    return f"page {found.page.number}" if isinstance(found, Recognised) else found[0]


def errors_mm(pixels: Pixels, view: View, template: Template, page: int) -> float:
    """The farthest that any box's middle is from where it truly is."""
    found = recognise(pixels, blank_pages(template), template.size_mm)
    assert isinstance(found, Recognised)
    assert found.page.number == page + 1
    middles = np.concatenate([slot.corners.mean(axis=1) for slot in found.page.slots])
    apart = found.registration.to_pixels(middles) - view.to_pixels(middles)
    return float(np.linalg.norm(apart, axis=1).max()) / found.registration.px_per_mm


@pytest.mark.parametrize("page", [0, 1])
@pytest.mark.parametrize("degrees", [0, 90, 180, 270, 7])
def test_recognise_finds_the_page_in_any_direction(template: Template, page: int, degrees: float) -> None:
    pixels, view = scanned(filled_foreign(template, page, 3).pixels, turned(FLAT, degrees))
    assert errors_mm(pixels, view, template, page) < 0.3


def test_recognise_finds_a_faxed_page(template: Template) -> None:
    pixels, view = scanned(filled_foreign(template, 0, 4).pixels, turned(FLAT, 1.5))
    fax = np.where(cv2.GaussianBlur(pixels, (0, 0), 1.0) > 140, 255, 0).astype(np.uint8)
    assert errors_mm(fax, view, template, 0) < 0.3


@pytest.mark.parametrize("camera", [Camera(150.0, tilt_deg=20, tilt_axis_deg=30), Camera(120.0, bend_mm=1.5)])
def test_recognise_finds_a_photographed_page(template: Template, camera: Camera) -> None:
    pixels, view = scanned(filled_foreign(template, 1, 5).pixels, turned(camera, 40))
    assert errors_mm(pixels, view, template, 1) < 0.5


def test_recognise_refuses_a_page_of_another_form(template: Template) -> None:
    buffer = io.BytesIO()
    canvas = canvas_for(buffer)
    draw_text(canvas, 99)
    draw_boxes(canvas, (30.0, 100.0, 0.0), 9, 7.5)
    canvas.save()
    page = pypdfium2.PdfDocument(buffer.getvalue())[0].render(scale=200 / 72, grayscale=True).to_numpy()
    assert reason(np.array(page, np.uint8), template) == "foreign_form"


def test_recognise_refuses_a_page_with_most_of_it_covered(template: Template) -> None:
    page = foreign_paper(1).copy()
    page[900:] = 1.0
    assert reason(scanned(page)[0], template) == "foreign_form"


def test_recognise_tells_a_mirror_image(template: Template) -> None:
    pixels = scanned(foreign_paper(2))[0]
    assert reason(np.ascontiguousarray(pixels[:, ::-1]), template) == "mirrored"


def test_recognise_never_chooses_between_pages_that_are_alike(tmp_path: Path) -> None:
    alike = load_template(write_form(tmp_path, 1, 1))
    assert reason(scanned(foreign_paper(1))[0], alike) == "ambiguous_page"
    with pytest.raises(DataError, match=r"blank.pdf, page 1: expected one page of the blank, got .* page 1 or 2"):
        require_distinct(alike)


def test_require_distinct_passes_pages_that_are_not_alike(template: Template) -> None:
    require_distinct(template)


def sparse_form(folder: Path, *labels: str, n_boxes: int = 9) -> Template:
    """A form with little print but its boxes: a label above each row of them."""
    buffer = io.BytesIO()
    canvas = canvas_for(buffer)
    for row, label in enumerate(labels):
        draw_boxes(canvas, (30.0, 60.0 + 25 * row, 0.0), n_boxes, 7.5)
        canvas.setFont("Helvetica", 9)
        canvas.drawString(85, 677 - 25 * row * 72 / 25.4, label)
    canvas.save()
    (folder / "blank.pdf").write_bytes(buffer.getvalue())
    (folder / "form.yaml").write_text(draft_template(folder / "blank.pdf", folder / "form.yaml", "either"))
    return load_template(folder / "form.yaml")


def test_recognise_reads_a_form_with_little_print(tmp_path: Path) -> None:
    form = sparse_form(tmp_path, "Customer number", "Meter", "Reading", "Telephone", "Date", "Contract")
    require_distinct(form)
    page = pypdfium2.PdfDocument((tmp_path / "blank.pdf").read_bytes())[0]
    paper = np.asarray(page.render(scale=DPI / 72, grayscale=True).to_numpy() / np.float32(255), np.float32)
    filled = fill(paper, form, sample_digits(), np.random.default_rng(1), 0, blanks=0.0)
    pixels, view = scanned(filled.pixels, turned(FLAT, 178))
    assert errors_mm(pixels, view, form, 0) < 0.3


def test_require_distinct_refuses_too_little_print(tmp_path: Path) -> None:
    form = sparse_form(tmp_path, "Reading", n_boxes=3)
    with pytest.raises(DataError, match=r"page 1: expected print in at least 8 places, got it in \d;"):
        require_distinct(form)
