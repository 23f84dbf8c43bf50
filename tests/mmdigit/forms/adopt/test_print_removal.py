"""Print is taken away where the blank has it; a stroke that crosses it stays whole."""

import numpy as np
import pytest

from mmdigit.forms.adopt.blank import BlankPage, blank_pages, laid
from mmdigit.forms.adopt.print_removal import without_print
from mmdigit.forms.registration.flattening import PX_PER_MM, Darkness
from mmdigit.forms.registration.frames import FrameFit
from mmdigit.forms.template.layout import Rect
from tests.mmdigit.forms.adopt.foreign import ASLANT, PITCH_MM, TALL_MM, foreign_paper, template_of

EXACT = FrameFit((0.0, 0.0), 1.0)


@pytest.fixture(scope="module")
def blank(tmp_path_factory: pytest.TempPathFactory) -> BlankPage:
    return blank_pages(template_of(tmp_path_factory.mktemp("form"), 1, 2))[1]


def page() -> Darkness:
    return laid(np.asarray(np.round(255 * foreign_paper(2)), np.uint8), (210.0, 297.0))


def area(rect: Rect) -> tuple[slice, slice]:
    left, top, right, bottom = (round(side * PX_PER_MM) for side in rect)
    return np.s_[top:bottom, left:right]


def test_without_print_leaves_empty_boxes_empty(blank: BlankPage) -> None:
    seen = page()
    there = area(blank.slots[0].bounds.grown(1))
    assert seen[there].max() > 0.5
    assert without_print(seen, blank, [EXACT])[there].max() < 0.1


def test_without_print_follows_the_frames(blank: BlankPage) -> None:
    moved = np.roll(page(), (5, -7), axis=(0, 1))
    there = area(blank.slots[0].bounds.grown(0.5))
    cleared = without_print(moved, blank, [FrameFit((-7 / PX_PER_MM, 5 / PX_PER_MM), 1.0)])
    assert cleared[there].max() < 0.1


def test_without_print_keeps_a_stroke_across_a_line(blank: BlankPage) -> None:
    seen = page()
    turn = np.radians(ASLANT[2])
    along, down = 4.5 * PITCH_MM, TALL_MM  # the middle of the fifth box's lower line
    x = ASLANT[0] + along * np.cos(turn) - down * np.sin(turn)
    y = ASLANT[1] + along * np.sin(turn) + down * np.cos(turn)
    stroke = area(Rect(x - 0.3, y - 3, x + 0.3, y + 1.5))
    seen[stroke] = 0.8
    kept = without_print(seen, blank, [EXACT])[stroke]
    assert (kept.mean(axis=1) > 0.6).all()


def test_without_print_takes_a_field_at_the_edge_of_the_page(blank: BlankPage) -> None:
    far = FrameFit((-500.0, 500.0), 1.0)
    assert np.array_equal(without_print(page(), blank, [far]), page())
