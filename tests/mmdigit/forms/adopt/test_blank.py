"""The blank beside a template: only the one that the template was made for is taken, and its pages must fit."""

from pathlib import Path

import pytest

from mmdigit.forms.adopt.blank import blank_pages
from mmdigit.forms.loading import load_template
from mmdigit.forms.template.parsing import parse_template
from schemas.errors import DataError
from tests.mmdigit.forms.adopt.foreign import blank_pdf, write_form


def changed(path: Path, was: str, now: str) -> Path:
    text = path.read_text()
    assert was in text
    path.write_text(text.replace(was, now, 1))
    return path


def test_blank_pages_have_features_patches_and_fields(tmp_path: Path) -> None:
    first, second = blank_pages(load_template(write_form(tmp_path, 1, 2)))
    assert (first.number, second.number) == (1, 2)
    assert len(first.patches) > 50
    assert [slot.name for slot in first.slots] == ["number", "field2", "field3"]
    assert len(first.fields) == 3


def test_blank_pages_need_a_template_with_its_blank(tmp_path: Path) -> None:
    parsed = parse_template(write_form(tmp_path, 1).read_bytes())
    with pytest.raises(DataError, match="expected a template with its blank"):
        blank_pages(parsed)


def test_a_blank_that_changed_is_refused(tmp_path: Path) -> None:
    form = write_form(tmp_path, 1)
    before = load_template(form).digest
    (tmp_path / "blank.pdf").write_bytes(blank_pdf(2))
    with pytest.raises(DataError, match=r"expected the blank form with SHA-256 .* or adopt this one"):
        load_template(form)
    other = tmp_path / "other"
    other.mkdir()
    assert load_template(write_form(other, 1)).digest == before
    assert load_template(changed(write_form(other, 2), "form: BLAN", "form: BLAN")).digest != before


def test_a_blank_that_is_missing_is_named(tmp_path: Path) -> None:
    form = write_form(tmp_path, 1)
    (tmp_path / "blank.pdf").unlink()
    with pytest.raises(DataError, match=r"expected the blank form at .*blank.pdf, it cannot be read"):
        load_template(form)


@pytest.mark.parametrize("name", ["../blank.pdf", "/etc/passwd", "a/b.pdf", "..\\x.pdf"])
def test_a_blank_lies_beside_its_template_alone(tmp_path: Path, name: str) -> None:
    form = changed(write_form(tmp_path, 1), "file: 'blank.pdf'", f"file: '{name}'")
    with pytest.raises(DataError, match=r"line 11: blank.file"):
        load_template(form)


def test_a_blank_has_the_pages_of_its_template(tmp_path: Path) -> None:
    form = changed(write_form(tmp_path, 1), "pages:\n  - title", "pages:\n  - title: More\n  - title")
    with pytest.raises(DataError, match="expected 2 pages, as the template has, got 1"):
        load_template(form)


def test_a_blank_has_the_paper_of_its_template(tmp_path: Path) -> None:
    form = changed(write_form(tmp_path, 1), "paper: A4", "paper: Letter")
    with pytest.raises(DataError, match=r"page 1: expected 215.9 x 279.4 mm, got 210"):
        load_template(form)


def test_turned_boxes_belong_to_a_blank(tmp_path: Path) -> None:
    text = write_form(tmp_path, 2).read_text()
    start, end = text.index("blank:"), text.index("pages:\n")
    with pytest.raises(DataError, match="expected upright boxes in a form of its own, got turn_deg"):
        parse_template((text[:start] + text[end:]).encode())
