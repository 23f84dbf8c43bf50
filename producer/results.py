"""Waits for the outcome of every job of a run, and writes the outcomes as CSV in the order of the source."""

import csv
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from mmdigit.files.atomic import atomic_write
from mmdigit.files.predictions_csv import PREDICTION_COLUMNS, answer_row, safe_cell
from mmdigit.sending.progress import Progress
from mmdigit.transport.ports import PredictionStore
from producer.pace import Clock
from producer.roster import Entry, Roster
from schemas.errors import StoreError
from schemas.prediction import Prediction

RESULT_COLUMNS = (*PREDICTION_COLUMNS, "expected", "job_id", "group", "dead_letter_reason")
LOOK_UP_JOBS = 500
POLL_EVERY_S = 0.2

Outcome = Prediction | str
"""A prediction, or the reason of a dead letter."""


@dataclass(slots=True)
class Outcomes:
    """Counts of the outcomes of a run. missing: jobs without an outcome when waiting ended."""

    answered: int = 0
    missing: int = 0
    labelled: int = 0
    """Answered jobs with a known label."""
    correct: int = 0
    """Jobs among those whose answer is the label."""
    dead: Counter[str] = field(default_factory=Counter)
    """Dead letters by reason."""

    def count(self, entry: Entry, outcome: Outcome | None) -> None:
        """Count the outcome of one job."""
        if outcome is None:
            self.missing += 1
        elif isinstance(outcome, str):
            self.dead[outcome] += 1
        else:
            self.answered += 1
            self.labelled += entry.label is not None
            self.correct += entry.label == outcome.label


class OutcomeCollector:
    """Looks up the jobs of a roster until each has an outcome, or until timeout_s pass without a new outcome."""

    def __init__(self, store: PredictionStore, group: str, clock: Clock, timeout_s: float, progress: Progress) -> None:
        self._store = store
        self._group = group
        self._clock = clock
        self._timeout_s = timeout_s
        self._progress = progress
        self._group_outcomes = 0  # of this run or not
        self._last_outcome_s = clock.monotonic()
        self._gave_up = False

    def collect(self, roster: Roster, output: Path | None) -> Outcomes:
        """Wait, and write a row for each job to output, which appears only when it is complete.

        Raises DataError if output cannot be written, StoreError if the store is unreachable for timeout_s.
        """
        outcomes = Outcomes()
        n_found = 0
        with _rows_to(output) as rows:
            for chunk in roster.chunks(LOOK_UP_JOBS):
                found = self._outcomes_of(chunk, n_found, len(roster))
                for entry in chunk:
                    outcome = found.get(entry.job_id)
                    outcomes.count(entry, outcome)
                    if rows is not None:
                        rows.writerow(result_row(entry, outcome, self._group))
                n_found += len(found)
                self._update_progress(n_found, len(roster))
        return outcomes

    def _outcomes_of(self, chunk: list[Entry], n_found: int, total: int) -> dict[str, Outcome]:
        found: dict[str, Outcome] = {}
        while True:
            pending = [entry.job_id for entry in chunk if entry.job_id not in found]
            try:
                new = self._look_up(pending)
                found |= new
                if len(new) == len(pending):
                    self._last_outcome_s = self._clock.monotonic()
                    return found
                counts = self._store.counts(self._group)
            except StoreError:
                if self._timed_out():
                    raise
            else:
                if new or counts.done + counts.dead != self._group_outcomes:
                    self._last_outcome_s = self._clock.monotonic()
                self._group_outcomes = counts.done + counts.dead
                if self._gave_up or self._timed_out():
                    self._gave_up = True
                    return found
                self._update_progress(n_found + len(found), total)
            self._clock.sleep(POLL_EVERY_S)

    def _look_up(self, job_ids: list[str]) -> dict[str, Outcome]:
        found: dict[str, Outcome] = {}
        for job_id, prediction in zip(job_ids, self._store.get(job_ids), strict=True):
            if prediction is None:
                continue
            if prediction.job_id != job_id:
                raise StoreError(
                    f"expected the prediction of {job_id} in the store, got that of {prediction.job_id}; "
                    "use a store that no other program writes to"
                )
            found[job_id] = prediction
        unanswered = [job_id for job_id in job_ids if job_id not in found]
        if unanswered:
            for job_id, reason in zip(unanswered, self._store.dead_letter_reasons(unanswered), strict=True):
                if reason is not None:
                    found[job_id] = reason
        return found

    def _timed_out(self) -> bool:
        return self._clock.monotonic() - self._last_outcome_s >= self._timeout_s

    def _update_progress(self, n_found: int, total: int) -> None:
        done = min(max(n_found, self._group_outcomes), total)
        self._progress.update(done, f"{total - done} remaining")


def result_row(entry: Entry, outcome: Outcome | None, group: str) -> dict[str, str]:
    """The cells of RESULT_COLUMNS for one job, empty where they do not apply."""
    return dict.fromkeys(RESULT_COLUMNS, "") | {
        **(answer_row(outcome) if isinstance(outcome, Prediction) else {}),
        "id": safe_cell(entry.sample_id),
        "expected": "" if entry.label is None else str(entry.label),
        "job_id": entry.job_id,
        "group": group,
        "dead_letter_reason": safe_cell(outcome) if isinstance(outcome, str) else "",
    }


@contextmanager
def _rows_to(path: Path | None) -> Iterator["csv.DictWriter[str] | None"]:
    """A writer to the CSV file at path, which it replaces at the end; None without a path."""
    if path is None:
        yield None
        return
    with atomic_write(path) as file:
        rows = csv.DictWriter(file, RESULT_COLUMNS, lineterminator="\n")
        rows.writeheader()
        yield rows
