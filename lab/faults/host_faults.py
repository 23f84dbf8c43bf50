"""The machine's clock jumps, or the worker is killed for its memory."""

import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from docker.errors import APIError
from docker.models.containers import Container

from lab.faults.fault import Fault, Scene
from schemas.errors import TransportError

HALF_HOUR_S, DAY_S = 1_800, 86_400
"""Within and beyond what a broker takes of a producer's clock: message.timestamp.after.max.ms, an hour by default."""

JUMPED_FOR_S = 4.0
MEMORY_BYTES = 320 * 1024 * 1024
IMAGE = "mmdigit:faults"
ROOT = Path(__file__).parents[2]
_CLOCK = "clock"
_SEEN_WITHIN_S = 20.0
_CLOSE_S = 60.0
_REFUSED = "InvalidTimestampError"
_KILLED_WITHIN_S = 30.0
_READY_WITHIN_S = 60.0
_READY = "import urllib.request as r; r.urlopen('http://127.0.0.1:9100/readyz', timeout=5)"


def no_compiler() -> str:
    """Why no process can be given another clock; empty if one can."""
    return "" if shutil.which("cc") else "needs a C compiler, for the workers' other clock (Debian: gcc)"


def with_clock(folder: Path) -> Sequence[str]:
    """Becomes a worker whose wall clock, not the monotonic one, is off by what the file "clock" of the folder says.

    By a library of our own: libfaketime 0.9.10 also shifts absolute sleeps, which Python's time.sleep then fails on.
    """
    file, library = folder / _CLOCK, folder / "clock.so"
    file.write_text("0")
    source = str(Path(__file__).with_name("clock.c"))
    built = subprocess.run(  # noqa: S603
        ["cc", "-shared", "-fPIC", "-O2", "-o", str(library), source],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
    )
    if built.returncode:
        raise TransportError(f"expected cc to build {source}, got: {built.stderr.strip()[:300]}")
    return ("env", f"LD_PRELOAD={library}", f"FAULTS_CLOCK_FILE={file}")


def jump(seconds: int) -> Callable[[Scene], None]:
    """The workers' wall clocks ahead by so much, then back by so much, then right again."""

    def strike(scene: Scene) -> None:
        for off_s in (seconds, -seconds):
            (scene.folder / _CLOCK).write_text(str(off_s))
            scene.load.burst(scene.partitions)
            if not _within(_SEEN_WITHIN_S, partial(_is_off, scene, off_s)):
                scene.crew.problems.append(f"no sign of a worker whose clock is off by {off_s} s")
            scene.hold(JUMPED_FOR_S)
        (scene.folder / _CLOCK).write_text("0")

    return strike


def no_docker_command() -> str:
    """Why no image can be built; empty if one can."""
    return "" if shutil.which("docker") else "needs the docker command, to build the worker's image"


def run_out_of_memory(scene: Scene) -> None:
    """A worker in a container has its memory taken until the kernel kills it; its restart policy brings it back."""
    worker = _container(scene)
    scene.load.burst(400)
    time.sleep(scene.draw.uniform(0, 0.6))
    since_s, before = time.time(), _restarts(worker)
    # Shared memory counts as the container's and belongs to no process: the largest one is the worker.
    worker.exec_run(["dd", "if=/dev/zero", "of=/dev/shm/hog", "bs=1M"], detach=True)
    if not _within(_KILLED_WITHIN_S, lambda: _restarts(worker) > before):
        raise TransportError(f"expected the kernel to kill a worker within {_KILLED_WITHIN_S:.0f} s, it did not")
    events = worker.client.events(
        since=since_s, until=time.time() + 1, filters={"container": worker.id, "event": "oom"}
    )
    if not list(events):
        scene.crew.problems.append("a worker in a container ended, but not for its memory")


def _container(scene: Scene) -> Container:
    """The worker in a container, beside the one of the crew; started, and ready, the first time."""
    name = f"{scene.services.network.name}-worker"
    client = scene.services.network.client
    for container in client.containers.list(filters={"name": name}):
        return container
    _build()
    jobs_url, store_url = scene.services.inner_urls
    worker: Container = client.containers.run(
        IMAGE,
        ["--from", jobs_url, "--store", store_url],
        name=name,
        detach=True,
        network=scene.services.network.name,
        mem_limit=MEMORY_BYTES,
        memswap_limit=MEMORY_BYTES,
        shm_size=2 * MEMORY_BYTES,
        restart_policy={"Name": "on-failure", "MaximumRetryCount": 10},
    )
    scene.at_end.callback(_end, worker, scene)
    if not _within(_READY_WITHIN_S, lambda: worker.exec_run(["python", "-c", _READY]).exit_code == 0):
        raise TransportError(
            f"expected a worker in a container within {_READY_WITHIN_S:.0f} s: {worker.logs(tail=3)!r}"
        )
    return worker


def _end(worker: Container, scene: Scene) -> None:
    worker.stop(timeout=60)
    worker.reload()
    if code := worker.attrs["State"]["ExitCode"]:
        scene.crew.problems.append(f"a worker in a container left with exit code {code} on SIGTERM")
    worker.remove(force=True)


def _build() -> None:
    override = f"services: {{worker: {{image: '{IMAGE}', build: .}}}}"
    command = ("docker", "compose", "--file", "-", "--project-directory", ".", "build", "--quiet", "worker")
    done = subprocess.run(command, cwd=ROOT, input=override, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise TransportError(f"expected to build the worker's image: {done.stderr.strip()[-500:]}")


def _restarts(worker: Container) -> int:
    try:
        worker.reload()
    except APIError:
        return 0
    return int(worker.attrs["RestartCount"])


def _is_off(scene: Scene, off_s: float) -> bool:
    """Whether the newest prediction was made by a clock that is off by so much, or the broker refused its time."""
    if off_s > HALF_HOUR_S and any(_REFUSED in log.read_text() for log in scene.folder.glob("worker-*.log")):
        return True  # of a dead letter: nothing is answered then, until the clock is right again
    newest = scene.watch.newest
    if newest is None:
        return False
    return abs((newest.timings.predicted_at - datetime.now(UTC)).total_seconds() - off_s) < _CLOSE_S


def _within(timeout_s: float, look: Callable[[], bool]) -> bool:
    deadline_s = time.monotonic() + timeout_s
    while not look():
        if time.monotonic() > deadline_s:
            return False
        time.sleep(0.1)
    return True


FAULTS = (
    Fault("clock jumps by half an hour", 3, jump(HALF_HOUR_S), launcher=with_clock, missing=no_compiler),
    Fault("clock jumps by a day", 1, jump(DAY_S), launcher=with_clock, missing=no_compiler),
    Fault("out of memory in a container", 3, run_out_of_memory, workers=1, missing=no_docker_command),
)
