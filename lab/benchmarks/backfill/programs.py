"""The compared backfills as processes: two workers with `producer --wait` on Kafka and Redis, and Ray Data."""

import csv
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, NamedTuple, Protocol

from lab.benchmarks.backfill.ray_data import STARTED
from lab.benchmarks.peers.running import ENVIRONMENTS, ROOT
from lab.kit.answers import LabelAndConfidence
from lab.kit.cores import Cores
from lab.kit.observer import Observer
from lab.kit.polling import until
from lab.kit.saturation import start_worker
from lab.kit.services import kafka_broker, redis_server
from lab.kit.stack import Stack
from lab.kit.usage import family
from samples.running import RunningWorker
from schemas.errors import SettingsError, TransportError

WORKERS = 2
GROUP = "backfill"
WAITS_S = 120.0
"""The producer's patience after the last outcome: longer than a killed worker's session in its consumer group."""


class Table(NamedTuple):
    """A finished predictions file. repeated: rows beyond the first of their id."""

    answers: dict[str, LabelAndConfidence]
    repeated: int


class Backfill(Protocol):
    """One backfill, which can be killed and started again."""

    def start(self) -> None:
        """Start its processes."""

    def predicted(self) -> int:
        """How many pairs are predicted so far, over all starts; a pair that is predicted again counts again."""

    def runs(self) -> bool:
        """Whether it has not ended by itself."""

    def wait(self) -> None:
        """Until the predictions are complete. Raises TransportError if the program fails."""

    def kill(self) -> None:
        """SIGKILL to every process of the program at once."""

    def starting_s(self) -> float:
        """Of the last start, seconds to begin services that could have run before; 0 if there are none."""

    def table(self) -> Table:
        """The predictions, once they are complete."""

    def close(self) -> None:
        """End what still runs."""


class Workers:
    """Two workers and `producer --wait`, all without options but the batch size. Broker and store run already."""

    def __init__(self, stack: Stack, manifest: Path, folder: Path, *, counted: bool = False) -> None:
        """folder: empty, for logs, journal and predictions. counted: keep what predicted() says.

        Makes a new topic, and empties the store.
        """
        self._endpoints = stack.new_run()
        self._manifest = manifest
        self._folder = folder
        self._output = folder / "predictions.csv"
        self._running = ExitStack()
        self._observer = self._running.enter_context(Observer(stack.redis_url)) if counted else None
        self._starts = 0
        self._workers: list[RunningWorker] = []
        self._producer: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._starts += 1
        self._workers = [
            self._running.enter_context(
                start_worker(self._endpoints, self._folder, None, f"worker-{self._starts}-{number}")
            )
            for number in range(WORKERS)
        ]
        command = [
            *(sys.executable, "-m", "producer", "--from", str(self._manifest), "--to", self._endpoints.jobs_url),
            *("--group", GROUP, "--journal-dir", str(self._folder / "journal"), "--wait"),
            *("--store", self._endpoints.store_url, "--output", str(self._output)),
            *("--wait-timeout-s", str(WAITS_S)),
        ]
        log = self._running.enter_context((self._folder / f"producer-{self._starts}.log").open("wb"))
        self._producer = self._running.enter_context(_process(command, log))

    def predicted(self) -> int:
        assert self._observer is not None  # noqa: S101  the caller asked for counts
        return sum(map(len, self._observer.times_s().values()))

    def runs(self) -> bool:
        return self._producer is not None and self._producer.poll() is None

    def wait(self) -> None:
        assert self._producer is not None  # noqa: S101  start() comes first
        _require_success(self._producer, self._folder / f"producer-{self._starts}.log")

    def kill(self) -> None:
        assert self._producer is not None  # noqa: S101  start() comes first
        for process in (self._producer, *(worker.process for worker in self._workers)):
            process.kill()
            process.wait()

    def starting_s(self) -> float:
        return 0.0

    def table(self) -> Table:
        return read_parts([self._output])

    def close(self) -> None:
        self._running.close()


