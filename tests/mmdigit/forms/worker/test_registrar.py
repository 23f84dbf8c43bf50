"""A page as it is kept, and its jobs: alike each time, and of the right form among several."""

import io
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmdigit.forms.cells.jobs import group_of
from mmdigit.forms.pages.page import PageFault, ScannedPage
from mmdigit.forms.sheets.keeping import PageOrigin
from mmdigit.forms.template.parsing import example, parse_template
from mmdigit.forms.worker.registrar import PageRegistrar, RegisteredPage
from schemas.errors import SettingsError
from tests.mmdigit.forms.adopt.foreign import filled_foreign, template_of
from tests.mmdigit.forms.written import TEMPLATE, filled_page, paper, scanned_page

NOW = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
ORIGIN = PageOrigin("stack.pdf", "0f" * 32, NOW, "Example ScanSnap")
OTHER = parse_template(example().replace(b"form: ", b"form: ZZZ9 #"))
LATER = TEMPLATE.model_copy(update={"revision": TEMPLATE.revision + 1})


def register(page: ScannedPage | PageFault, *registrars: PageRegistrar) -> RegisteredPage:
    [registrar] = registrars or (PageRegistrar([TEMPLATE]),)
    return registrar.register(replace(page, number=7), ORIGIN)


def test_register_keeps_each_field_with_its_cells_and_crop() -> None:
    filled = filled_page()
    registered = register(scanned_page(filled.pixels))
    page = registered.page
    assert (page.state, page.serial, page.page, page.number, page.scanner) == ("read", 1, 1, 7, "Example ScanSnap")
    assert [field.name for field in page.fields] == [slot.name for slot in filled.slots]
    ids = [cell.job_id for field in page.fields for cell in field.cells if cell.job_id is not None]
    assert ids == [job.job_id for job in registered.jobs]
    assert len(set(ids)) == len(ids) > 20
    assert {job.group for job in registered.jobs} == {page.group} == {group_of("0f" * 32, 7, TEMPLATE)}
    for field in page.fields:
        assert field.frame_found
        with Image.open(io.BytesIO(field.crop)) as crop:
            assert (crop.format, crop.mode) == ("PNG", "L")
            assert np.asarray(crop).max() > 200


def test_register_gives_the_same_page_and_ids_again() -> None:
    page = scanned_page(filled_page().pixels)
    once, again = register(page), register(page)
    assert once == again


def test_register_keeps_a_fault_with_its_reason() -> None:
    registered = register(PageFault(1, "unreadable", "expected a page, got none"))
    assert (registered.page.state, registered.page.message) == ("unreadable", "expected a page, got none")
    assert (registered.page.fields, registered.jobs) == ((), ())
    assert register(scanned_page(np.ones((2000, 1500), np.float32))).page.state == "blank_page"


def test_register_finds_the_form_among_several_in_any_order() -> None:
    registrar = PageRegistrar([TEMPLATE, OTHER])
    mine, other = scanned_page(paper()), scanned_page(paper(OTHER))
    found = [register(page, registrar).page for page in (mine, other, mine, other)]
    assert [(page.form, page.state) for page in found] == [(TEMPLATE.form, "read"), (OTHER.form, "read")] * 2


def test_page_of_no_form_is_kept_with_the_first() -> None:
    registrar = PageRegistrar([TEMPLATE, LATER])
    foreign = scanned_page(paper(OTHER))
    for before in (scanned_page(paper()), scanned_page(paper(LATER))):
        register(before, registrar)
        page = register(foreign, registrar).page
        assert (page.state, page.template) == ("foreign_form", TEMPLATE.digest)


def test_page_of_another_revision_is_kept_with_its_form() -> None:
    registrar = PageRegistrar([OTHER, LATER])
    page = register(scanned_page(paper()), registrar).page
    assert (page.state, page.template) == ("wrong_revision", LATER.digest)


def test_registrar_refuses_one_form_twice() -> None:
    with pytest.raises(SettingsError, match=r"got revision \d+ of form \w+ twice"):
        PageRegistrar([TEMPLATE, TEMPLATE.model_copy(update={"title": "another"})])


def test_register_finds_an_adopted_form_among_several(tmp_path: Path) -> None:
    adopted = template_of(tmp_path, 1, 2)
    registrar = PageRegistrar([TEMPLATE, adopted])
    own, foreign = scanned_page(paper()), scanned_page(filled_foreign(adopted, 1, 1).pixels)
    found = [register(page, registrar) for page in (own, foreign, own)]
    assert [(each.page.form, each.page.serial, each.page.page) for each in found] == [
        (TEMPLATE.form, 1, 1), (adopted.form, None, 2), (TEMPLATE.form, 1, 1),
    ]  # fmt: skip
    assert len(found[1].jobs) == 9
