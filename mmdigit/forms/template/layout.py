"""Where everything stands on a page, in millimetres: markers, QR code, each field's boxes; and what is in the way.

The eight markers stand at fixed places of every form, so that a page can be registered before it is known which form
it is.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mmdigit.forms.template.template import MAX_CELLS, FormField, FormPage, Template
from mmdigit.forms.template.yaml_document import Path
from schemas.printable import printable

MARKER_MM = 10.0
MARKER_EDGE_MM = 10.0  # from the paper's edge to a marker: printers leave up to 5 mm white
QUIET_MM = 4.0  # around markers and QR code nothing is printed
QR_MM = 16.0
QR_TOP_MM = 8.0
BORDER_MM = 5.0  # no box nearer to the paper's edge
N_MARKERS = 8
_INNER = 0.9  # of a turned box: neighbours that share an edge do not overlap
FORM_COLUMNS = ("form", "revision", "serial", "pages", "decision", "template")
"""Of every table, before those of its fields, which therefore have other names."""


class Rect(NamedTuple):
    """left and top from the page's corner, right and bottom beyond them; millimetres."""

    left: float
    top: float
    right: float
    bottom: float

    def grown(self, by_mm: float) -> "Rect":
        return Rect(self.left - by_mm, self.top - by_mm, self.right + by_mm, self.bottom + by_mm)

    def overlaps(self, other: "Rect") -> bool:
        """Whether they share more than an edge."""
        return bool(_overlap(np.array([self]), np.array(other))[0])

    @property
    def described(self) -> str:
        return f"{self.left:g}-{self.right:g} x {self.top:g}-{self.bottom:g} mm"


@dataclass(frozen=True)
class Slot:
    """One field on a page, of a grid in one of its rows."""

    field: FormField
    boxes: tuple[Rect, ...]
    """Before they are turned."""
    path: Path
    """Of the field in the template."""
    records: str | None = None
    row: int | None = None
    """From 0."""
    turn_deg: float = 0.0
    """By so much all boxes are turned clockwise around the first one's top left corner."""
    framed: bool = True
    """Whether the frames are to be masked; not where all print has been taken away."""

    @property
    def name(self) -> str:
        """Of the field; in a grid with the grid's name and the row's number from 1: items.3.amount."""
        return self.field.name if self.row is None else f"{self.records}.{self.row + 1}.{self.field.name}"

    @property
    def column(self) -> str:
        """The same for all rows of a grid: items.amount."""
        return self.field.name if self.records is None else f"{self.records}.{self.field.name}"

    @property
    def bounds(self) -> Rect:
        """The upright rectangle around all boxes."""
        if not self.turn_deg:
            return Rect(self.boxes[0].left, self.boxes[0].top, self.boxes[-1].right, self.boxes[0].bottom)
        corners = self.corners.reshape(-1, 2)
        (left, top), (right, bottom) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
        return Rect(left, top, right, bottom)

    @property
    def corners(self) -> NDArray[np.float64]:
        """(n_boxes, 4, 2), millimetres: where each box's corners are, clockwise from its top left one."""
        corners = corners_of(self.boxes)
        if not self.turn_deg:
            return corners
        pivot = corners[0, 0]
        return np.asarray(pivot + turned(corners - pivot, self.turn_deg))


def marker_rects(size_mm: tuple[float, float]) -> tuple[Rect, ...]:
    """The eight markers by their number: clockwise from the top left corner, corners and mid-edges in turn."""
    width, height = size_mm
    lefts = MARKER_EDGE_MM, (width - MARKER_MM) / 2, width - MARKER_EDGE_MM - MARKER_MM
    tops = MARKER_EDGE_MM, (height - MARKER_MM) / 2, height - MARKER_EDGE_MM - MARKER_MM
    places = ((0, 0), (1, 0), (2, 0), (2, 1), (2, 2), (1, 2), (0, 2), (0, 1))
    return tuple(Rect(lefts[x], tops[y], lefts[x] + MARKER_MM, tops[y] + MARKER_MM) for x, y in places)


def marker_corners(size_mm: tuple[float, float]) -> NDArray[np.float64]:
    """(8, 4, 2), millimetres: each marker's corners, clockwise from its top left one, as OpenCV orders them."""
    return corners_of(marker_rects(size_mm))


def corners_of(rects: Sequence[Rect]) -> NDArray[np.float64]:
    """(n, 4, 2): each rectangle's corners, clockwise from its top left one."""
    return np.array([[(r.left, r.top), (r.right, r.top), (r.right, r.bottom), (r.left, r.bottom)] for r in rects])


def turned(points: NDArray[np.float64], degrees: float) -> NDArray[np.float64]:
    """(..., 2), turned clockwise around the origin; y points down."""
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.asarray(points @ np.array([[cosine, sine], [-sine, cosine]]))


def qr_rect(size_mm: tuple[float, float]) -> Rect:
    """The QR code, beside the top right marker."""
    right = size_mm[0] - MARKER_EDGE_MM - MARKER_MM - QUIET_MM - 1
    return Rect(right - QR_MM, QR_TOP_MM, right, QR_TOP_MM + QR_MM)


def boxes_of(field: FormField, down_mm: float = 0.0) -> tuple[Rect, ...]:
    """The boxes of a field, shifted down for a grid's row; of a free field one around all of them."""
    boxes, (width, height) = field.boxes, field.boxes.size_mm
    left, top = boxes.at_mm[0], boxes.at_mm[1] + down_mm
    if field.free:
        return (Rect(left, top, left + (boxes.count - 1) * boxes.pitch_mm + width, top + height),)
    rects = []
    for position, size in enumerate(field.groups):
        for _ in range(size):
            rects.append(Rect(left, top, left + width, top + height))
            left += boxes.pitch_mm
        left += boxes.gap_mm if position < len(field.groups) - 1 else 0
    return tuple(rects)


