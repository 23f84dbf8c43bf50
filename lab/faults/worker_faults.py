"""Faults of workers: killed, terminated, or frozen for longer than their group waits."""

import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from lab.faults.fault import Fault, Scene
from lab.faults.short_timeouts import MAX_POLL_INTERVAL_MS, SESSION_TIMEOUT_MS


def kill(context: Scene) -> None:
    """SIGKILL; another worker starts at once."""
    worker = context.draw.choice(context.workers.running)
    worker.process.kill()
    worker.process.wait()
    context.workers.replace(worker)


def terminate(context: Scene) -> None:
    """SIGTERM; another worker starts once this one has exited, which must be with code 0."""
    worker = context.draw.choice(context.workers.running)
    context.workers.stop(worker)
    context.workers.replace(worker).wait_until_assigned()


def freeze(context: Scene) -> None:
    """SIGSTOP until session and poll interval are over and other workers have the partitions."""
    worker = context.draw.choice(context.workers.running)
    worker.process.send_signal(signal.SIGSTOP)
    context.hold(max(SESSION_TIMEOUT_MS, MAX_POLL_INTERVAL_MS) / 1000 + 4.0)
    worker.process.send_signal(signal.SIGCONT)


def with_short_timeouts(_folder: Path) -> Sequence[str]:
    """Launches a worker with short timeouts."""
    return (sys.executable, "-m", "lab.faults.short_timeouts")


FAULTS = (
    Fault("worker SIGKILL", 20, kill),
    Fault("worker SIGTERM", 20, terminate, no_duplicates=True),
    Fault("worker SIGSTOP beyond session and max poll", 3, freeze, launcher=with_short_timeouts),
)
