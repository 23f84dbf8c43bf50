"""A gateway in a process of its own, which a test kills and starts again at the same address."""

import socket
import subprocess
import sys
from pathlib import Path
from typing import Self

from lab.kit.polling import until
from samples.running import RunningWorker


class GatewayProcess:
    """`python -m mmdigit.gateway` on SQLite files in folder."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.queue = f"sqlite:///{folder / 'queue.db'}"
        self._log = (folder / "gateway.log").open("ab")
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port: int = listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._command = [
            *(sys.executable, "-m", "mmdigit.gateway", "--jobs", self.queue, "--store", self.queue),
            *("--database", f"sqlite:///{folder / 'gateway.db'}", "--port", str(self.port), "--metrics-port", "0"),
            *options,
        ]
        self._folder = folder
        self.start()

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        self._process = subprocess.Popen(self._command, stderr=self._log)
        until(self._takes_connections, "a gateway that serves")

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def worker(self) -> RunningWorker:
        """A worker for its jobs."""
        return RunningWorker(self.queue, self.queue, self._folder / "worker.log")

    def _takes_connections(self) -> bool:
        assert self._process.poll() is None, (self._folder / "gateway.log").read_text()
        try:
            socket.create_connection(("127.0.0.1", self.port)).close()
        except OSError:
            return False
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.kill()
        self._log.close()
