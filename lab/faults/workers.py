"""The workers of a run: starts, stops and replaces them, and notes those that fail."""

import itertools
import signal
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from samples.running import STOPPED_WITHIN_S, RunningConsumer


class Workers(AbstractContextManager["Workers"]):
    """`count` workers of one kind, each with a log in the folder."""

    def __init__(self, start: Callable[[Path], RunningConsumer], folder: Path, count: int = 2) -> None:
        """start: starts one that logs to the given file."""
        self._start_one = start
        self._folder = folder
        self._numbers = itertools.count()
        self.problems: list[str] = []
        """Workers that ended when or how they should not have."""
        self.running = [self._start() for _ in range(count)]

    def wait_until_assigned(self) -> None:
        """Until each is ready and has partitions. Raises TransportError if one is not in time."""
        for worker in self.running:
            worker.wait_until_assigned()

    def replace(self, worker: RunningConsumer) -> RunningConsumer:
        """Start another worker in place of one that has ended."""
        worker.__exit__()
        self.running.remove(worker)
        self.running.append(self._start())
        return self.running[-1]

    def stop(self, worker: RunningConsumer) -> None:
        """SIGTERM; notes a problem unless the worker exits with code 0 in time."""
        worker.process.send_signal(signal.SIGCONT)
        try:
            code = worker.stop()
        except subprocess.TimeoutExpired:
            worker.process.kill()
            self.problems.append(f"a worker did not exit within {STOPPED_WITHIN_S:.0f} s of SIGTERM")
            return
        if code:
            self.problems.append(f"a worker exited with code {code} on SIGTERM: {_last_line(worker.log)}")

    def replace_all(self) -> None:
        """Stop all of them and start others."""
        for worker in list(self.running):
            self.stop(worker)
            self.replace(worker)

    def check_running(self) -> None:
        """Note and replace the workers that exited by themselves."""
        for worker in list(self.running):
            if (code := worker.process.poll()) is not None:
                self.problems.append(f"a worker exited by itself with code {code}: {_last_line(worker.log)}")
                self.replace(worker)

    def __exit__(self, *exc_info: object) -> None:
        for worker in self.running:
            if worker.process.poll() is None:
                self.stop(worker)
            worker.__exit__()

    def _start(self) -> RunningConsumer:
        return self._start_one(self._folder / f"worker-{next(self._numbers)}.log")


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it logged nothing"
