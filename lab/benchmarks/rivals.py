"""The contestants of lab.benchmarks.peers as processes: this worker and what people would use in its place."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple

from lab.kit.cores import pinned
from lab.kit.saturation import BATCH_SIZE, start_worker
from lab.kit.stack import Place
from schemas.errors import SettingsError, TransportError

ROOT = Path(__file__).parents[2]
ENVIRONMENTS = ROOT / ".venv-peers"
STOPPED_WITHIN_S = 60.0


class Contestant(NamedTuple):
    """program: this worker, or a module of lab.benchmarks.contestants. decoding: as its answering."""

    program: Literal["worker", "arroyo", "faststream", "quix", "first_loop"]
    decoding: Literal["ours", "own"]

    @property
    def name(self) -> str:
        return "worker" if self.program == "worker" else f"{self.program}, {self.decoding}"

    @property
    def in_batches(self) -> bool:
        return self.program != "first_loop"


WORKER = Contestant("worker", "ours")
CONTESTANTS = (
    WORKER,
    *(Contestant(program, "ours") for program in ("arroyo", "faststream", "quix")),
    *(Contestant(program, "own") for program in ("arroyo", "faststream", "quix")),
    Contestant("first_loop", "own"),
)


@contextmanager
def running(contestant: Contestant, place: Place, folder: Path, core: int | None) -> Iterator[int]:
    """The contestant reading place on that core with one thread; yields its process's id, ends it by SIGTERM.

    A process that was killed meanwhile is left alone. Raises SettingsError if its environment is missing.
    """
    if contestant is WORKER:
        with start_worker(place, folder, core) as worker:
            yield worker.process.pid
        return
    python = ROOT / ".venv" / "bin" / "python"
    if contestant.in_batches:
        python = ENVIRONMENTS / contestant.program / "bin" / "python"
    if not python.exists():
        raise SettingsError(f"expected the environment of {contestant.program} at {python}; run make peers")
    command = [
        *(str(python), "-m", f"lab.benchmarks.contestants.{contestant.program}", "--decoding", contestant.decoding),
        *("--bootstrap", place.bootstrap, "--topic", place.topic, "--redis", place.store_url),
        *("--batch-size", str(BATCH_SIZE)),
    ]
    path = folder / f"{contestant.program}.log"
    with path.open("wb") as log:
        process = subprocess.Popen(  # noqa: S603
            pinned(command, core), cwd=ROOT, env=os.environ | {"OMP_NUM_THREADS": "1"}, stdout=log, stderr=log
        )
        try:
            yield process.pid
        except TransportError as exc:
            last = path.read_text(errors="replace").strip().splitlines()[-1:] or ["nothing"]
            raise TransportError(f"{contestant.name}: {exc}; it last said: {last[0][:300]}") from exc
        finally:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(STOPPED_WITHIN_S)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
