"""The draft of a template: it loads as it is, says where each field is, and is for a person to finish."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmdigit.forms.adopt.drafting import draft_template
from mmdigit.forms.loading import load_template
from schemas.errors import DataError
from tests.mmdigit.forms.adopt.foreign import ASLANT, foreign_paper, write_form


def test_draft_is_a_template_with_comments(tmp_path: Path) -> None:
    form = write_form(tmp_path, 1, 2, names=False)
    template, text = load_template(form), form.read_text()
    assert "# A form that somebody else printed" in text
    assert "mmdigit form check form.yaml --scan blank.pdf" in text
    assert (template.form, template.paper) == ("BLAN", "A4")
    first, second = template.pages
    assert [(field.name, field.type, field.boxes.count) for field in first.fields] == [
        ("field1", "digits", 9), ("field2", "digits", 4), ("field3", "check", 1),
    ]  # fmt: skip
    assert second.fields[0].name == "field1"  # the same column, on another page
    assert second.fields[0].boxes.turn_deg == pytest.approx(ASLANT[2], abs=0.11)


def test_draft_of_pages_that_belong_together_names_the_page(tmp_path: Path) -> None:
    template = load_template(write_form(tmp_path, 1, 2, pages="together", names=False))
    assert template.pages[1].fields[0].name == "page2_field1"
    assert not template.either_page


def test_draft_of_a_page_without_boxes_is_empty(tmp_path: Path) -> None:
    assert load_template(write_form(tmp_path, 1, 3)).pages[1].fields == ()


def test_draft_template_refuses_a_blank_without_boxes(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected closed boxes of 3 to 15 mm, got none"):
        write_form(tmp_path, 3)


def test_draft_template_needs_the_size_of_an_image(tmp_path: Path) -> None:
    pixels = np.round(255 * foreign_paper(1)).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "plain.png")
    with pytest.raises(DataError, match="expected a file that says its size, got an image without dpi"):
        draft_template(tmp_path / "plain.png", tmp_path / "form.yaml", "together")
    Image.fromarray(pixels).save(tmp_path / "it's.png", dpi=(300, 300))
    (tmp_path / "form.yaml").write_text(draft_template(tmp_path / "it's.png", tmp_path / "form.yaml", "together"))
    assert [len(page.fields) for page in load_template(tmp_path / "form.yaml").pages] == [3]


def test_draft_template_names_a_blank_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"expected a blank form at .*none.pdf, it cannot be read"):
        draft_template(tmp_path / "none.pdf", tmp_path / "form.yaml", "either")
