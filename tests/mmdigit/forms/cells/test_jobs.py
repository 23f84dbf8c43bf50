"""Jobs of a page: one a digit, and the same ids again."""

from datetime import UTC, datetime

import numpy as np

from mmdigit.forms.cells.jobs import group_of, jobs_of
from mmdigit.forms.cells.reader import Cell, CellState
from mmdigit.forms.template.layout import slots_of
from mmdigit.forms.template.parsing import example, parse_template
from mmdigit.reading.image.decode import RAW_BYTES
from tests.mmdigit.forms.written import TEMPLATE

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FILE = "a" * 64
SLOT, *_, CHECK = [slot for slot in slots_of(TEMPLATE, 0) if slot.records is None]


def cell(index: int, state: CellState = "digit") -> Cell:
    return Cell(SLOT, index, state, np.full((28, 28), index, np.uint8), 3.0)


def test_jobs_of_a_page_are_its_digits_alone() -> None:
    cells = [cell(0), cell(1, "blank"), cell(2, "over_full"), cell(3, "crossed_out"), cell(4)]
    checked = Cell(CHECK, 0, "digit", np.zeros((28, 28), np.uint8), 3.0)
    jobs = list(jobs_of([*cells, checked], FILE, 1, TEMPLATE, NOW))
    assert CHECK.field.type == "check"
    assert [job.image for job in jobs] == [bytes([0]) * RAW_BYTES, bytes([4]) * RAW_BYTES]
    assert {job.group for job in jobs} == {group_of(FILE, 1, TEMPLATE)}


def test_job_ids_are_stable_and_differ_by_every_part() -> None:
    def ids(file: str = FILE, page: int = 1, index: int = 0, form: bytes = example()) -> list[str]:
        return [job.job_id for job in jobs_of([cell(index)], file, page, parse_template(form), NOW)]

    assert ids() == ids()
    moved = example().replace(b"[25, 54]", b"[25, 55]")
    others = [ids(), ids("b" * 64), ids(page=2), ids(index=1), ids(form=moved)]
    assert len({name for each in others for name in each}) == len(others)


def test_jobs_of_two_tenants_share_no_id() -> None:
    def names(tenant: str | None) -> list[str | None]:
        [job] = jobs_of([cell(0)], FILE, 1, TEMPLATE, NOW, tenant)
        return [job.job_id, job.group]

    job_id, group = names(None)
    assert names("blue") == [f"blue:{job_id}", f"blue:{group}"]
    assert group_of(FILE, 1, TEMPLATE, "blue") == f"blue:{group}"
