"""Stops the worker when so many records fail that the deployment is the likelier fault."""

from collections import deque
from collections.abc import Sequence

from schemas.dead_letter import DeadLetter
from schemas.errors import TooManyDeadLetters


class Breaker:
    """Opens on too many dead letters in a row, or on too large a share of them among the last records."""

    def __init__(self, in_a_row: int, share: float, window: int) -> None:
        """in_a_row: dead letters, 0 = no limit. share: largest share of the last `window` records, 1 = no limit."""
        self._max_in_a_row = in_a_row
        self._max_share = share
        self._last: deque[bool] = deque(maxlen=window)
        self._dead = 0  # dead letters in self._last
        self.in_a_row = 0
        """Dead letters since the last success."""

    @property
    def fill(self) -> float:
        """How close the breaker is to opening: 0 = no dead letters, 1 = it opens."""
        in_a_row = self.in_a_row / self._max_in_a_row if self._max_in_a_row else 0.0
        share = self._dead / (self._max_share * (self._last.maxlen or 1)) if self._max_share < 1 else 0.0
        return max(in_a_row, share)

    def count(self, outcomes: Sequence[object]) -> None:
        """Count a batch's outcomes before any of them is written; whatever is no DeadLetter is a success.

        Raises TooManyDeadLetters if the breaker opens.
        """
        for outcome in outcomes:
            dead = isinstance(outcome, DeadLetter)
            self.in_a_row = self.in_a_row + 1 if dead else 0
            if len(self._last) == self._last.maxlen:
                self._dead -= self._last[0]
            self._last.append(dead)
            self._dead += dead
            if isinstance(outcome, DeadLetter):
                self._check(outcome)

    def _check(self, last: DeadLetter) -> None:
        window = len(self._last)
        if self._max_in_a_row and self.in_a_row >= self._max_in_a_row:
            found = f"{self.in_a_row} dead letters in a row"
        elif window == self._last.maxlen and self._dead > self._max_share * window:
            found = f"{self._dead} dead letters among the last {window} records"
        else:
            return
        raise TooManyDeadLetters(
            f"expected few records to fail, got {found}, the last for {last.reason} ({last.error}); this batch is "
            "neither written nor committed. Compare this version with the sender's and restart; if the records really "
            "are that bad, raise --breaker-in-a-row or --breaker-share"
        )
