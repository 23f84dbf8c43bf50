"""Starts the compared programs as processes: this worker and its peers."""

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple

from lab.kit.cores import pinned
from lab.kit.saturation import BATCH_SIZE, start_worker
from lab.kit.stack import Endpoints
from schemas.errors import SettingsError, TransportError

ROOT = Path(__file__).parents[3]
ENVIRONMENTS = ROOT / ".venv-peers"
STOPPED_WITHIN_S = 60.0


class Program(NamedTuple):
    """framework: this worker, or a module of lab.benchmarks.peers. decoding: as in answering.py."""

    framework: Literal["worker", "arroyo", "bytewax", "faststream", "quix", "first_loop"]
    decoding: Literal["ours", "own"]

    @property
    def name(self) -> str:
        return "worker" if self.framework == "worker" else f"{self.framework}, {self.decoding}"

    @property
    def in_batches(self) -> bool:
        return self.framework != "first_loop"


WORKER = Program("worker", "ours")
PROGRAMS = (
    WORKER,
    *(Program(framework, "ours") for framework in ("arroyo", "bytewax", "faststream", "quix")),
    *(Program(framework, "own") for framework in ("arroyo", "bytewax", "faststream", "quix")),
    Program("first_loop", "own"),
)


@contextmanager
def running(
    program: Program, endpoints: Endpoints, folder: Path, core: int | None, options: Sequence[str] = ()
) -> Iterator[int]:
    """Run the program on that core with one thread; yields its process id, and ends it by SIGTERM unless it has ended.

    options: more of its flags. Raises SettingsError if its environment is missing.
    """
    if program is WORKER:
        with start_worker(endpoints, folder, core, options=options) as worker:
            yield worker.process.pid
        return
    python = ROOT / ".venv" / "bin" / "python"
    if program.in_batches:
        python = ENVIRONMENTS / program.framework / "bin" / "python"
    if not python.exists():
        raise SettingsError(f"expected the environment of {program.framework} at {python}, got none; run make peers")
    command = [
        *(str(python), "-m", f"lab.benchmarks.peers.{program.framework}", "--decoding", program.decoding),
        *("--bootstrap", endpoints.bootstrap, "--topic", endpoints.topic, "--redis", endpoints.store_url),
        *("--batch-size", str(BATCH_SIZE), "--state", str(folder / "state"), *options),
    ]
    path = folder / f"{program.framework}.log"
    with path.open("wb") as log:
        process = subprocess.Popen(  # noqa: S603
            pinned(command, core), cwd=ROOT, env=os.environ | {"OMP_NUM_THREADS": "1"}, stdout=log, stderr=log
        )
        try:
            yield process.pid
        except TransportError as exc:
            last = path.read_text(errors="replace").strip().splitlines()[-1:] or ["nothing"]
            raise TransportError(f"{program.name}: {exc}; its last line: {last[0][:300]}") from exc
        finally:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(STOPPED_WITHIN_S)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
