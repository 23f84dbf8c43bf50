"""Free fields of a scanned page are read as lines of digits, in one process and by way of a page worker alike."""

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from lab.benchmarks.forms.filling import Filled, fill
from mmdigit.forms.cells.reader import Cell
from mmdigit.forms.collecting.deciding import decide_page
from mmdigit.forms.fields.weighing import DEAD_LETTER
from mmdigit.forms.free.reader import FIELD_REASONS, FreeFieldReader
from mmdigit.forms.pages.page import ScannedPage
from mmdigit.forms.reading.form_reader import FormReader, ReadPage
from mmdigit.forms.registration.flattening import Darkness
from mmdigit.forms.template.layout import slots_of
from mmdigit.forms.worker.registrar import PageRegistrar, RegisteredPage
from mmdigit.numbers.written_number import LineReason
from mmdigit.reading.predictor import Predictor
from tests.mmdigit.forms.sheets.test_keeping import ORIGIN
from tests.mmdigit.forms.written import FREE, paper, sample_digits, scanned_page

MEMBER = slots_of(FREE, 0)[0]


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return Predictor.load()


def filled(seed: int) -> Filled:
    return fill(paper(FREE), FREE, sample_digits(), np.random.default_rng(seed), blanks=0.0)


def registered(page: ScannedPage, predictor: Predictor) -> RegisteredPage:
    return PageRegistrar([FREE], free=FreeFieldReader(predictor)).register(page, ORIGIN)


def test_every_reason_of_a_line_is_one_of_a_field() -> None:
    assert set(FIELD_REASONS) == set(get_args(LineReason))


def test_digits_in_one_box_are_read(predictor: Predictor) -> None:
    reader, right, accepted = FormReader(FREE, predictor), 0, 0
    for seed in range(4):
        page = filled(seed)
        found = reader.read(scanned_page(page.pixels))
        assert isinstance(found, ReadPage)
        value = found.values[0]
        right += value.text == page.written[0]
        accepted += value.decision == "accept"
        assert value.decision == "review" or value.text == page.written[0]
    assert (right >= 3, accepted >= 2) == (True, True)


def test_page_worker_keeps_what_the_form_reader_reads(predictor: Predictor) -> None:
    page = scanned_page(filled(1).pixels)
    kept = registered(page, predictor)
    read = FormReader(FREE, predictor).read(page)
    assert isinstance(read, ReadPage)
    field = kept.page.fields[0]
    assert [cell.job_id for cell in field.cells] == [None]
    assert field.crop.startswith(b"\x89PNG")
    [value, *_] = decide_page(FREE, kept.page, {job.job_id: DEAD_LETTER for job in kept.jobs})
    assert (value.text, value.chance) == (read.values[0].text, read.values[0].chance)
    assert (value.reasons, value.model_version) == (read.values[0].reasons, predictor.model_version)


def test_blank_field_is_not_read(predictor: Predictor) -> None:
    kept = registered(scanned_page(paper(FREE)), predictor).page
    assert [cell.line for cell in kept.fields[0].cells] == [None]
    assert decide_page(FREE, kept, {})[0].reasons == ("blank",)


def cell(line: Darkness) -> Cell:
    return Cell(MEMBER, 0, "digit", np.zeros((28, 28), np.uint8), 20.0, line)


@settings(max_examples=25, deadline=None)
@given(
    arrays.arrays(np.float32, st.tuples(st.integers(8, 60), st.integers(8, 90)), elements=st.floats(0, 1, width=32))
)  # fmt: skip
def test_any_ink_gives_eight_digits_or_reasons(predictor: Predictor, line: Darkness) -> None:
    read = FreeFieldReader(predictor).read([[cell(line)]])["member"]
    assert all(len(digit) == 10 for digit in read.probabilities)
    assert all(sum(digit) == pytest.approx(1) for digit in read.probabilities)
    assert len(read.probabilities) == 8 or read.reasons


def test_blank_line_holds_no_digit(predictor: Predictor) -> None:
    reader = FreeFieldReader(predictor)
    line = np.zeros((60, 300), np.float32)
    assert reader.read([[cell(line)]])["member"].reasons == ("not_a_digit",)
    assert reader.read([[replace(cell(line), line=None)]]) == {}
