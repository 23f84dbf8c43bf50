"""A field that is turned: what is in its boxes comes out upright, where the slot says that the boxes are."""

from dataclasses import replace

import numpy as np
import pytest

from mmdigit.forms.registration.flattening import PX_PER_MM
from mmdigit.forms.registration.frames import FrameFit
from mmdigit.forms.registration.upright import turned_upright
from mmdigit.forms.template.layout import slots_of
from tests.mmdigit.forms.written import TEMPLATE


@pytest.mark.parametrize("turn_deg", [-12.0, 3.0])
@pytest.mark.parametrize("offset_mm", [(0.0, 0.0), (0.8, -0.5)])
def test_turned_upright_puts_each_box_where_it_says(turn_deg: float, offset_mm: tuple[float, float]) -> None:
    slot = replace(slots_of(TEMPLATE, 0)[0], turn_deg=turn_deg)
    page = np.zeros((297 * PX_PER_MM, 210 * PX_PER_MM), np.float32)
    for x, y in slot.corners.mean(axis=1) + np.array(offset_mm):
        left, top = round((x - 0.5) * PX_PER_MM), round((y - 0.5) * PX_PER_MM)
        page[top : top + PX_PER_MM, left : left + PX_PER_MM] = 1.0
    seen, upright = turned_upright(page, slot, FrameFit(offset_mm, 1.0), 1.0)
    assert upright.turn_deg == 0
    assert upright.name == slot.name
    for box in upright.boxes:
        left, top, right, bottom = (round(side * PX_PER_MM) for side in box)
        rows, columns = np.nonzero(seen[top:bottom, left:right] > 0.5)
        assert (columns.mean() + 0.5) / PX_PER_MM == pytest.approx((box.right - box.left) / 2, abs=0.1)
        assert (rows.mean() + 0.5) / PX_PER_MM == pytest.approx((box.bottom - box.top) / 2, abs=0.1)


def test_slot_has_bounds_around_its_turned_boxes() -> None:
    slot = replace(slots_of(TEMPLATE, 0)[0], turn_deg=10.0)
    assert slot.corners[0, 0] == pytest.approx(slot.boxes[0][:2])
    assert slot.bounds.left < slot.boxes[0].left
    assert slot.bounds.bottom > slot.boxes[0].bottom + 5
