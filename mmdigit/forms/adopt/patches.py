"""Where patches of a blank page's print are seen on a scan that has been laid flat, to a part of a pixel."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mmdigit.forms.adopt.blank import AROUND_FIELD_MM, PATCH_MM, PATCH_PX_PER_MM, BlankPage, without_writing
from mmdigit.forms.registration.fitting import Points
from mmdigit.forms.registration.flattening import PX_PER_MM, Darkness
from mmdigit.forms.registration.frames import FARTHEST_MM, FrameFit, agreed

REACH_MM = 2.5  # how far a patch may be from where the features say
ALIKE = 0.6  # correlation from which a patch is the blank's
NEIGHBOURS, APART_MM = 9, 0.5  # patches near each other move alike
FIELD_ALIKE = 0.4  # correlation of a field's print with the blank's; writing lowers it


@dataclass(frozen=True, eq=False)
class SeenPatches:
    """offsets: (n, 2), right and down in millimetres from where each patch should be. seen: (n,), which are there."""

    offsets: Points
    seen: NDArray[np.bool_]

    @property
    def balance(self) -> int:
        """Patches that are there, less those that are not: both a page with less print and one with more lose."""
        return 2 * int(self.seen.sum()) - len(self.seen)


def find_patches(small: Darkness, blank: BlankPage) -> SeenPatches:
    """Each of the blank page's patches. small: the scan as the blank's own print, at PATCH_PX_PER_MM."""
    reach, half = round(REACH_MM * PATCH_PX_PER_MM), round(PATCH_MM * PATCH_PX_PER_MM) // 2
    around = np.pad(without_writing(small, blank.slots, PATCH_PX_PER_MM), reach)
    offsets, scores = np.zeros((len(blank.patches), 2)), np.zeros(len(blank.patches))
    for index, middle in enumerate(blank.patches):
        x, y = np.round(middle * PATCH_PX_PER_MM).astype(int)
        patch = blank.print[y - half : y + half, x - half : x + half].astype(np.float32)
        window = around[y - half : y + half + 2 * reach, x - half : x + half + 2 * reach]
        offsets[index], scores[index] = _best(window, patch)
    offsets = (offsets - reach) / PATCH_PX_PER_MM
    return SeenPatches(offsets, _consistent(blank.patches, offsets, scores >= ALIKE))


def fit_fields(darkness: Darkness, blank: BlankPage) -> list[FrameFit]:
    """The boxes of each field on the flattened page, by the print in and around them; as frames.fit_frames."""
    reach = round(FARTHEST_MM * PX_PER_MM)
    around = np.pad(without_writing(darkness, blank.slots, PX_PER_MM), reach)
    fits = []
    for slot, printed in zip(blank.slots, blank.fields, strict=True):
        patch = printed.astype(np.float32)
        area = slot.bounds.grown(AROUND_FIELD_MM)
        left, top = max(0, round(area.left * PX_PER_MM)), max(0, round(area.top * PX_PER_MM))
        height, width = patch.shape
        offset, score = _best(around[top : top + height + 2 * reach, left : left + width + 2 * reach], patch)
        right, down = ((offset - reach) / PX_PER_MM).tolist()
        fits.append(FrameFit((right, down), score if score >= FIELD_ALIKE else 0.0))
    return agreed(fits, blank.slots)


def _best(window: Darkness, patch: Darkness) -> tuple[NDArray[np.float64], float]:
    """Where the patch is likest in the window, (2,) pixels right and down, and how like, range [-1, 1]."""
    if patch.size == 0 or float(patch.std()) < 1e-3:
        return np.array(window.shape[::-1], np.float64) / 2 - np.array(patch.shape[::-1]) / 2, 0.0
    likeness = np.asarray(cv2.matchTemplate(window, patch, cv2.TM_CCOEFF_NORMED), np.float32)
    row, column = np.unravel_index(int(likeness.argmax()), likeness.shape)
    x, y = _peak(likeness[row], int(column)), _peak(likeness[:, column], int(row))
    return np.array([x, y]), float(likeness[row, column])


def _peak(values: NDArray[np.float32], place: int) -> float:
    """The top of the parabola through the largest value and its neighbours."""
    if not 0 < place < len(values) - 1:
        return float(place)
    before, at, after = map(float, values[place - 1 : place + 2])
    curve = before - 2 * at + after
    return place + (0.5 * (before - after) / curve if curve < 0 else 0.0)


def _consistent(middles: Points, offsets: Points, alike: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Of the patches that are alike, those that have moved as the ones around them."""
    places = np.flatnonzero(alike)
    kept = alike.copy()
    for place in places:
        near = places[np.argsort(np.square(middles[places] - middles[place]).sum(axis=1))[:NEIGHBOURS]]
        kept[place] = np.abs(offsets[place] - np.median(offsets[near], axis=0)).max() <= APART_MM
    return kept