def slots_of(template: Template, page: int) -> tuple[Slot, ...]:
    """Every field of a page, counted from 0, grids unfolded row by row."""
    content = template.pages[page]
    slots = [
        Slot(field, boxes_of(field), ("pages", page, "fields", index), turn_deg=field.boxes.turn_deg)
        for index, field in enumerate(content.fields)
    ]
    for number, records in enumerate(content.records):
        path: Path = ("pages", page, "records", number)
        slots += [
            Slot(
                field,
                boxes_of(field, row * records.pitch_mm),
                (*path, "fields", index),
                records.name,
                row,
                field.boxes.turn_deg,
            )
            for row in range(records.rows)
            for index, field in enumerate(records.fields)
        ]
    return tuple(slots)


def problems(template: Template) -> Iterator[tuple[Path, str]]:
    """What is wrong with where things stand: the place in the template, and a message."""
    seen = set(FORM_COLUMNS)
    for number, page in enumerate(template.pages):
        if template.either_page:
            seen = set(FORM_COLUMNS)  # the same value, wherever it stands on a page
        named: list[tuple[Path, str]] = [
            *((("pages", number, "fields", index), each.name) for index, each in enumerate(page.fields)),
            *((("pages", number, "records", index), each.name) for index, each in enumerate(page.records)),
        ]
        for path, name in named:
            if name in FORM_COLUMNS:
                yield path, f"expected a name that is no column of every table, got {name}; rename it"
            elif name.lower() in seen:  # pictures are files by these names
                yield path, f"expected each name once, in any case of letters, got {name} again; rename one"
            seen.add(name.lower())
        for index, records in enumerate(page.records):
            names = [field.name.lower() for field in records.fields]
            if len(set(names)) < len(names):
                yield ("pages", number, "records", index), "expected each name once in a grid, got one twice; rename it"
        count = _cells(page)
        if count > MAX_CELLS:
            yield ("pages", number), f"expected at most {MAX_CELLS} boxes on a page, got {count}; split the page"
        else:
            yield from _misplaced(template, number)
            yield from _aslant(template, number)


def _cells(page: FormPage) -> int:
    plain = sum(field.boxes.count for field in page.fields)
    return plain + sum(each.rows * field.boxes.count for each in page.records for field in each.fields)


def _misplaced(template: Template, page: int) -> Iterator[tuple[Path, str]]:
    width, height = template.size_mm
    slots = slots_of(template, page)
    owners = [slot for slot in slots for _ in slot.boxes]
    rects = np.array([box for slot in slots for box in _upright(slot)], np.float64).reshape(-1, 4)
    border = BORDER_MM if template.blank is None else 0.0
    paper = Rect(border, border, width - border, height - border)
    outside = (rects[:, :2] < paper[:2]).any(axis=1) | (rects[:, 2:] > paper[2:]).any(axis=1)
    told: set[Path] = set()
    for index in np.flatnonzero(outside):
        slot = owners[index]
        if slot.path not in told:
            told.add(slot.path)
            box = Rect(*rects[index]).described
            yield slot.path, f"expected boxes within {paper.described}, got {slot.name} at {box}; move or shrink it"
    kept_clear = {"a marker": marker_rects(template.size_mm), "the QR code": (qr_rect(template.size_mm),)}
    if template.blank is not None:
        kept_clear = {}
    for name, areas in kept_clear.items():
        for area in (each.grown(QUIET_MM) for each in areas):
            for index in np.flatnonzero(_overlap(rects, np.array(area))):
                slot = owners[index]
                if slot.path not in told:
                    told.add(slot.path)
                    yield slot.path, f"expected no box at {area.described}, where {name} is, got {slot.name}; move it"
    for first in range(len(rects)):
        for other in first + 1 + np.flatnonzero(_overlap(rects[first + 1 :], rects[first])):
            one, two = owners[first], owners[other]
            if two.path not in told:
                told.add(two.path)
                box = Rect(*rects[other]).described
                yield two.path, f"expected boxes apart, got {two.name} over {one.name} at {box}; move one"
    for line, text in enumerate(template.pages[page].texts):
        if not (0 <= text.at_mm[0] <= width and 0 <= text.at_mm[1] <= height):
            yield (
                ("pages", page, "texts", line),
                f"expected text on the page, got {printable(text.text, 20)} beside it",
            )


def _aslant(template: Template, page: int) -> Iterator[tuple[Path, str]]:
    """Boxes that are turned although printing, or a grid, knows upright ones alone."""
    for slot in slots_of(template, page):
        if slot.turn_deg and not slot.row and (template.blank is None or slot.row is not None):
            where = "in a grid" if slot.row is not None else "in a form of its own"
            yield slot.path, f"expected upright boxes {where}, got turn_deg {slot.turn_deg:g}; remove it"


def _upright(slot: Slot) -> tuple[Rect, ...]:
    """Where the boxes are, about: turned ones as upright ones in the same places, a little smaller."""
    if not slot.turn_deg:
        return slot.boxes
    middles, half = slot.corners.mean(axis=1), np.array(slot.field.boxes.size_mm) * _INNER / 2
    return tuple(Rect(*(middle - half).tolist(), *(middle + half).tolist()) for middle in middles)


def _overlap(rects: NDArray[np.float64], area: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which of the rectangles, (N, 4), share more than an edge with the area."""
    slack = 1e-6
    return np.asarray(
        (rects[:, 0] < area[2] - slack)
        & (rects[:, 2] > area[0] + slack)
        & (rects[:, 1] < area[3] - slack)
        & (rects[:, 3] > area[1] + slack)
    )
