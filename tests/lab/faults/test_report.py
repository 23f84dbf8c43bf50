"""The table and the page say what was found, and name every broken promise."""

from typing import Any

from lab.faults.report import page, table
from lab.faults.run import Row, as_json
from lab.kit.machine import machine


def result(*rows: Row) -> dict[str, Any]:
    facts = {
        "command": "python -m lab.faults",
        "machine": machine(),
        "source": "sample pack",
        "seed": 1,
        "seconds": 60.0,
    }
    return facts | {"faults": [as_json(row) for row in rows]}


KEPT = Row("a fault", times=3, jobs=1000, answered=980, dead=20, duplicates=7, recoveries_s=[1.0, 2.04, 9.0])
BROKEN = Row("another", times=1, jobs=10, answered=9, lost=1, problems=["no recovery"])
SKIPPED = Row("a third", skipped="needs root")


def test_the_table_has_a_line_for_each_fault_and_for_each_problem() -> None:
    lines = table(result(KEPT, BROKEN, SKIPPED)).splitlines()
    assert [line.split() for line in lines[3:5]] == [
        ["a", "fault", "3", "1000", "0", "0", "7", "2.0", "9.0"],
        ["another", "1", "10", "1", "0", "0", "-", "-"],
    ]
    assert "skipped: needs root" in lines[5]
    assert lines[6:] == ["another: no recovery"]


def test_the_page_names_what_was_broken() -> None:
    text = page(result(KEPT, BROKEN), None)
    assert "| a fault | 3 | 1000 | 0 | 0 | 7 | 2.0 | 9.0 |" in text
    assert "- another: no recovery" in text
    assert "broken" not in page(result(KEPT), None).partition("| fault |")[2]


def test_a_promise_is_kept_only_without_loss_wrong_answers_and_problems() -> None:
    assert KEPT.kept
    assert not BROKEN.kept
    assert not Row("x", lost=1).kept
    assert not Row("x", wrong=1).kept
    assert not Row("x", problems=["no recovery"]).kept
