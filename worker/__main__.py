"""python -m worker: starts the worker, or one of its commands replay and shadow."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from prometheus_client import CollectorRegistry

from mmdigit.consuming.health import LoopHealth
from mmdigit.settings.program import run_program
from mmdigit.telemetry.health import HealthServer
from mmdigit.telemetry.logs import configure as configure_logs
from worker.process import run_process
from worker.processes import run_processes
from worker.replay.command import replay
from worker.replay.settings import ReplaySettings
from worker.settings import WorkerSettings
from worker.shadow.command import shadow
from worker.shadow.settings import ShadowSettings


def run_worker(argv: Sequence[str]) -> int:
    """Run the worker, in this process or in --processes of them."""
    settings = WorkerSettings.load(argv)
    configure_logs(settings.log_level, as_json=settings.json_logs)
    if settings.processes > 1:
        return run_processes(settings)
    return run_process(settings, partial(_serve, settings))


@contextmanager
def _serve(settings: WorkerSettings, registry: CollectorRegistry, health: LoopHealth) -> Iterator[str]:
    host, token = settings.metrics_host, settings.read_token
    server = HealthServer(host, settings.metrics_port, registry, health.alive, health.ready, token)
    try:
        yield f"http://{host}:{server.port}/metrics"
    finally:
        server.close()


def main() -> int:
    if sys.argv[1:2] == ["replay"]:
        return run_program(ReplaySettings.prog, replay, sys.argv[2:])
    if sys.argv[1:2] == ["shadow"]:
        return run_program(ShadowSettings.prog, shadow, sys.argv[2:])
    return run_program(WorkerSettings.prog, run_worker)


if __name__ == "__main__":
    sys.exit(main())