class RayData:
    """lab.benchmarks.backfill.ray_data in its own environment."""

    def __init__(self, manifest: Path, folder: Path, *, checkpoints: bool, counted: bool = False) -> None:
        """folder: empty, for log, counts and predictions. checkpoints: a second start leaves out what is written.

        counted: keep what predicted() says. Raises SettingsError if the environment is missing.
        """
        python = ENVIRONMENTS / "ray" / "bin" / "python"
        if not python.exists():
            raise SettingsError(f"expected the environment of Ray at {python}, got none; run make peers")
        self._folder = folder
        self._output = folder / "predictions"
        self._counted = folder / "counted"
        self._running = ExitStack()
        # Below the system's own folder for such: the names of Ray's sockets there may have 107 characters.
        temporary = self._running.enter_context(TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True))
        self._command = [
            *(str(python), "-m", "lab.benchmarks.backfill.ray_data", str(manifest), str(self._output)),
            *("--temporary", temporary),
            *(("--counted", str(self._counted)) if counted else ()),
            *(("--checkpoint", str(folder / "checkpoint")) if checkpoints else ()),
        ]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        log = self._running.enter_context((self._folder / "ray.log").open("ab"))
        # HOME: Ray leaves a token there.
        own = {"HOME": str(self._folder), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        own["RAY_USAGE_STATS_ENABLED"] = "0"
        self._process = self._running.enter_context(_process(self._command, log, own))

    def predicted(self) -> int:
        return sum(map(int, self._counted.read_text().split())) if self._counted.exists() else 0

    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def wait(self) -> None:
        assert self._process is not None  # noqa: S101  start() comes first
        _require_success(self._process, self._folder / "ray.log")

    def kill(self) -> None:
        assert self._process is not None  # noqa: S101  start() comes first
        _kill(family(self._process.pid))
        self._process.wait()

    def starting_s(self) -> float:
        return started_s((self._folder / "ray.log").read_text(errors="replace"))

    def table(self) -> Table:
        return read_parts(sorted(self._output.glob("*.csv")))

    def close(self) -> None:
        if self.runs():
            self.kill()
        self._running.close()


@contextmanager
def services() -> Iterator[Stack]:
    """A broker and a store, on any core."""
    with kafka_broker() as bootstrap, redis_server() as store_url:
        stack = Stack(bootstrap, store_url, Cores(None, None))
        try:
            yield stack
        finally:
            stack.redis.close()


def started_s(log: str) -> float:
    """The last start that lab.benchmarks.backfill.ray_data reports. Raises TransportError if there is none."""
    found = re.findall(rf"^{STARTED} ([0-9.]+) s$", log, re.MULTILINE)
    if not found:
        raise TransportError("expected Ray to say how long its start took, got no such line")
    return float(found[-1])


def read_parts(paths: Sequence[Path]) -> Table:
    """The rows of all these CSV files with the columns id, label and confidence; of a repeated id the last counts."""
    answers: dict[str, LabelAndConfidence] = {}
    rows = 0
    for path in paths:
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                rows += 1
                answers[row["id"]] = LabelAndConfidence(int(row["label"]), float(row["confidence"]))
    return Table(answers, rows - len(answers))


@contextmanager
def _process(
    command: Sequence[str], log: IO[bytes], own: dict[str, str] | None = None
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run the command in the project's folder until the end of the block."""
    process = subprocess.Popen(  # noqa: S603
        command, cwd=ROOT, env=os.environ | (own or {}), stdout=log, stderr=log
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _require_success(process: "subprocess.Popen[bytes]", log: Path) -> None:
    if process.wait():
        last = log.read_text(errors="replace").strip().splitlines()[-1:] or ["nothing"]
        raise TransportError(f"expected exit code 0, got {process.returncode}; its last line: {last[0][:300]}")


def _kill(pids: Sequence[int]) -> None:
    """SIGKILL to each, and wait until they are gone or wait for their parent."""
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    until(lambda: not [pid for pid in pids[1:] if _runs(pid)], "the killed processes to end")


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
