"""A kill midway counts what is predicted again, what is missing, and rows that are there twice."""

import pytest

from lab.benchmarks.backfill.killing import kill_midway
from lab.benchmarks.backfill.programs import Table
from lab.kit.answers import LabelAndConfidence
from schemas.errors import TransportError

EXPECTED = {f"pair-{number}": LabelAndConfidence(number % 10, 0.5) for number in range(100)}


class Fake:
    """Predicts a step each time it is asked how far it is. remembered: share of its work that survives a kill."""

    def __init__(
        self, remembered: float, step: int = 10, lost: int = 0, repeated: int = 0, fails_at: int = 1000
    ) -> None:
        self._remembered, self._step, self._lost, self._repeated = remembered, step, lost, repeated
        self._predicted = 0
        self._left = len(EXPECTED)
        self._fails_at = fails_at
        self._runs = False
        self.kills = 0

    def start(self) -> None:
        self._runs = True

    def predicted(self) -> int:
        if self._runs:
            step = min(self._step, self._left)
            self._predicted += step
            self._left -= step
        return self._predicted

    def kill(self) -> None:
        self._runs = False
        self.kills += 1
        self._left = len(EXPECTED) - int(self._remembered * (len(EXPECTED) - self._left))

    def runs(self) -> bool:
        return self._runs and self._predicted < self._fails_at and self._left > 0

    def wait(self) -> None:
        if self._predicted >= self._fails_at:
            raise TransportError("expected exit code 0, got 1")
        self._predicted += self._left
        self._left = 0
        self._runs = False

    def starting_s(self) -> float:
        return 0.0

    def table(self) -> Table:
        return Table(dict(list(EXPECTED.items())[self._lost :]), self._repeated)

    def close(self) -> None:
        """Nothing runs."""


@pytest.mark.parametrize(("remembered", "redone"), [(1.0, 0), (0.8, 10), (0.0, 50)])
def test_what_is_not_remembered_is_redone(remembered: float, redone: int) -> None:
    fake = Fake(remembered)
    resumed = kill_midway(fake, EXPECTED)
    assert fake.kills == 1
    assert (resumed.pairs, resumed.predicted_before, resumed.redone) == (100, 50, redone)
    assert (resumed.wrong, resumed.repeated_rows) == (0, 0)


def test_lost_pairs_and_repeated_rows_are_counted() -> None:
    resumed = kill_midway(Fake(1.0, lost=3, repeated=20), EXPECTED)
    assert (resumed.wrong, resumed.repeated_rows) == (3, 20)


def test_a_program_that_fails_before_the_kill_says_why() -> None:
    with pytest.raises(TransportError, match="expected exit code 0, got 1"):
        kill_midway(Fake(1.0, fails_at=20), EXPECTED)


def test_a_kill_after_the_end_proves_nothing() -> None:
    with pytest.raises(TransportError, match="take more pairs"):
        kill_midway(Fake(1.0, step=100), EXPECTED)
