"""Flattening: a page in black and white alone gets slopes of grey, any other stays as it is."""

import numpy as np

from mmdigit.forms.registration.flattening import softened


def test_softened_changes_a_page_without_grey_alone() -> None:
    page = np.full((400, 300), 255, np.uint8)
    page[100:200, 100:104] = 0
    soft = softened(page)
    assert ((soft > 20) & (soft < 235)).any()
    assert abs(int(soft.sum()) - int(page.sum())) < 0.001 * page.sum()
    assert softened(soft) is soft
