"""Compares the answers under test with those of live workers: counts, bounds, examples and a verdict."""

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

CONFIDENCE_LEVEL = 0.95
"""Of the upper bounds."""

LiveOutcome = Prediction | str
"""A prediction, or the reason of a dead letter."""

Verdict = Literal["within limits", "too few jobs to tell", "over a limit"]


@dataclass(frozen=True, slots=True)
class Difference:
    """One job whose answer differs from the live one."""

    job_id: str
    live: str
    tested: str


@dataclass(frozen=True, slots=True)
class Share:
    """A count out of a total, with its upper bound and its limit."""

    count: int
    total: int
    limit: float

    @property
    def observed(self) -> float:
        """Range [0, 1]; 0 if there are no jobs."""
        return self.count / self.total if self.total else 0.0

    @property
    def at_most(self) -> float:
        """The one-sided upper bound at CONFIDENCE_LEVEL, range [0, 1]."""
        return error_bound(self.count, self.total, CONFIDENCE_LEVEL)


class Comparison:
    """The comparison so far. Holds a few numbers for each job, whatever its size."""

    def __init__(self, max_differing: float, max_redecided: float, examples: int) -> None:
        """max_differing, max_redecided: limits of these shares, range (0, 1). examples: most differences to keep."""
        self._max_differing = max_differing
        self._max_redecided = max_redecided
        self._examples = examples
        self._shifts = array("d")
        self._live_model_s = 0.0
        self.same = self.other_digit = self.other_digit_accepted = self.failed_here = 0
        self.to_review = self.to_accept = 0
        self.failed_live = self.failed_in_both = self.missing = self.unreadable = 0
        self.live: Counter[str] = Counter()
        """Jobs by the model and worker that answered them live."""
        self.examples: list[Difference] = []

    def add(self, job_id: str | None, tested: Answer | InvalidJob, live: LiveOutcome | None) -> None:
        """Add one job. job_id: None if the record is not a readable job. live: None if it has no outcome."""
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
                self._add_example(job_id, live, tested)
            else:
                self._compare(job_id, tested, live)

    @property
    def compared(self) -> int:
        """Jobs that live workers answered."""
        return self.same + self.other_digit + self.failed_here

    @property
    def differing(self) -> Share:
        """Jobs whose digit differs from the live one, or is missing."""
        return Share(self.other_digit + self.failed_here, self.compared, self._max_differing)

    @property
    def redecided(self) -> Share:
        """Jobs that moved from accept to review or back, of those with an answer on both sides."""
        return Share(self.to_review + self.to_accept, self.same + self.other_digit, self._max_redecided)

    @property
    def verdict(self) -> Verdict:
        """Over a limit if an observed share is; within limits only if the upper bounds are: few jobs show little."""
        shares = (self.differing, self.redecided)
        if any(share.observed > share.limit for share in shares):
            return "over a limit"
        return "within limits" if all(share.at_most <= share.limit for share in shares) else "too few jobs to tell"

    def shifts(self) -> dict[str, float]:
        """Confidence under test minus live, where the digit is the same: its mean, and the 99th percentile and maximum
        of its absolute value. NaN without jobs."""
        shifts = np.array(self._shifts)
        if not shifts.size:
            return dict.fromkeys(("mean", "p99", "largest"), float("nan"))
        p99, largest = percentiles(np.abs(shifts), 99, 100)
        return {"mean": float(shifts.mean()), "p99": p99, "largest": largest}

    @property
    def live_model_s(self) -> float:
        """The live models' mean time for one job, batch time divided by batch size, in seconds; NaN without jobs."""
        answered = self.same + self.other_digit
        return self._live_model_s / answered if answered else float("nan")

    def _compare(self, job_id: str, tested: Answer, live: Prediction) -> None:
        same, same_decision = tested.label == live.label, tested.decision == live.decision
        self.same += same
        self.other_digit += not same
        self.other_digit_accepted += not same and tested.decision == live.decision == "accept"
        self.to_review += not same_decision and tested.decision == "review"
        self.to_accept += not same_decision and tested.decision == "accept"
        self._live_model_s += live.timings.predict_s / live.timings.batch_size
        if same:
            self._shifts.append(tested.confidence - live.confidence)
        if not (same and same_decision):
            self._add_example(job_id, live, tested)

    def _add_example(self, job_id: str, live: Answer, tested: Answer | InvalidJob) -> None:
        if len(self.examples) < self._examples:
            self.examples.append(Difference(job_id, _describe(live), _describe(tested)))


def _describe(answer: Answer | InvalidJob) -> str:
    if isinstance(answer, InvalidJob):
        return answer.reason
    return f"{answer.label} {answer.confidence:.3f} {answer.decision}"
