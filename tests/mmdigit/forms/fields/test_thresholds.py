"""Thresholds: whose fields they decide, and files that are none."""

from pathlib import Path

import pytest

from mmdigit.forms.collecting.deciding import decide_page, job_ids_of
from mmdigit.forms.fields.thresholds import FieldThreshold, Thresholds, kind_of, load_thresholds
from mmdigit.forms.template.layout import slots_of
from schemas.errors import DataError
from tests.mmdigit.forms.store.kept import form_page, prediction
from tests.mmdigit.forms.written import TEMPLATE

FITTED = Thresholds(
    version=1, form="INTK", model_version="model-1",
    fields={"digits+luhn": FieldThreshold(chance=0.5, target_error=0.0014, bound=0.001, looked_at=3000, wrong=0)},
)  # fmt: skip
MEMBER, BORN = slots_of(TEMPLATE, 0)[:2]


def test_thresholds_decide_fields_of_their_kind_and_model() -> None:
    page = form_page(1, "12345674")
    answers = {job_id: prediction(job_id, int(job_id[-1]), 0.9) for job_id in job_ids_of(page)}

    def reasons(thresholds: Thresholds | None) -> tuple[str, ...]:
        return decide_page(TEMPLATE, page, answers, thresholds)[0].reasons

    assert reasons(None) == ("low_confidence",)
    assert reasons(FITTED) == ()
    assert reasons(FITTED.model_copy(update={"model_version": "model-2"})) == ("low_confidence",)
    strict = FITTED.fields["digits+luhn"].model_copy(update={"chance": 0.9999})
    assert reasons(FITTED.model_copy(update={"fields": {"digits+luhn": strict}})) == ("low_confidence",)


def test_kind_is_the_type_and_its_checks() -> None:
    assert (kind_of(MEMBER.field), kind_of(BORN.field)) == ("digits+luhn", "date+range")
    assert kind_of(MEMBER.field.model_copy(update={"free": True})) == "digits+free+luhn"
    assert FITTED.least_chance(BORN.field, "model-1") is None


def test_thresholds_come_back_as_they_were_written(tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text(FITTED.model_dump_json())
    assert load_thresholds(tmp_path / "t.json", TEMPLATE) == FITTED


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("{", "expected what `mmdigit form learn` writes"),
        (FITTED.model_dump_json().replace("0.5", "1.5"), "expected what `mmdigit form learn` writes"),
        (FITTED.model_dump_json().replace("INTK", "OTHR"), "got those of OTHR; use its own"),
        (FITTED.model_dump_json().replace('"version":1', '"version":2'), "expected what"),
        (None, "they cannot be read"),
    ],
)
def test_file_that_holds_no_thresholds_is_refused(tmp_path: Path, content: str | None, why: str) -> None:
    if content is not None:
        (tmp_path / "t.json").write_text(content)
    with pytest.raises(DataError) as caught:
        load_thresholds(tmp_path / "t.json", TEMPLATE)
    assert why in str(caught.value)
