"""Waiting for outcomes and writing them: complete, in order, bounded in time, safe in a spreadsheet."""

import csv
from collections import Counter
from pathlib import Path

import pytest

from producer.results import LOOK_UP_JOBS, POLL_EVERY_S, RESULT_COLUMNS, Outcomes, Waiting
from producer.roster import Entry, Roster
from schemas.errors import DataError, StoreError
from tests.producer.fakes import FakeProgress, FakeStore, FakeTime, prediction_of

TIMEOUT_S = 10.0


class Wait:
    """One wait for so many jobs named 0, 1, 2... whose true label is 7."""

    def __init__(self, jobs: int, store: FakeStore) -> None:
        self.roster = Roster()
        for number in range(jobs):
            self.roster.add(f"={number}", str(number), 7)
        self.store = store
        self.time = FakeTime()
        self.progress = FakeProgress()

    def __call__(self, output: Path | None = None) -> Outcomes:
        with self.roster:
            waiting = Waiting(self.store, "group", self.time.clock, TIMEOUT_S, self.progress)
            return waiting.collect(self.roster, output)


def answers(count: int, start: int = 0) -> FakeStore:
    return FakeStore({str(number): prediction_of(str(number)) for number in range(start, start + count)})


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        reader = csv.DictReader(file)
        assert tuple(reader.fieldnames or ()) == RESULT_COLUMNS
        return list(reader)


def test_what_is_all_there_is_written_at_once(tmp_path: Path) -> None:
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


def test_answers_may_come_late_and_in_any_order(tmp_path: Path) -> None:
    count = 2 * LOOK_UP_JOBS + 3
    wait = Wait(count, FakeStore())
    coming = [str(number * 7 % count) for number in range(count)]
    wait.time.on_sleep = lambda: wait.store.put([prediction_of(coming.pop()) for _ in range(min(50, len(coming)))])
    assert wait(tmp_path / "out.csv").answered == count
    assert [row["job_id"] for row in rows_of(tmp_path / "out.csv")] == [str(number) for number in range(count)]
    completed = [done for done, _ in wait.progress.updates]
    assert completed == sorted(completed)
    assert completed[-1] == count


def test_waiting_ends_when_nothing_comes_any_more(tmp_path: Path) -> None:
    store = answers(3, start=LOOK_UP_JOBS + 1)
    wait = Wait(LOOK_UP_JOBS + 5, store)
    outcomes = wait(tmp_path / "out.csv")
    assert (outcomes.answered, outcomes.missing) == (3, LOOK_UP_JOBS + 2)
    # Once, not once a chunk, and from the last news on.
    assert wait.time.now_s == pytest.approx(TIMEOUT_S, abs=2 * POLL_EVERY_S)
    assert [bool(row["label"]) for row in rows_of(tmp_path / "out.csv")][-5:] == [False, True, True, True, False]


def test_news_of_other_jobs_of_the_group_keep_the_wait_alive() -> None:
    wait = Wait(1, FakeStore())

    def one_more() -> None:
        wait.store.others += wait.time.now_s < 3 * TIMEOUT_S

    wait.time.on_sleep = one_more
    assert wait().missing == 1
    assert wait.time.now_s == pytest.approx(4 * TIMEOUT_S, abs=2 * POLL_EVERY_S)


def test_a_short_outage_of_the_store_is_waited_out() -> None:
    wait = Wait(2, answers(2))
    wait.store.failures = 5
    assert wait().answered == 2
    assert len(wait.time.slept_s) == 5


def test_a_long_outage_of_the_store_is_an_error(tmp_path: Path) -> None:
    wait = Wait(2, answers(2))
    wait.store.failures = 1_000_000
    (tmp_path / "out.csv").write_text("earlier")
    with pytest.raises(StoreError, match="store is away"):
        wait(tmp_path / "out.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]
    assert (tmp_path / "out.csv").read_text() == "earlier"


def test_answered_jobs_are_not_looked_up_again() -> None:
    wait = Wait(100, answers(99))
    wait.time.on_sleep = lambda: wait.store.put([prediction_of("99")] if wait.time.now_s > 5 else [])
    assert wait().answered == 100
    assert wait.store.looked_up == 100 + len(wait.time.slept_s)


def test_an_output_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"expected to write .*out\.csv, got no folder for it"):
        Wait(1, answers(1))(tmp_path / "nowhere" / "out.csv")


def test_no_jobs_need_no_waiting(tmp_path: Path) -> None:
    assert Wait(0, FakeStore())(tmp_path / "out.csv") == Outcomes()
    assert rows_of(tmp_path / "out.csv") == []


def test_the_roster_gives_back_what_was_entered() -> None:
    entries = [Entry("a\nb", "1", None), Entry("\udcff", "2", 0), Entry('"é', "3", 9)]
    with Roster() as roster:
        for entry in entries:
            roster.add(entry.sample_id, entry.job_id, entry.label)
        assert len(roster) == 3
        for _ in range(2):
            assert list(roster.chunks(2)) == [entries[:2], entries[2:]]
        roster.close()


def test_the_prediction_of_another_job_is_no_answer() -> None:
    store = answers(1)
    store.predictions["0"] = prediction_of("another")
    with pytest.raises(StoreError, match="expected the prediction of 0 in the store, got that of another"):
        Wait(1, store)()
