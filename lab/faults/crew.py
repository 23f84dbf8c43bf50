"""The workers of a run: processes that a supervisor would start again when they end."""

import itertools
import signal
import subprocess
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from lab.faults.services import Place
from samples.running import STOPPED_WITHIN_S, RunningWorker


class Crew(AbstractContextManager["Crew"]):
    """`python -m worker` so many times on one place; logs of each to the folder."""

    def __init__(
        self,
        place: Place,
        folder: Path,
        count: int = 2,
        launcher: Sequence[str] = (),
        options: Sequence[str] = (),
    ) -> None:
        self._place = place
        self._folder = folder
        self._launcher = launcher
        self._options = options
        self._numbers = itertools.count()
        self.problems: list[str] = []
        """Workers that did not end as they should have."""
        self.workers = [self._start() for _ in range(count)]

    def wait_until_assigned(self) -> None:
        """Each is ready and has partitions. Raises TransportError if one is not in time."""
        for worker in self.workers:
            worker.wait_until_assigned()

    def replace(self, worker: RunningWorker) -> RunningWorker:
        """Start another one in place of one that has ended."""
        worker.__exit__()
        self.workers.remove(worker)
        self.workers.append(self._start())
        return self.workers[-1]

    def stop(self, worker: RunningWorker) -> None:
        """SIGTERM; a problem is noted if it does not leave with exit code 0 in time."""
        worker.process.send_signal(signal.SIGCONT)
        try:
            code = worker.stop()
        except subprocess.TimeoutExpired:
            worker.process.kill()
            self.problems.append(f"a worker did not leave within {STOPPED_WITHIN_S:.0f} s of SIGTERM")
            return
        if code:
            self.problems.append(f"a worker left with exit code {code} on SIGTERM: {last_line(worker.log)}")

    def replace_all(self) -> None:
        """Ask all to leave, and start others."""
        for worker in list(self.workers):
            self.stop(worker)
            self.replace(worker)

    def check_running(self) -> None:
        """Note those that ended by themselves, and replace them."""
        for worker in list(self.workers):
            if (code := worker.process.poll()) is not None:
                self.problems.append(f"a worker ended by itself with exit code {code}: {last_line(worker.log)}")
                self.replace(worker)

    def __exit__(self, *exc_info: object) -> None:
        for worker in self.workers:
            if worker.process.poll() is None:
                self.stop(worker)
            worker.__exit__()

    def _start(self) -> RunningWorker:
        log = self._folder / f"worker-{next(self._numbers)}.log"
        urls = (self._place.worker_jobs_url, self._place.worker_store_url)
        return RunningWorker(*urls, log, self._options, self._launcher)


def last_line(log: Path) -> str:
    """The last thing that a worker said."""
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it logged nothing"
