"""The values of a kept page from what became of its jobs: the same in one process and from a store of predictions."""

from collections.abc import Mapping

from mmdigit.forms.fields.free_lines import weigh_line
from mmdigit.forms.fields.summing import decide_fields
from mmdigit.forms.fields.thresholds import Thresholds
from mmdigit.forms.fields.weighing import Outcome, Reading, weigh_field
from mmdigit.forms.store.ports import StoredField, StoredPage, StoredValue
from mmdigit.forms.template.layout import Slot, slots_of
from mmdigit.forms.template.template import Template
from schemas.errors import DataError
from schemas.prediction import Answer


def job_ids_of(page: StoredPage) -> list[str]:
    """The jobs of a page, in order of its fields and boxes."""
    return [cell.job_id for field in page.fields for cell in field.cells if cell.job_id is not None]


def decide_page(
    template: Template,
    page: StoredPage,
    outcomes: Mapping[str, Outcome],
    thresholds: Thresholds | None = None,
) -> tuple[StoredValue, ...]:
    """The value of each field. outcomes: of every job of the page, by its id. thresholds: from `mmdigit form learn`.

    Raises DataError if the page is not of this template, or nobody has read a free field of it.
    """
    slots = slots_of(template, page.page - 1) if page.page is not None and page.page <= len(template.pages) else ()
    if [slot.name for slot in slots] != [field.name for field in page.fields]:
        raise DataError(f"expected the fields of form {template.form} on page {page.group}, got others; restore it")
    readings, models = [], []
    for slot, field in zip(slots, page.fields, strict=True):
        if slot.field.free:
            reading, model = _of_free(slot, field, thresholds)
            readings.append(reading)
            models.append(model)
            continue
        found = [None if cell.job_id is None else outcomes[cell.job_id] for cell in field.cells]
        model = next((outcome.model_version for outcome in found if isinstance(outcome, Answer)), "")
        least = None if thresholds is None else thresholds.least_chance(slot.field, model)
        heard = page.heard.get(slot.name)
        unheard = None if heard is None else heard.reason
        readings.append(weigh_field(slot, field.frame_found, field.cells, found, least, unheard))
        models.append(model)
    values = [] if page.page is None else decide_fields(template.pages[page.page - 1], readings)
    return tuple(
        StoredValue(read.slot.name, read.text, read.decision, read.reasons, read.chance, model)
        for read, model in zip(values, models, strict=True)
    )


def _of_free(slot: Slot, field: StoredField, thresholds: Thresholds | None) -> tuple[Reading, str]:
    """What a free field may say, and the model that has read it."""
    [cell] = field.cells
    model = "" if cell.line is None else cell.line.model_version
    least = None if thresholds is None else thresholds.least_chance(slot.field, model)
    return weigh_line(slot, field.frame_found, cell, cell.line, least), model
