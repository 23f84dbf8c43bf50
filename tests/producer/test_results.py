"""Outcomes are collected completely, in order and in bounded time, and written safely for spreadsheets."""

import csv
from collections import Counter
from pathlib import Path

import pytest

from producer.results import LOOK_UP_JOBS, POLL_EVERY_S, RESULT_COLUMNS, OutcomeCollector, Outcomes
from producer.roster import Roster
from schemas.errors import DataError, StoreError
from tests.producer.fakes import FakeProgress, FakeStore, FakeTime, prediction_of

TIMEOUT_S = 10.0


class Wait:
    """One wait for jobs named 0, 1, 2, ..., whose true label is 7."""

    def __init__(self, jobs: int, store: FakeStore) -> None:
        self.roster = Roster()
        for number in range(jobs):
            self.roster.add(f"={number}", str(number), 7)
        self.store = store
        self.time = FakeTime()
        self.progress = FakeProgress()

    def __call__(self, output: Path | None = None) -> Outcomes:
        with self.roster:
            collector = OutcomeCollector(self.store, "group", self.time.clock, TIMEOUT_S, self.progress)
            return collector.collect(self.roster, output)


def answers(count: int, start: int = 0) -> FakeStore:
    return FakeStore({str(number): prediction_of(str(number)) for number in range(start, start + count)})


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        reader = csv.DictReader(file)
        assert tuple(reader.fieldnames or ()) == RESULT_COLUMNS
        return list(reader)


def test_collect_writes_complete_outcomes_at_once(tmp_path: Path) -> None:
    store = answers(2)
    store.predictions["1"] = prediction_of("1", label=3)
    store.notes["2"] = "invalid_image"
    wait = Wait(3, store)
    wait.roster.add("unlabelled", "3", None)
    store.put([prediction_of("3")])
    outcomes = wait(tmp_path / "out.csv")
    assert outcomes == Outcomes(3, 0, labelled=2, correct=1, dead=Counter(invalid_image=1))
    assert wait.time.slept_s == []
    first, second, third, fourth = rows_of(tmp_path / "out.csv")
    assert first == {
        "id": "'=0",
        "label": "7",
        "confidence": "0.750000",
        "decision": "review",
        "reasons": "low_confidence;conflict",
        "image_label": "7",
        "image_confidence": "0.500000",
        "audio_label": "",
        "audio_confidence": "",
        "novelty": "0.125000",
        "model_version": "test",
        "expected": "7",
        "job_id": "0",
        "group": "group",
        "dead_letter_reason": "",
    }
    assert (second["label"], second["expected"]) == ("3", "7")
    assert (third["id"], third["label"], third["dead_letter_reason"]) == ("'=2", "", "invalid_image")
    assert (fourth["id"], fourth["expected"]) == ("unlabelled", "")
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]


def test_collect_accepts_late_answers_in_any_order(tmp_path: Path) -> None:
    count = 2 * LOOK_UP_JOBS + 3
    wait = Wait(count, FakeStore())
    coming = [str(number * 7 % count) for number in range(count)]
    wait.time.on_sleep = lambda: wait.store.put([prediction_of(coming.pop()) for _ in range(min(50, len(coming)))])
    assert wait(tmp_path / "out.csv").answered == count
    assert [row["job_id"] for row in rows_of(tmp_path / "out.csv")] == [str(number) for number in range(count)]
    completed = [done for done, _ in wait.progress.updates]
    assert completed == sorted(completed)
    assert completed[-1] == count


def test_collect_ends_after_timeout_s_without_outcomes(tmp_path: Path) -> None:
    store = answers(3, start=LOOK_UP_JOBS + 1)
    wait = Wait(LOOK_UP_JOBS + 5, store)
    outcomes = wait(tmp_path / "out.csv")
    assert (outcomes.answered, outcomes.missing) == (3, LOOK_UP_JOBS + 2)
    # Once, not once a chunk, and counted from the last outcome.
    assert wait.time.now_s == pytest.approx(TIMEOUT_S, abs=2 * POLL_EVERY_S)
    assert [bool(row["label"]) for row in rows_of(tmp_path / "out.csv")][-5:] == [False, True, True, True, False]


def test_collect_waits_while_the_group_has_new_outcomes() -> None:
    wait = Wait(1, FakeStore())

    def one_more() -> None:
        wait.store.others += wait.time.now_s < 3 * TIMEOUT_S

    wait.time.on_sleep = one_more
    assert wait().missing == 1
    assert wait.time.now_s == pytest.approx(4 * TIMEOUT_S, abs=2 * POLL_EVERY_S)


def test_collect_survives_a_short_store_outage() -> None:
    wait = Wait(2, answers(2))
    wait.store.failures = 5
    assert wait().answered == 2
    assert len(wait.time.slept_s) == 5


def test_collect_raises_on_a_long_store_outage(tmp_path: Path) -> None:
    wait = Wait(2, answers(2))
    wait.store.failures = 1_000_000
    (tmp_path / "out.csv").write_text("earlier")
    with pytest.raises(StoreError, match="store is away"):
        wait(tmp_path / "out.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]
    assert (tmp_path / "out.csv").read_text() == "earlier"


def test_collect_looks_up_answered_jobs_once() -> None:
    wait = Wait(100, answers(99))
    wait.time.on_sleep = lambda: wait.store.put([prediction_of("99")] if wait.time.now_s > 5 else [])
    assert wait().answered == 100
    assert wait.store.looked_up == 100 + len(wait.time.slept_s)


def test_output_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"expected to write .*out\.csv, got no folder for it"):
        Wait(1, answers(1))(tmp_path / "nowhere" / "out.csv")


def test_collect_of_no_jobs_does_not_wait(tmp_path: Path) -> None:
    assert Wait(0, FakeStore())(tmp_path / "out.csv") == Outcomes()
    assert rows_of(tmp_path / "out.csv") == []


def test_collect_refuses_the_prediction_of_another_job() -> None:
    store = answers(1)
    store.predictions["0"] = prediction_of("another")
    with pytest.raises(StoreError, match="expected the prediction of 0 in the store, got that of another"):
        Wait(1, store)()
