"""Whether the printed boxes of a field are where the registration says, and how far beside it they are.

Of each box's four edges a profile across the line is taken, and the median over the field's edges: writing that crosses
or covers some of them does not matter.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmdigit.forms.registration.flattening import PX_PER_MM, Darkness
from mmdigit.forms.template.layout import Slot

REACH_PX = 14  # to each side: 1.75 mm
FARTHEST_MM = 1.4  # a line farther away is not this one
MIN_CONTRAST = 0.05  # of a line against the paper beside it
NEIGHBOURS, MIN_NEIGHBOURS = 5, 3  # fields around one, itself among them
APART_MM = 0.4  # neighbours move alike
SHORTENED_MM = 1.0  # at each end of an edge, where the other edges meet it
_SAMPLES = 24  # along an edge


@dataclass(frozen=True)
class FrameFit:
    """Where a field's boxes are seen. offset_mm: right and down from where they should be. contrast: of the fainter
    direction's lines, 0 = none."""

    offset_mm: tuple[float, float]
    contrast: float

    @property
    def found(self) -> bool:
        return self.contrast >= MIN_CONTRAST and max(map(abs, self.offset_mm)) <= FARTHEST_MM


def fit_frames(darkness: Darkness, slots: Sequence[Slot]) -> list[FrameFit]:
    """The boxes of each field on the flattened page.

    A field whose lines are not found, or are elsewhere than those of the fields around it, is taken to be moved as
    those are.
    """
    return agreed([_fit_field(darkness, slot) for slot in slots], slots)


def agreed(fits: list[FrameFit], slots: Sequence[Slot]) -> list[FrameFit]:
    """Each field's own fit, or that of the fields around it where its own is not to be trusted."""
    fits = list(fits)
    sure = [index for index, fit in enumerate(fits) if fit.found]
    if len(sure) < MIN_NEIGHBOURS:
        return fits
    middles = np.array([((b.left + b.right) / 2, (b.top + b.bottom) / 2) for b in (slot.bounds for slot in slots)])
    offsets = np.array([fit.offset_mm for fit in fits])
    for index, fit in enumerate(fits):
        near = sorted(sure, key=lambda other: float(np.square(middles[other] - middles[index]).sum()))[:NEIGHBOURS]
        usual = np.median(offsets[near], axis=0)
        if not fit.found or float(np.abs(offsets[index] - usual).max()) > APART_MM:
            fits[index] = FrameFit((float(usual[0]), float(usual[1])), fit.contrast if fit.found else 0.0)
    return fits


def _fit_field(darkness: Darkness, slot: Slot) -> FrameFit:
    boxes = np.array(slot.boxes, np.float64)  # (n, 4)
    right, across = _line(_profile(darkness, boxes, upright=True))
    down, along = _line(_profile(darkness, boxes, upright=False))
    return FrameFit((right, down), min(across, along))


def _profile(darkness: Darkness, boxes: NDArray[np.float64], *, upright: bool) -> NDArray[np.float64]:
    """(2 * REACH_PX + 1,): the median over the edges of their mean darkness at each distance across the line."""
    first, last = (1, 3) if upright else (0, 2)
    places = np.concatenate([boxes[:, 0], boxes[:, 2]] if upright else [boxes[:, 1], boxes[:, 3]])
    share = np.linspace(0, 1, _SAMPLES)
    starts, ends = boxes[:, first] + SHORTENED_MM, boxes[:, last] - SHORTENED_MM
    along = np.concatenate([starts[:, None] + (ends - starts)[:, None] * share] * 2)  # (2n, _SAMPLES)
    offsets = np.arange(-REACH_PX, REACH_PX + 2)
    exact = places * PX_PER_MM - 0.5
    whole = np.floor(exact)
    across = whole.astype(int)[:, None, None] + offsets
    lengthwise = (along * PX_PER_MM).astype(int)[:, :, None]
    height, width = darkness.shape
    rows, columns = (lengthwise, across) if upright else (across, lengthwise)
    rows, columns = np.clip(rows, 0, height - 1), np.clip(columns, 0, width - 1)
    seen = darkness[rows, columns].mean(axis=1)
    part = (exact - whole)[:, None]  # profiles begin at a whole pixel, edges do not
    return np.asarray(np.median((1 - part) * seen[:, :-1] + part * seen[:, 1:], axis=0), np.float64)


def _line(profile: NDArray[np.float64]) -> tuple[float, float]:
    """Where the line is, in millimetres from the middle, and its contrast."""
    smooth = np.convolve(np.pad(profile, 1, mode="edge"), [0.25, 0.5, 0.25], mode="valid")
    peak = int(smooth[1:-1].argmax()) + 1
    before, at, after = smooth[peak - 1 : peak + 2]
    curve = before - 2 * at + after
    part = 0.5 * (before - after) / curve if curve < 0 else 0.0
    contrast = at - np.median(smooth)
    return float((peak + np.clip(part, -0.5, 0.5) - REACH_PX) / PX_PER_MM), float(contrast)
