"""Stops the worker where a broken deployment is likelier than so many bad jobs."""

from collections import deque
from collections.abc import Sequence

from schemas.dead_letter import DeadLetter
from schemas.errors import TooManyDeadLetters
from schemas.prediction import Prediction


class Breaker:
    """Opens on too many dead letters in a row, or too large a share of them in a window of the last jobs."""

    def __init__(self, in_a_row: int, share: float, window: int) -> None:
        """in_a_row: dead letters, 0 = any number. share: of the last `window` jobs, above which it opens; 1 = never."""
        self._max_in_a_row = in_a_row
        self._max_share = share
        self._last: deque[bool] = deque(maxlen=window)
        self._dead = 0  # of those
        self.in_a_row = 0
        """Dead letters since the last prediction."""

    @property
    def fill(self) -> float:
        """How far the nearer of its limits is used up: 0 = no dead letter, 1 = it opens."""
        in_a_row = self.in_a_row / self._max_in_a_row if self._max_in_a_row else 0.0
        share = self._dead / (self._max_share * (self._last.maxlen or 1)) if self._max_share < 1 else 0.0
        return max(in_a_row, share)

    def count(self, results: Sequence[Prediction | DeadLetter]) -> None:
        """Take in what became of a batch, before any of it is written. Raises TooManyDeadLetters if it opens."""
        for result in results:
            dead = isinstance(result, DeadLetter)
            self.in_a_row = self.in_a_row + 1 if dead else 0
            if len(self._last) == self._last.maxlen:
                self._dead -= self._last[0]
            self._last.append(dead)
            self._dead += dead
            if isinstance(result, DeadLetter):
                self._check(result)

    def _check(self, last: DeadLetter) -> None:
        window = len(self._last)
        if self._max_in_a_row and self.in_a_row >= self._max_in_a_row:
            found = f"{self.in_a_row} dead letters in a row"
        elif window == self._last.maxlen and self._dead > self._max_share * window:
            found = f"{self._dead} dead letters among the last {window} jobs"
        else:
            return
        raise TooManyDeadLetters(
            f"expected few jobs to fail, got {found}, the last for {last.reason} ({last.error}); this batch is neither "
            "written nor committed. Check this version against the producer's, then start again; where the jobs are "
            "really that bad, raise --breaker-in-a-row or --breaker-share"
        )
