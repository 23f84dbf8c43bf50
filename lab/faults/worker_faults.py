"""Workers that are killed, asked to leave, or stopped for longer than their group waits."""

import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from lab.faults.fault import Fault, Scene
from lab.faults.impatient import MAX_POLL_INTERVAL_MS, SESSION_TIMEOUT_MS


def kill(scene: Scene) -> None:
    """SIGKILL; another is started at once."""
    worker = scene.draw.choice(scene.crew.workers)
    worker.process.kill()
    worker.process.wait()
    scene.crew.replace(worker)


def terminate(scene: Scene) -> None:
    """SIGTERM; another is started when it has left, which must be with exit code 0."""
    worker = scene.draw.choice(scene.crew.workers)
    scene.crew.stop(worker)
    scene.crew.replace(worker).wait_until_assigned()


def freeze(scene: Scene) -> None:
    """SIGSTOP, until its session and its poll interval are long over and others have its partitions."""
    worker = scene.draw.choice(scene.crew.workers)
    worker.process.send_signal(signal.SIGSTOP)
    scene.hold(max(SESSION_TIMEOUT_MS, MAX_POLL_INTERVAL_MS) / 1000 + 4.0)
    worker.process.send_signal(signal.SIGCONT)


def impatient(_folder: Path) -> Sequence[str]:
    """Becomes a worker with short timeouts."""
    return (sys.executable, "-m", "lab.faults.impatient")


FAULTS = (
    Fault("worker SIGKILL", 20, kill),
    Fault("worker SIGTERM", 20, terminate, no_duplicates=True),
    Fault("worker SIGSTOP beyond session and max poll", 3, freeze, launcher=impatient),
)
