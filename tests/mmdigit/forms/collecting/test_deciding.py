"""Values of a kept page: the same from a predictor in this process and from predictions that came back."""

from dataclasses import replace

import numpy as np
import pytest

from mmdigit.forms.cells.reader import CellReader
from mmdigit.forms.collecting.deciding import decide_page, job_ids_of
from mmdigit.forms.reading.form_reader import FormReader, ReadPage
from mmdigit.forms.sheets.keeping import kept_page
from mmdigit.forms.sheets.placing import PlacedPage, place
from mmdigit.forms.store.ports import StoredCell, StoredField
from mmdigit.forms.template.template import Sum
from mmdigit.reading.model_input import ModelInput
from mmdigit.reading.predictor import Predictor
from schemas.errors import DataError
from schemas.prediction import Answer, Prediction
from tests.mmdigit.forms.sheets.test_keeping import ORIGIN
from tests.mmdigit.forms.store.kept import form_page, prediction
from tests.mmdigit.forms.written import TEMPLATE, filled_page, scanned_page


def test_values_of_a_kept_page_are_those_of_the_reader() -> None:
    scan, predictor = scanned_page(filled_page().pixels), Predictor.load()
    placed, read = place(scan, TEMPLATE), FormReader(TEMPLATE, predictor).read(scan)
    assert isinstance(placed, PlacedPage)
    assert isinstance(read, ReadPage)
    fields = CellReader().read(placed.darkness, placed.slots, placed.frames)
    page = kept_page(placed, fields, ORIGIN, TEMPLATE)
    inputs = [
        ModelInput(np.asarray(cell.image / np.float32(255), np.float32))
        for cells in fields
        for cell in cells
        if cell.is_digit
    ]
    outcomes: dict[str, Answer] = dict(zip(job_ids_of(page), predictor.predict(inputs), strict=True))
    values = decide_page(TEMPLATE, page, outcomes)
    assert [(value.name, value.text, value.decision, value.reasons) for value in values] == [
        (value.slot.name, value.text, value.decision, value.reasons) for value in read.values
    ]
    assert {value.model_version for value in values if value.chance is not None} == {predictor.model_version}


@pytest.mark.parametrize(("total", "reasons"), [("12", ()), ("13", ("not_valid",))])
def test_page_is_decided_with_its_sums(total: str, reasons: tuple[str, ...]) -> None:
    (content,) = TEMPLATE.pages
    columns = {"amount": f"00{total}00", "items.1.count": "012"}
    sums = (Sum(total="amount", of=("items.count",)),)
    template = TEMPLATE.model_copy(update={"pages": (content.model_copy(update={"sums": sums}),)})
    fields: list[StoredField] = []
    answers: dict[str, Prediction] = {}
    for field in form_page(1).fields:
        digits = columns.get(field.name, "")
        ids = [f"{field.name}.{place}.{digit}" for place, digit in enumerate(digits)]
        answers |= {job_id: prediction(job_id, int(job_id[-1])) for job_id in ids}
        written = tuple(StoredCell("digit", 5.0, job_id) for job_id in ids)
        cells = written or (StoredCell("blank", 0.0, None),) * len(field.cells)
        fields.append(replace(field, cells=cells))
    values = {value.name: value for value in decide_page(template, form_page(1, fields=tuple(fields)), answers)}
    assert [values[name].reasons for name in ("amount", "items.1.count", "items.2.count")] == [reasons, reasons, ()]


@pytest.mark.parametrize("page", [None, 2])
def test_page_that_the_template_lacks_is_refused(page: int | None) -> None:
    with pytest.raises(DataError, match="expected the fields of form INTK"):
        decide_page(TEMPLATE, form_page(1, page=page), {})
