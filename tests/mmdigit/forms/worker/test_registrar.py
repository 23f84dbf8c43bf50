"""A page as it is kept, and its jobs: alike each time, and of the right form among several."""

import io
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lab.benchmarks.forms.filling import Filled, fill
from mmdigit.forms.cells.jobs import group_of
from mmdigit.forms.collecting.deciding import decide_page, job_ids_of
from mmdigit.forms.pages.page import PageFault, ScannedPage
from mmdigit.forms.reading.form_reader import FormReader
from mmdigit.forms.sheets.keeping import PageOrigin
from mmdigit.forms.spoken.hearing import FieldHearer
from mmdigit.forms.spoken.recordings import Recordings
from mmdigit.forms.template.parsing import example, parse_template
from mmdigit.forms.worker.registrar import PageRegistrar, RegisteredPage
from mmdigit.numbers.prompts import spoken_wav
from mmdigit.reading.model_input import decode_input
from mmdigit.reading.predictor import Predictor
from schemas.errors import SettingsError
from tests.mmdigit.forms.adopt.foreign import filled_foreign, template_of
from tests.mmdigit.forms.written import SPOKEN, TEMPLATE, filled_page, paper, sample_digits, scanned_page

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


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return Predictor.load()


def spoken_wavs(filled: Filled, **changes: str) -> dict[str, bytes]:
    """A recording of each spoken field as it is written, or as the changes say."""
    written = {slot.name: text for slot, text in zip(filled.slots, filled.written, strict=True)}
    said = {name: changes.get(name, written[name] or "") for name in ("member", "born", "amount")}
    return {name: spoken_wav("".join(filter(str.isdigit, text))) for name, text in said.items() if text}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_spoken_page_has_the_values_that_form_read_gives(seed: int, predictor: Predictor, tmp_path: Path) -> None:
    filled = fill(paper(SPOKEN), SPOKEN, sample_digits(), np.random.default_rng(seed))
    scanned = replace(scanned_page(filled.pixels), number=7)
    recordings = spoken_wavs(filled, **({"member": "12345678", "amount": "1"} if seed == 2 else {}))
    for name, content in recordings.items():
        (tmp_path / f"1.{name}.wav").write_bytes(content)
    if seed == 3:
        (tmp_path / "1.member.wav").write_bytes(recordings["member"][:60])
    folder = Recordings(tmp_path)
    sent = folder.of_page(1, 1).all_of(["member", "born", "amount"])
    registered = PageRegistrar([SPOKEN], FieldHearer(predictor)).register(scanned, ORIGIN, sent)
    inputs = [decode_input(job.image, job.audio) for job in registered.jobs]
    outcomes = dict(zip(job_ids_of(registered.page), predictor.predict(inputs), strict=True))
    values = decide_page(SPOKEN, registered.page, outcomes)

    page, read = FormReader(SPOKEN, predictor, recordings=folder).keep(scanned, ORIGIN)
    assert page == registered.page
    assert [replace(value, chance=None) for value in values] == [replace(value, chance=None) for value in read]
    for mine, other in zip(values, read, strict=True):
        assert mine.chance == pytest.approx(other.chance, abs=1e-5)
    found = {value.name: value for value in values}
    assert any(job.audio is not None for job in registered.jobs)
    assert set(page.heard) == set(recordings) & {"member", "born", "amount"}
    if seed == 2:
        assert "conflict" in found["member"].reasons
        assert "spoken_differs" in found["amount"].reasons
    if seed == 3:
        assert found["member"].reasons[0] == "not_heard"
    assert not {"not_heard", "spoken_differs"} & set(found["born"].reasons)


def test_recordings_of_a_form_without_spoken_fields_are_left(predictor: Predictor) -> None:
    scanned = scanned_page(filled_page().pixels)
    sent = {"member": b"no sound", "*": b""}
    once = PageRegistrar([TEMPLATE], FieldHearer(predictor)).register(scanned, ORIGIN, sent)
    assert once == PageRegistrar([TEMPLATE]).register(scanned, ORIGIN)
