"""A gateway in a process of its own, on SQLite files."""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from lab.kit.polling import until
from tests.processes import running


@dataclass
class Gateway:
    """A gateway that is ready. url, metrics_url: where it serves."""

    process: Any
    url: str
    metrics_url: str
    log: Path

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def get(self, path: str) -> httpx.Response:
        return httpx.get(f"{self.url}{path}", trust_env=False, timeout=30)


@contextmanager
def gateway(folder: Path, *flags: str, before: Sequence[str] = ()) -> Iterator[Gateway]:
    """before: a command that runs it, such as one that sets limits."""
    log = folder / "gateway.log"
    url = f"sqlite:///{folder / 'queue.db'}"
    options = ["--jobs", url, "--store", url, "--database", f"sqlite:///{folder / 'gateway.db'}", "--json-logs"]
    command = [sys.executable, "-m", "mmdigit.gateway", *options, "--port", "0", "--metrics-port", "0", *flags]
    with log.open("w") as output, running([*before, *command], stdout=output, stderr=output) as process:

        def ready() -> dict[str, Any] | None:
            assert process.poll() is None, log.read_text()
            return next((line for line in log_lines(log) if line["message"] == "ready to serve"), None)

        said = until(ready, "a gateway that serves")
        assert said is not None
        yield Gateway(process, said["api"], said["metrics"].removesuffix("/metrics"), log)


def log_lines(log: Path) -> list[dict[str, Any]]:
    """The whole lines of a log."""
    return [json.loads(line) for line in log.read_text().split("\n")[:-1]]
