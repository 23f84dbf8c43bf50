"""python -m worker: consumes jobs, predicts them, stores the predictions, commits; or replays, or shadows."""

import logging
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial

from mmdigit.reading.decision import Head, OperatingPoint
from mmdigit.reading.predictor import Predictor
from mmdigit.settings.program import run_program
from mmdigit.settings.redaction import redact
from mmdigit.settings.secrets import read_secret
from mmdigit.telemetry.health import HealthServer, Status
from mmdigit.telemetry.logs import configure as configure_logs
from mmdigit.telemetry.spans import open_tracer
from mmdigit.transport.urls import open_consumer, open_publisher, open_store, system_and_topic
from schemas import VERSION
from worker.loop import Worker
from worker.metrics import Metrics
from worker.replay.command import replay
from worker.replay.settings import ReplaySettings
from worker.settings import WorkerSettings
from worker.shadow.command import shadow
from worker.shadow.settings import ShadowSettings
from worker.stopping import StopSignals
from worker.tracing import Tracing
from worker.waiting import when_there

log = logging.getLogger("worker")


class _Health:
    """What /healthz and /readyz say, before and after the loop is there."""

    def __init__(self, stuck_after_s: float) -> None:
        self.worker: Worker | None = None
        self.waiting_for = ""
        """Before there is a worker: the topic that is missing."""
        self._stuck_after_s = stuck_after_s

    def alive(self) -> Status:
        if self.worker is None:
            return Status(True, "starting")
        if self.worker.failed:
            return Status(False, f"ending: {self.worker.failed}")
        silent_s = self.worker.since_turn_s
        if silent_s > self._stuck_after_s:
            return Status(False, f"stuck: the loop has not turned for {silent_s:.0f} s")
        return Status(True, "alive")

    def ready(self) -> Status:
        if self.worker is None:
            return Status(False, self.waiting_for or "loading the model, or connecting")
        if self.worker.trouble:
            return Status(False, self.worker.trouble)
        if not self.worker.assigned:
            return Status(False, "no partitions assigned yet")
        return Status(True, f"ready, {len(self.worker.assigned)} partitions")


def work(argv: Sequence[str]) -> int:
    """Run the worker until SIGTERM, SIGINT or idleness."""
    settings = WorkerSettings.load(argv)
    configure_logs(settings.log_level, as_json=settings.json_logs)
    access = settings.access
    token = read_secret(settings.metrics_token, settings.metrics_token_file, "metrics_token_file")
    metrics = Metrics()
    metrics.build_info.labels(VERSION).set(1)
    health = _Health(settings.stuck_after_s)
    with ExitStack() as stack:
        server = HealthServer(
            settings.metrics_host, settings.metrics_port, metrics.registry, health.alive, health.ready, token
        )
        stack.callback(server.close)
        tracer = stack.enter_context(
            open_tracer(
                settings.otlp_endpoint,
                "mmdigit-worker",
                lambda outcome, spans: metrics.spans.labels(outcome).inc(spans),
            )
        )
        tracing = Tracing(tracer, system_and_topic(settings.from_url)[0], settings.consumer_group)
        model = Predictor.load(settings.weights, threads=settings.threads, target_error=settings.target_error)
        model.warm_up()
        metrics.target_error.set(model.target_error)
        metrics.expect(model.baseline)
        log_target_error(model.target_error, model.operating_points)
        store = stack.enter_context(
            open_store(
                settings.store_url,
                ttl_s=settings.ttl_s,
                feed_length=settings.feed_length,
                replicas=settings.store_replicas,
                as_json=settings.store_json,
                access=access,
            )
        )
        wait = partial(when_there, wait_s=settings.topic_wait_s, waiting_for=partial(setattr, health, "waiting_for"))
        dead_letters = stack.enter_context(wait(partial(open_publisher, settings.dead_letters_url, access=access)))
        join = partial(open_consumer, settings.from_url, group=settings.consumer_group)
        consumer = stack.enter_context(wait(partial(join, instance_id=settings.instance_id, access=access)))
        worker = health.worker = Worker(settings, model, consumer, store, dead_letters, metrics, tracing=tracing)
        stack.enter_context(StopSignals(worker.stop, settings.stop_timeout_s))
        log.info(
            "ready to work",
            extra={
                "version": VERSION,
                "jobs": redact(settings.from_url),
                "store": redact(settings.store_url),
                "model": model.model_version,
                "metrics": f"http://{settings.metrics_host}:{server.port}/metrics",
            },
        )
        worker.run()
    log.info("stopped", extra={"answered": worker.answered, "dead_lettered": worker.dead_lettered})
    return 0


def log_target_error(target_error: float, points: Mapping[Head, OperatingPoint]) -> None:
    """Say once whether held-out data show the target error for every head; a warning where they do not."""
    not_shown = [head for head, point in points.items() if not point.meets_target]
    if any(point.bound is None for point in points.values()):
        message = "the model file holds fixed thresholds: the target error changes nothing, and nothing shows it"
    elif not_shown:
        message = "held-out data do not show the target error for every head"
    else:
        message = "held-out data show the target error"
    log.log(
        logging.WARNING if not_shown else logging.INFO,
        message,
        extra={
            "target_error": target_error,
            "not_shown": not_shown,
            "error_bounds": {head: point.bound for head, point in points.items()},
            "accepted_from": {head: point.describe() for head, point in points.items()},
        },
    )


def main() -> int:
    if sys.argv[1:2] == ["replay"]:
        return run_program(ReplaySettings.prog, replay, sys.argv[2:])
    if sys.argv[1:2] == ["shadow"]:
        return run_program(ShadowSettings.prog, shadow, sys.argv[2:])
    return run_program(WorkerSettings.prog, work)


if __name__ == "__main__":
    sys.exit(main())
