"""Takes the printed frames out of a field's ink, and leaves the strokes that cross them or run along them.

A line's darkness across its width is measured on the page itself. Where the page is darker, there is ink; where the
line is too dark to tell, what lies on both sides of it is carried on.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mmdigit.forms.registration.flattening import PX_PER_MM, Darkness
from mmdigit.forms.template.layout import Rect

LINE_MM = 0.42  # to each side of a frame's middle the line may reach
MARK_MM = 1.1  # to each side of a printed comma, dot or colon
ALONG, EDGES = 90, 70  # percentiles: of darkness along an edge, and of that over the field's edges
NOISE = 0.06  # darker than the line by less than that is the line
OPAQUE = 0.5  # darkness of a line from which ink beneath it is carried on from both sides
_LEAST = 0.25  # of white that is left beside a line, so that noise on a black one is not magnified


def mask_frames(strip: Darkness, boxes: Sequence[Rect], groups: Sequence[int]) -> Darkness:
    """The strip, changed in place: without the frames, and without the marks printed between groups of boxes.

    boxes: of one size, in pixels within the strip.
    """
    reach = round(LINE_MM * PX_PER_MM)
    lefts, tops, rights, bottoms = np.array(boxes, np.float64).T
    height, width = (round(float(length)) + 2 * reach for length in (bottoms[0] - tops[0], rights[0] - lefts[0]))
    for columns in (lefts, rights):
        _mask(strip.T, columns, tops - reach, height, reach)
    for rows in (tops, bottoms):
        _mask(strip, rows, lefts - reach, width, reach)
    position = 0
    for size in groups[:-1]:
        position += size
        middle, half = (boxes[position - 1].right + boxes[position].left) / 2, MARK_MM * PX_PER_MM
        strip[:, max(0, round(middle - half)) : max(0, round(middle + half))] = 0
    return strip


def _mask(
    strip: Darkness, places: NDArray[np.float64], starts: NDArray[np.float64], length: int, reach: int
) -> None:  # fmt: skip
    """Rows of a line each, at places, from starts on. places, starts: (n_edges,), pixels."""
    offsets = np.arange(-reach - 1, reach + 2)
    rows = np.round(places - 0.5).astype(int)[:, None] + offsets
    columns = np.round(starts).astype(int)[:, None] + np.arange(length)
    rows = np.clip(rows, 0, strip.shape[0] - 1)[:, :, None]
    columns = np.clip(columns, 0, strip.shape[1] - 1)[:, None, :]
    seen = strip[rows, columns]  # (n_edges, 2 * reach + 3, length)
    inner, above, below = seen[:, 1:-1], seen[:, :1], seen[:, -1:]
    each = np.percentile(inner, ALONG, axis=2)
    # A stroke along one edge does not count as its line: the other edges know better, a pixel to each side.
    usual = np.pad(np.percentile(each, EDGES, axis=0), 1, mode="edge")
    usual = np.maximum(np.maximum(usual[:-2], usual[1:-1]), usual[2:])
    line = np.minimum(each, usual)[:, :, None].astype(np.float32)
    ink = np.clip((inner - line - NOISE) / np.maximum(1 - line - NOISE, _LEAST), 0, 1)
    share = (offsets[1:-1, None] + reach + 1) / np.float32(2 * reach + 2)
    carried = (1 - share) * above + share * below
    strip[rows[:, 1:-1], columns] = ink + np.clip(line / OPAQUE, 0, 1) * np.maximum(carried - ink, 0)
