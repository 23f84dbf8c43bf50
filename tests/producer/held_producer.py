"""python -m tests.producer.held_producer N FILE S ...: makes FILE before it sends job N + 1, waits while it exists.

S: how many seconds the producer waits at its end for what is not acknowledged.
"""

import runpy
import sys
import time
from itertools import count
from pathlib import Path

from producer import publish
from producer.pace import Schedule


def hold(jobs: int, file: Path) -> None:
    """Hold this process's producer when it has sent so many jobs."""
    turns = count()
    wait_until_due = Schedule.wait_until_due

    def wait_while_held(schedule: Schedule) -> float:
        if next(turns) == jobs:
            file.touch()
            while file.exists():
                time.sleep(0.01)
        return wait_until_due(schedule)

    Schedule.wait_until_due = wait_while_held  # type: ignore[method-assign, assignment]


if __name__ == "__main__":
    hold(int(sys.argv.pop(1)), Path(sys.argv.pop(1)))
    publish.DELIVERY_TIMEOUT_S = float(sys.argv.pop(1))
    runpy.run_module("producer", run_name="__main__", alter_sys=True)
