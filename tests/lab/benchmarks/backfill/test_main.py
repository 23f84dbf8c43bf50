"""Rounds become spreads and ratios of the same round; predictions that differ are an error."""

from pathlib import Path

import pytest

from lab.benchmarks.backfill.__main__ import Timed, prepared, summary, timed
from lab.benchmarks.backfill.programs import Table
from lab.kit.answers import LabelAndConfidence
from lab.kit.records import read_samples
from schemas.errors import StoreError


class Ended:
    """A backfill with this result."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self.closed = False

    def start(self) -> None:
        """Done."""

    def predicted(self) -> int:
        return len(self._table.answers)

    def runs(self) -> bool:
        return False

    def wait(self) -> None:
        """Done."""

    def kill(self) -> None:
        """Nothing runs."""

    def starting_s(self) -> float:
        return 0.0

    def table(self) -> Table:
        return self._table

    def close(self) -> None:
        self.closed = True


def test_ratios_are_of_the_same_round() -> None:
    found = summary(100, [Timed(seconds, 5.0) for seconds in (20.0, 10.0, 30.0)], [Timed(10.0, 0.0)] * 3)
    assert found["seconds"] == {"median": 20.0, "min": 10.0, "max": 30.0}
    assert found["pairs_per_s"]["max"] == 10.0
    assert found["workers_times"] == {"median": 2.0, "min": 1.0, "max": 3.0}
    assert found["workers_times_once_started"] == {"median": 1.5, "min": 0.5, "max": 2.5}


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (Table({"a": LabelAndConfidence(7, 0.5)}, 1), "0 missing or different and 1 repeated"),
        (Table({"a": LabelAndConfidence(1, 0.5)}, 0), "1 missing or different and 0 repeated"),
        (Table({}, 0), "1 missing"),
    ],
)
def test_a_wrong_table_is_an_error(table: Table, said: str) -> None:
    backfill = Ended(table)
    with pytest.raises(StoreError, match=said):
        timed(backfill, {"a": LabelAndConfidence(7, 0.5)})
    assert backfill.closed


def test_prepared_pairs_have_the_predictors_answers(tmp_path: Path) -> None:
    manifest, expected = prepared(read_samples(None, 30), 40, tmp_path)
    assert manifest.exists()
    assert len(expected) == 40
