"""The reader without one of its parts, to show what the part is worth."""

from collections.abc import Sequence
from typing import Final, Literal, get_args

from mmdigit.forms.cells import reader
from mmdigit.forms.pages.page import Pixels
from mmdigit.forms.registration import fitting
from mmdigit.forms.registration.fitting import Markers, find_markers
from mmdigit.forms.registration.flattening import Darkness
from mmdigit.forms.sheets import placing
from mmdigit.forms.template.layout import Rect

Ablation = Literal["validators", "masks", "markers"]
ABLATIONS: Final[tuple[Ablation, ...]] = get_args(Ablation)
"""Fields without their check digits, boxes with their frames, pages with the four markers in the corners alone."""


def ablate(what: Ablation) -> None:
    """Take it out of this process for good. Validators are for read_page to leave out: they belong to the fields."""
    if what == "masks":
        setattr(reader, "mask_frames", _unmasked)  # noqa: B010
    elif what == "markers":
        setattr(placing, "find_markers", _corners)  # noqa: B010
        setattr(fitting, "MIN_MARKERS", 4)  # noqa: B010


def _unmasked(strip: Darkness, boxes: Sequence[Rect], groups: Sequence[int]) -> Darkness:
    return strip


def _corners(pixels: Pixels) -> Markers:
    found = find_markers(pixels)
    kept = [row for row, marker in enumerate(found.ids) if marker % 2 == 0]
    return Markers(tuple(found.ids[row] for row in kept), found.corners[kept])
