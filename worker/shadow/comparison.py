"""Compares the answers under test with those of the live workers: counts, bounds, examples, and a verdict."""

from array import array
from collections import Counter
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mmdigit.reading.error_bounds import error_bound
from mmdigit.reading.percentiles import percentiles
from schemas.errors import InvalidJob
from schemas.prediction import Answer, Prediction
from schemas.printable import escaped

LEVEL = 0.95
"""Of the bounds."""

Live = Prediction | str
"""What live workers made of a job: a prediction, or the reason of a dead letter."""

Verdict = Literal["within limits", "too few jobs to tell", "over a limit"]


@dataclass(frozen=True, slots=True)
class Difference:
    """One job that is answered in another way than live."""

    job_id: str
    live: str
    tested: str


@dataclass(frozen=True, slots=True)
class Share:
    """How many of the jobs, the share that they show with LEVEL, and the limit of that share."""

    count: int
    total: int
    limit: float

    @property
    def observed(self) -> float:
        """Range [0, 1]; 0 of no jobs."""
        return self.count / self.total if self.total else 0.0

    @property
    def at_most(self) -> float:
        """The one-sided upper bound, range [0, 1]."""
        return error_bound(self.count, self.total, LEVEL)


class Comparison:
    """What was compared so far. Holds some numbers a job, whatever the jobs hold."""

    def __init__(self, max_differing: float, max_redecided: float, examples: int) -> None:
        """The limits: shares, range (0, 1). examples: how many differences are kept."""
        self._max_differing = max_differing
        self._max_redecided = max_redecided
        self._examples = examples
        self._shifts = array("d")
        self._live_model_s = 0.0
        self.same = self.other_digit = self.other_digit_accepted = self.failed_here = 0
        self.to_review = self.to_accept = 0
        self.failed_live = self.failed_in_both = self.missing = self.unreadable = 0
        self.live: Counter[str] = Counter()
        """Jobs by model and worker that answered them live."""
        self.examples: list[Difference] = []

    def add(self, job_id: str | None, tested: Answer | InvalidJob, live: Live | None) -> None:
        """One job. job_id: None where the record is no job that could be read; live: None where it has no outcome."""
        if job_id is None:
            self.unreadable += 1
        elif live is None:
            self.missing += 1
        elif isinstance(live, str):
            if isinstance(tested, InvalidJob):
                self.failed_in_both += 1
            else:
                self.failed_live += 1
        else:
            self.live[escaped(f"{live.model_version}, worker {live.worker_version or 'before 0.6.0'}")] += 1
            if isinstance(tested, InvalidJob):
                self.failed_here += 1
                self._show(job_id, live, tested)
            else:
                self._compare(job_id, tested, live)

    @property
    def compared(self) -> int:
        """Jobs that live workers answered."""
        return self.same + self.other_digit + self.failed_here

    @property
    def differing(self) -> Share:
        """Jobs with another digit than live, or with none."""
        return Share(self.other_digit + self.failed_here, self.compared, self._max_differing)

    @property
    def redecided(self) -> Share:
        """Jobs that went from accept to review or back, of those answered on both sides."""
        return Share(self.to_review + self.to_accept, self.same + self.other_digit, self._max_redecided)

    @property
    def verdict(self) -> Verdict:
        """Over a limit if what was seen is; within them only if the bounds are: few jobs show little."""
        shares = (self.differing, self.redecided)
        if any(share.observed > share.limit for share in shares):
            return "over a limit"
        return "within limits" if all(share.at_most <= share.limit for share in shares) else "too few jobs to tell"

    def shifts(self) -> dict[str, float]:
        """Confidence under test minus live, where the digit is the same: mean, 99th percentile and largest of its
        size. NaN without jobs."""
        shifts = np.array(self._shifts)
        if not shifts.size:
            return dict.fromkeys(("mean", "p99", "largest"), float("nan"))
        p99, largest = percentiles(np.abs(shifts), 99, 100)
        return {"mean": float(shifts.mean()), "p99": p99, "largest": largest}

    @property
    def live_model_s(self) -> float:
        """The live models' time for one job, as a share of its batch's, in seconds; NaN without jobs."""
        answered = self.same + self.other_digit
        return self._live_model_s / answered if answered else float("nan")

    def _compare(self, job_id: str, tested: Answer, live: Prediction) -> None:
        same, decided = tested.label == live.label, tested.decision == live.decision
        self.same += same
        self.other_digit += not same
        self.other_digit_accepted += not same and tested.decision == live.decision == "accept"
        self.to_review += not decided and tested.decision == "review"
        self.to_accept += not decided and tested.decision == "accept"
        self._live_model_s += live.timings.predict_s / live.timings.batch_size
        if same:
            self._shifts.append(tested.confidence - live.confidence)
        if not (same and decided):
            self._show(job_id, live, tested)

    def _show(self, job_id: str, live: Answer, tested: Answer | InvalidJob) -> None:
        if len(self.examples) < self._examples:
            self.examples.append(Difference(job_id, _words(live), _words(tested)))


def _words(outcome: Answer | InvalidJob) -> str:
    if isinstance(outcome, InvalidJob):
        return outcome.reason
    return f"{outcome.label} {outcome.confidence:.3f} {outcome.decision}"
