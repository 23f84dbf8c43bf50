"""What does a backfill do again after a kill? Kills it midway and starts it a second time."""

import time
from typing import NamedTuple

from lab.benchmarks.backfill.programs import Backfill
from lab.kit.answers import Answers, differing
from lab.kit.polling import until
from schemas.errors import TransportError

LOOK_EVERY_S = 0.1


class Resumed(NamedTuple):
    """predicted_before: pairs predicted when it was killed. redone: pairs predicted more than once, over both starts.

    wrong: pairs without the expected answer at the end. repeated_rows: rows of the predictions beyond one for each
    pair. seconds: of the second start, to its end.
    """

    pairs: int
    predicted_before: int
    redone: int
    wrong: int
    repeated_rows: int
    seconds: float


def kill_midway(backfill: Backfill, expected: Answers) -> Resumed:
    """Kill it once half of the pairs are predicted, and start it again.

    Raises TransportError if it fails, or has ended by then: nothing was killed midway.
    """
    half, pairs = len(expected) // 2, len(expected)
    backfill.start()
    until(lambda: backfill.predicted() >= half or not backfill.runs(), "half of the pairs", pause_s=LOOK_EVERY_S)
    if not backfill.runs():
        backfill.wait()  # raises what it failed with
        raise TransportError(f"expected to kill it midway, got its end after {pairs} pairs; take more pairs")
    backfill.kill()
    before = backfill.predicted()
    began_s = time.monotonic()
    backfill.start()
    backfill.wait()
    seconds = time.monotonic() - began_s
    table = backfill.table()
    redone = backfill.predicted() - pairs
    return Resumed(pairs, before, redone, len(differing(expected, table.answers)), table.repeated, seconds)
