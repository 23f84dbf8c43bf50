"""A form without markers, as somebody else prints it: two variants of a page, adopted, filled and scanned."""

import io
from functools import cache
from pathlib import Path

import numpy as np
import pypdfium2
from numpy.typing import NDArray
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

from lab.benchmarks.forms.filling import DPI, Filled, fill
from mmdigit.forms.adopt.drafting import draft_template
from mmdigit.forms.loading import load_template
from mmdigit.forms.template.template import Template
from tests.mmdigit.forms.written import sample_digits

WIDTH_MM, HEIGHT_MM = 210.0, 297.0
WORDS = (
    "paper",
    "clerk",
    "river",
    "stone",
    "table",
    "seven",
    "autumn",
    "window",
    "carbon",
    "letter",
    "harbour",
    "meadow",
)
NUMBER = (30.0, 100.0, 0.0)
"""Left, top and turn of the first variant's nine adjoining boxes."""
ASLANT = (40.0, 150.0, 4.0)
"""Of the second variant's."""
PITCH_MM, TALL_MM = 7.5, 9.0
SEPARATE = (30.0, 200.0)
"""Left and top of four boxes that stand apart, in the first variant."""


def draw_boxes(
    canvas: Canvas, place: tuple[float, float, float], count: int, pitch_mm: float, width_mm: float = PITCH_MM,
    tall_mm: float = TALL_MM,
) -> None:  # fmt: skip
    left, top, turn = place
    canvas.saveState()
    canvas.translate(left * mm, (HEIGHT_MM - top) * mm)
    canvas.rotate(-turn)
    canvas.setLineWidth(0.3 * mm)
    for index in range(count):
        canvas.rect(index * pitch_mm * mm, -tall_mm * mm, width_mm * mm, tall_mm * mm)
    canvas.restoreState()


def draw_text(canvas: Canvas, seed: int, first_mm: float = 25, last_mm: float = 280) -> None:
    """Lines of words that no other seed has in the same order."""
    chance = np.random.default_rng(seed)
    canvas.setFont("Times-Roman", 10)
    for base in np.arange(first_mm, last_mm, 6.0):
        if not any(top - 8 < base < top + 18 for top in (NUMBER[1], ASLANT[1], SEPARATE[1])):
            line = " ".join(chance.choice(WORDS, 14))
            canvas.drawString(25 * mm, (HEIGHT_MM - base) * mm, line)


def canvas_for(buffer: io.BytesIO) -> Canvas:
    return Canvas(buffer, pagesize=(WIDTH_MM * mm, HEIGHT_MM * mm), invariant=1)


@cache
def blank_pdf(*variants: int) -> bytes:
    """A page a variant: 1 has nine adjoining boxes, four that stand apart and one to tick; 2 has nine aslant."""
    buffer = io.BytesIO()
    canvas = canvas_for(buffer)
    for variant in variants:
        draw_text(canvas, variant)
        if variant == 1:
            draw_boxes(canvas, NUMBER, 9, PITCH_MM)
            draw_boxes(canvas, (*SEPARATE, 0.0), 4, 10.0)
            draw_boxes(canvas, (120.0, 201.0, 0.0), 1, 5.0, 5.0, 5.0)
        elif variant == 2:
            draw_boxes(canvas, ASLANT, 9, PITCH_MM)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def write_form(folder: Path, *variants: int, pages: str = "either", names: bool = True) -> Path:
    """form.yaml beside blank.pdf; names: field1 becomes number, as a person would write."""
    (folder / "blank.pdf").write_bytes(blank_pdf(*variants))
    text = draft_template(folder / "blank.pdf", folder / "form.yaml", "either" if pages == "either" else "together")
    (folder / "form.yaml").write_text(text.replace("field1", "number") if names else text)
    return folder / "form.yaml"


@cache
def template_of(folder: Path, *variants: int, pages: str = "either") -> Template:
    return load_template(write_form(folder, *variants, pages=pages))


@cache
def foreign_paper(variant: int) -> NDArray[np.float32]:
    """The blank page at DPI, 1 = white."""
    page = pypdfium2.PdfDocument(blank_pdf(variant))[0]
    return np.asarray(page.render(scale=DPI / 72, grayscale=True).to_numpy() / np.float32(255), np.float32)


def filled_foreign(template: Template, page: int, seed: int) -> Filled:
    """Page of the template, from 0, whose variant is one more, with digits of the sample pack in every box."""
    chance = np.random.default_rng(seed)
    return fill(foreign_paper(page + 1), template, sample_digits(), chance, page, blanks=0.0)
