"""Runs a worker in a process of its own, for the demo, the benchmarks and the tests: start, wait, scrape, stop."""

import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Self

from prometheus_client.parser import text_string_to_metric_families

from schemas.errors import TransportError

READY_WITHIN_S = 120.0
STOPPED_WITHIN_S = 60.0
_POLL_INTERVAL_S = 0.005
_METRICS_URL = re.compile(r"metrics=(http://\S+)")


class Scraped:
    """The metrics of one scrape."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]

    def value(self, name: str, **labels: str) -> float:
        """The sum of the samples with this name and these labels, among others; 0 if there are none."""
        return sum(s.value for s in self._samples if s.name == name and labels.items() <= s.labels.items())

    def quantile(self, name: str, q: float) -> float:
        """The q-quantile of a histogram, interpolated within its bucket like Prometheus does; NaN if it is empty."""
        bounds = {s.labels["le"] for s in self._samples if s.name == f"{name}_bucket"}
        counts = sorted((float(bound), self.value(f"{name}_bucket", le=bound)) for bound in bounds)
        total = counts[-1][1] if counts else 0.0
        lower = below = 0.0
        for bound, count in counts:
            if total and count >= q * total:
                inside = 0.0 if bound == float("inf") else (bound - lower) * (q * total - below) / (count - below)
                return lower + inside
            lower, below = bound, count
        return float("nan")


class RunningConsumer:
    """A worker of any kind, logging to a file; SIGTERM at the end of the block stops it."""

    def __init__(self, command: Sequence[str], log: Path) -> None:
        """command: its metrics have a free port, unless it names one."""
        self.log = log
        self._file: IO[bytes] = log.open("wb")
        port = () if "--metrics-port" in command else ("--metrics-port", "0")
        self.process = subprocess.Popen([*command, *port], stderr=self._file)  # noqa: S603
        self.metrics_url = ""

    def wait_until_ready(self) -> None:
        """Raises TransportError, with the last log line, if the worker exits or is not ready in time."""
        deadline_s = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < deadline_s and self.process.poll() is None:
            if match := _METRICS_URL.search(self.log.read_text()):
                self.metrics_url = match[1]
                return
            time.sleep(_POLL_INTERVAL_S)
        lines = self.log.read_text().strip().splitlines() or ["nothing"]
        raise TransportError(
            f"expected a ready worker within {READY_WITHIN_S:.0f} s, got {lines[-1]}; see its log {self.log}"
        )

    def wait_until_assigned(self) -> None:
        """Wait until /readyz says that it is ready and has partitions. Raises TransportError as wait_until_ready."""
        self.wait_until_ready()
        readyz = self.metrics_url.replace("/metrics", "/readyz")
        deadline_s = time.monotonic() + READY_WITHIN_S
        while True:
            try:
                with urllib.request.urlopen(readyz, timeout=60):  # noqa: S310  the worker's own address
                    return
            except urllib.error.HTTPError as answer:
                got = answer.read().decode().strip()
                answer.close()
            except OSError as error:
                got = f"{error} (exit code {self.process.poll()})"
            if time.monotonic() > deadline_s:
                raise TransportError(
                    f"expected a worker with partitions within {READY_WITHIN_S:.0f} s, got {got}; "
                    f"see its log {self.log}"
                )
            time.sleep(_POLL_INTERVAL_S)

    def scrape(self) -> Scraped:
        """The current metrics."""
        with urllib.request.urlopen(self.metrics_url, timeout=60) as response:  # noqa: S310  the worker's own address
            return Scraped(response.read().decode())

    def stop(self) -> int:
        """Send SIGTERM and wait. Returns the exit code."""
        self.process.terminate()
        return self.process.wait(timeout=STOPPED_WITHIN_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        try:
            if self.process.poll() is None:
                self.stop()
        finally:
            self.process.kill()
            self.process.wait()
            self._file.close()


class RunningWorker(RunningConsumer):
    """`python -m worker` on the given topic and store."""

    def __init__(
        self, jobs_url: str, store_url: str, log: Path, options: Sequence[str] = (), launcher: Sequence[str] = ()
    ) -> None:
        """Start the worker. options: more of its flags. launcher: a command that executes it, such as taskset."""
        place = ("--from", jobs_url, "--store", store_url)
        super().__init__([*launcher, sys.executable, "-m", "worker", *place, *options], log)
