"""The template that `mmdigit form adopt` offers: the boxes that are found on a blank, for a person to name."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from mmdigit.files.regular import read_regular
from mmdigit.forms.adopt.blank import MAX_BLANK_BYTES, SIZE_MM, decode_blank, laid, size_of
from mmdigit.forms.adopt.box_finding import BoxRow, find_rows
from mmdigit.forms.template.template import PAPERS
from schemas.errors import DataError
from schemas.printable import printable

INSIDE_MM = 0.1  # boxes are written a little smaller than they are: neighbours that share a line then stand apart
CHECK_MM, CHECK_SHAPE = 8.0, 0.8  # a single box, no larger and nearly square, is taken for a check mark

HEAD = """\
# A form that somebody else printed, with the boxes that were found on its blank. Give each field the name of its
# column in the table, remove what is no field, add what was not found. Lengths are millimetres from the page's left
# and top edges. Then draw the boxes over a page of the blank, or over a scan:
#   mmdigit form check {output} --scan {file} -o boxes.png

version: 1            # of this file's layout, always 1
form: {form}            # code of the form, four of A-Z and 0-9; it stands in the table
revision: 1           # raise it when the form is printed anew
paper: {paper}
blank:
  file: {quoted}
  sha256: {sha256}
  pages: {pages}

pages:
"""
PAGES = {
    "together": "together     # a copy has all the pages, one scan after the other; either: each scan is a copy",
    "either": "either       # each scan is a copy, on one of the pages; together: a copy has all of them",
}


def draft_template(blank: Path, output: Path, pages: Literal["together", "either"]) -> str:
    """The text of a template for the blank form: a field for each row of boxes. output: where it will be.

    Raises DataError if the blank cannot be read, or shows no boxes.
    """
    name = printable(str(blank), 200)
    try:
        content = read_regular(blank, MAX_BLANK_BYTES)
    except OSError as exc:
        raise DataError(f"expected a blank form at {name}, it cannot be read ({exc.strerror}); check the path") from exc
    decoded = decode_blank(content, blank.name)
    size = size_of(decoded[0])
    if size is None:
        raise DataError(f"{name}: expected a file that says its size, got an image without dpi; save it as PDF")
    rows = [find_rows(laid(page.pixels, size)) for page in decoded]
    if not any(rows):
        raise DataError(f"{name}: expected closed boxes of 3 to 15 mm, got none; describe the fields by hand")
    head = HEAD.format(
        output=printable(output.name, 100), file=printable(blank.name, 100), form=_code(blank), paper=_paper(size),
        quoted=_quoted(blank.name), sha256=hashlib.sha256(content).hexdigest(), pages=PAGES[pages],
    )  # fmt: skip
    prefixes = ["" if pages == "either" or len(rows) == 1 else f"page{number + 1}_" for number in range(len(rows))]
    return head + "".join(
        line for page, prefix in zip(enumerate(rows, 1), prefixes, strict=True) for line in _page(*page, prefix)
    )


def _page(number: int, rows: Sequence[BoxRow], prefix: str) -> Iterator[str]:
    yield f"  - title: Page {number}\n"
    yield "    fields:\n" if rows else "    fields: []\n"
    for index, row in enumerate(rows, 1):
        width, height = (side - 2 * INSIDE_MM for side in row.size_mm)
        single = row.count == 1 and max(width, height) <= CHECK_MM and CHECK_SHAPE <= width / height <= 1 / CHECK_SHAPE
        left, top = (place + INSIDE_MM for place in row.at_mm)
        turn = f", turn_deg: {row.turn_deg:g}" if row.turn_deg else ""
        yield f"      - name: {prefix}field{index}\n"
        yield f"        type: {'check' if single else 'digits'}\n"
        yield (
            f"        boxes: {{at_mm: [{left:.2f}, {top:.2f}], size_mm: [{width:.2f}, {height:.2f}], "
            f"pitch_mm: {max(row.pitch_mm, width + 0.01):.3f}, count: {row.count}{turn}}}\n"
        )


def _code(blank: Path) -> str:
    letters = re.sub(r"[^A-Z0-9]", "", blank.stem.upper())
    return (letters or "FORM")[:4].ljust(4, "X")


def _paper(size_mm: tuple[float, float]) -> str:
    for name, paper in PAPERS.items():
        if max(abs(size_mm[axis] - paper[axis]) for axis in (0, 1)) < SIZE_MM:
            return name
    return f"[{size_mm[0]:.1f}, {size_mm[1]:.1f}]"


def _quoted(name: str) -> str:
    return "'" + name.replace("'", "''") + "'"
