"""A template as a PDF to be printed: vector graphics, embedded font, the same bytes for the same input."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import reportlab
import segno
from reportlab.lib.units import mm
from reportlab.pdfbase.pdfmetrics import registerFont
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from mmdigit.forms.printing.markers import modules
from mmdigit.forms.printing.page_identity import MAX_SERIAL, PageIdentity
from mmdigit.forms.template.layout import QUIET_MM, Rect, Slot, marker_rects, qr_rect, slots_of
from mmdigit.forms.template.template import Template
from schemas.errors import DataError
from schemas.printable import printable

MAX_COPIES = 10_000
FRAME_MM = 0.35  # width of a box's line
FRAME_GREY = 0.35  # 0 = black; survives a scan of one bit, and is lighter than a pen
TEXT_GREY = 0.25
LABEL_PT = 7.5
TITLE_PT = 14
TITLE_BASE_MM = 30.0
MARK_PT = 12
LABEL_ABOVE_MM = 1.3
MARKS = {"decimal": (",", 0.8), "date": (".", 0.8), "time": (":", 2.5)}
"""What is printed between two groups of boxes, and how far above their bottom, in millimetres."""
FONT, FONT_FILE = "BitstreamVera", Path(reportlab.__file__).parent / "fonts" / "Vera.ttf"
"""Bitstream Vera: free to embed; its licence, bitstream-vera-license.txt, stands beside it."""
_FONT_LICENCE = "Font: Bitstream Vera, Copyright (c) 2003 by Bitstream, Inc.; free to use, copy and embed."


def print_form(template: Template, copies: int = 1, first_serial: int = 1) -> bytes:
    """A PDF of so many copies, each with all its pages and a serial number of its own.

    copies: range [1, MAX_COPIES]. first_serial: of the first copy; the others follow.
    Raises DataError for a form that somebody else printed, text that the font cannot show, and serial numbers above
    MAX_SERIAL.
    """
    if template.blank is not None:
        raise DataError(
            f"expected a form to print, got one that somebody else printed; print {printable(template.blank.file, 200)}"
        )
    if first_serial + copies - 1 > MAX_SERIAL:
        raise DataError(f"expected serial numbers up to {MAX_SERIAL}, got {first_serial + copies - 1}; begin lower")
    font = TTFont(FONT, str(FONT_FILE))
    for page in range(len(template.pages)):
        for text in _texts(template, page):
            _check_text(font, template, text)
    buffer = io.BytesIO()
    width, height = template.size_mm
    canvas = Canvas(buffer, pagesize=(width * mm, height * mm), invariant=1, pageCompression=1)
    canvas.setTitle(f"{template.form} revision {template.revision}")
    canvas.setSubject(_FONT_LICENCE)
    canvas.setCreator("mmdigit form print")
    registerFont(font)
    for page in range(len(template.pages)):
        canvas.beginForm(_name(page), 0, 0, width * mm, height * mm)
        _draw_page(_Pen(canvas, height), template, page)
        canvas.endForm()
    for serial in range(first_serial, first_serial + copies):
        for page in range(len(template.pages)):
            canvas.doForm(_name(page))
            identity = PageIdentity(template.form, template.revision, page + 1, serial)
            _draw_identity(_Pen(canvas, height), template, identity)
            canvas.showPage()
    canvas.save()
    return buffer.getvalue()


class _Line(NamedTuple):
    """left_mm, base_mm: where its base line begins."""

    left_mm: float
    base_mm: float
    text: str
    size_pt: float


class _Pen:
    """Draws in millimetres from the top left corner."""

    def __init__(self, canvas: Canvas, height_mm: float) -> None:
        self.canvas, self.height_mm = canvas, height_mm

    def fill(self, rect: Rect, grey: float = 0.0) -> None:
        self.canvas.setFillGray(grey)
        self.canvas.rect(*self._box(rect), stroke=0, fill=1)

    def frame(self, rect: Rect) -> None:
        self.canvas.setStrokeGray(FRAME_GREY)
        self.canvas.setLineWidth(FRAME_MM * mm)
        self.canvas.rect(*self._box(rect), stroke=1, fill=0)

    def text(self, left_mm: float, base_mm: float, text: str, size_pt: float, *, middle: bool = False) -> None:
        self.canvas.setFillGray(TEXT_GREY)
        self.canvas.setFont(FONT, size_pt)
        draw = self.canvas.drawCentredString if middle else self.canvas.drawString
        draw(left_mm * mm, (self.height_mm - base_mm) * mm, text)

    def _box(self, rect: Rect) -> tuple[float, float, float, float]:
        left, bottom = rect.left * mm, (self.height_mm - rect.bottom) * mm
        return left, bottom, (rect.right - rect.left) * mm, (rect.bottom - rect.top) * mm


def _draw_page(pen: _Pen, template: Template, page: int) -> None:
    for marker, rect in enumerate(marker_rects(template.size_mm)):
        _draw_modules(pen, rect, [list(map(bool, row)) for row in modules(marker)])
    for line in _texts(template, page):
        pen.text(*line)
    for slot in slots_of(template, page):
        _draw_slot(pen, slot)


def _draw_slot(pen: _Pen, slot: Slot) -> None:
    for box in slot.boxes:
        pen.frame(box)
    position = 0
    for size in slot.field.groups[:-1]:
        position += size
        before, after = slot.boxes[position - 1], slot.boxes[position]
        mark, up_mm = MARKS[slot.field.type]
        pen.text((before.right + after.left) / 2, before.bottom - up_mm, mark, MARK_PT, middle=True)


def _draw_identity(pen: _Pen, template: Template, identity: PageIdentity) -> None:
    rect = qr_rect(template.size_mm)
    code = segno.make_qr(identity.text, error="q", version=1, mode="alphanumeric", boost_error=False)
    _draw_modules(pen, rect, [list(map(bool, row)) for row in code.matrix])
    pen.text((rect.left + rect.right) / 2, rect.bottom + QUIET_MM + 1.5, identity.printed, 6, middle=True)


def _name(page: int) -> str:
    """Of what all copies of a page share, drawn once in the file."""
    return f"page{page + 1}"


def _draw_modules(pen: _Pen, rect: Rect, rows: list[list[bool]]) -> None:
    """Each run of black modules as one rectangle: no hairlines between them."""
    side = (rect.right - rect.left) / len(rows)
    for down, row in enumerate(rows):
        for start, end in _runs(row):
            top = rect.top + down * side
            # A little into the row below, where viewers would show a white line between two black ones.
            more = 0.02 if down + 1 < len(rows) and all(rows[down + 1][start:end]) else 0
            pen.fill(Rect(rect.left + start * side, top, rect.left + end * side, top + side + more))


def _runs(row: list[bool]) -> Iterator[tuple[int, int]]:
    start = 0
    while start < len(row):
        end = start
        while end < len(row) and row[end] == row[start]:
            end += 1
        if row[start]:
            yield start, end
        start = end


def _texts(template: Template, page: int) -> Iterator[_Line]:
    """What is printed on a page beside the boxes' own marks."""
    content = template.pages[page]
    yield _Line(marker_rects(template.size_mm)[0].right + QUIET_MM + 1, TITLE_BASE_MM, content.title, TITLE_PT)
    yield from (_Line(*text.at_mm, text.text, text.size_pt) for text in content.texts)
    for slot in slots_of(template, page):
        if not slot.row:  # of a grid above the first row alone
            yield _Line(slot.bounds.left, slot.bounds.top - LABEL_ABOVE_MM, slot.field.label, LABEL_PT)


def _check_text(font: TTFont, template: Template, line: _Line) -> None:
    shown = printable(line.text, 40)
    missing = sorted({character for character in line.text if ord(character) not in font.face.charToGlyph})
    if missing:
        raise DataError(
            f"expected text of Western European letters, got {printable(''.join(missing), 20)} in {shown!r}, which "
            "the printed font does not have; write it otherwise"
        )
    wide, tall = font.stringWidth(line.text, line.size_pt) / mm, line.size_pt / mm
    place = Rect(line.left_mm, line.base_mm - 0.8 * tall, line.left_mm + wide, line.base_mm + 0.25 * tall)
    if line.text and (place.right > template.size_mm[0] or place.bottom > template.size_mm[1] or place.top < 0):
        raise DataError(f"expected text on the page, got {shown!r} at {place.described}; shorten or move it")
    for area in (*marker_rects(template.size_mm), qr_rect(template.size_mm)):
        if line.text and place.overlaps(area.grown(QUIET_MM)):
            raise DataError(
                f"expected no text near the markers and the QR code, got {shown!r} at {place.described}; move it"
            )
