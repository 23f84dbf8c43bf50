"""Fills a printed page with a writer's digits, at known places."""

from dataclasses import dataclass

import cv2
import numpy as np
import pypdfium2
from numpy.typing import NDArray

from lab.benchmarks.lines.rendering import INKED, set_in_row
from mmdigit.forms.printing.pdf import print_form
from mmdigit.forms.template.layout import Rect, Slot, slots_of
from mmdigit.forms.template.template import FormField, Template
from mmdigit.forms.template.validators import checks_of
from mmdigit.training.data.splits import Digits

DPI = 300
MARGIN_MM = 1.5  # that people leave to the ends of a free field
_PX_PER_MM = DPI / 25.4
Grey = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Filled:
    """A page at DPI, (height, width), range [0, 1], 1 = white; what is written in each slot, None = nothing; and the
    writer's digits that it was written with, (n_boxes, 28, 28), uint8, n_boxes = 0 for nothing."""

    pixels: Grey
    slots: tuple[Slot, ...]
    written: tuple[str | None, ...]
    originals: tuple[NDArray[np.uint8], ...]
    writer: int


def blank_page(template: Template, page: int = 0, serial: int = 1) -> Grey:
    """As the printer leaves it."""
    document = pypdfium2.PdfDocument(print_form(template, 1, serial))
    pixels = document[page].render(scale=DPI / 72, grayscale=True).to_numpy()
    return np.asarray(pixels / np.float32(255), np.float32)


def fill(
    paper: Grey, template: Template, digits: Digits, chance: np.random.Generator, page: int = 0, *,
    blanks: float = 0.1, ink: float = 0.15
) -> Filled:  # fmt: skip
    """Write digits of one writer into the page's boxes; a share of the fields stays blank.

    ink: how dark the pen is, 0 = black.
    """
    pixels = paper.copy()
    writers = np.unique(digits.writers)
    mine = digits.select(digits.writers == -1)
    while len(np.unique(mine.labels)) < 10:  # a few writers left out a digit
        mine = digits.select(digits.writers == chance.choice(writers))
    slots = slots_of(template, page)
    written: list[str | None] = []
    originals = []
    height_mm = chance.uniform(4.6, 6.6)
    for slot in slots:
        if slot.field.type == "check" or chance.random() < blanks:
            written.append(None)
            originals.append(np.zeros((0, 28, 28), np.uint8))
            continue
        value = value_of(slot.field, chance)
        used = []
        if slot.field.free:
            used = [chance.choice(mine.images[mine.labels == int(digit)]) for digit in value]
            _write_row(pixels, used, slot.boxes[0], height_mm, ink, chance)
            written.append(value)
            originals.append(np.stack(used))
            continue
        for middle, digit in zip(slot.corners.mean(axis=1), value, strict=True):
            images = mine.images[mine.labels == int(digit)]
            used.append(images[chance.integers(len(images))])
            _write(pixels, used[-1], middle, height_mm * chance.uniform(0.9, 1.1), ink, chance)
        written.append(value)
        originals.append(np.stack(used))
    return Filled(pixels, slots, tuple(written), tuple(originals), int(mine.writers[0]))


def value_of(field: FormField, chance: np.random.Generator) -> str:
    """Digits that the field's checks pass, drawn at random."""
    checks = checks_of(field)
    while True:
        value = "".join(map(str, chance.integers(10, size=field.boxes.count)))
        if all(check(value) for check in checks):
            return value


def _write_row(
    pixels: Grey, images: list[NDArray[np.uint8]], box_mm: Rect, height_mm: float, ink: float,
    chance: np.random.Generator,
) -> None:  # fmt: skip
    """Digits one beside the other, apart as in lab.benchmarks.lines; smaller if they do not fit into the box."""
    outlines = [np.argwhere(image > INKED)[:, ::-1].astype(np.float64) for image in images]
    lefts = set_in_row(outlines, np.zeros(len(images) - 1, bool), chance)
    ends = [float(outline[:, 0].max()) + left for outline, left in zip(outlines, lefts, strict=True)]
    room_mm = box_mm.right - box_mm.left - 2 * MARGIN_MM
    scale_mm = min(height_mm / 20, room_mm / max(ends))  # of a pixel
    start_mm = box_mm.left + MARGIN_MM + chance.uniform(0, room_mm - scale_mm * max(ends))
    middle_mm = (box_mm.top + box_mm.bottom) / 2 + chance.normal(0, 0.4)
    for image, left in zip(images, lefts, strict=True):
        middle = np.array([start_mm + scale_mm * (left + 14), middle_mm])
        _write(pixels, image, middle, 20 * scale_mm, ink, chance, spread_mm=(0.0, 0.2))


def _write(
    pixels: Grey, image: NDArray[np.uint8], box_mm: NDArray[np.float64], height_mm: float, ink: float,
    chance: np.random.Generator, spread_mm: tuple[float, float] = (0.5, 0.5),
) -> None:  # fmt: skip
    """The digit's 20 pixels become height_mm; its middle lies near box_mm, at a distance of standard deviation
    spread_mm across and down."""
    scale = height_mm * _PX_PER_MM / 20
    middle = box_mm + chance.normal(0, spread_mm)
    left, top = (middle * _PX_PER_MM - 14 * scale).round().astype(int)
    side = round(28 * scale)
    alpha = cv2.resize(image.astype(np.float32) / 255, (side, side), interpolation=cv2.INTER_CUBIC).clip(0, 1)
    alpha = np.clip((cv2.GaussianBlur(alpha, (0, 0), scale / 3) - 0.25) / 0.4, 0, 1)  # a pen's edge is sharp
    target = pixels[top : top + side, left : left + side]
    np.minimum(target, 1 - (1 - ink) * alpha[: target.shape[0], : target.shape[1]], out=target)
