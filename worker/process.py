"""One process of the worker: opens what the loop needs, and runs it."""

import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from functools import partial

from prometheus_client import CollectorRegistry

from mmdigit.consuming.health import LoopHealth
from mmdigit.consuming.stopping import StopSignals
from mmdigit.consuming.waiting import wait_for_topic
from mmdigit.reading.decision import OperatingPoint
from mmdigit.reading.predictor import Predictor
from mmdigit.settings.redaction import redact
from mmdigit.telemetry.spans import open_tracer
from mmdigit.transport.urls import open_consumer, open_publisher, open_store, system_and_topic
from schemas import VERSION
from worker.loop import Worker
from worker.metrics import Metrics
from worker.settings import WorkerSettings
from worker.tracing import Tracing

log = logging.getLogger(__name__)

Serve = Callable[[CollectorRegistry, LoopHealth], AbstractContextManager[str]]
"""Shows metrics and health to others for the length of the block, whose value says where."""


def run_process(settings: WorkerSettings, serve: Serve) -> int:
    """Run the loop (worker.loop.Worker) until SIGTERM, SIGINT or --exit-when-idle-s. Call it in the main thread."""
    access = settings.access
    metrics = Metrics()
    metrics.build_info.labels(VERSION).set(1)
    health = LoopHealth(settings.stuck_after_s)
    with ExitStack() as stack:
        address = stack.enter_context(serve(metrics.registry, health))
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
        metrics.set_baseline(model.baseline)
        log_target_error(model.target_error, model.points)
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
        wait = partial(
            wait_for_topic, wait_s=settings.topic_wait_s, waiting_for=partial(setattr, health, "waiting_for")
        )
        dead_letters = stack.enter_context(wait(partial(open_publisher, settings.dead_letters_url, access=access)))
        join = partial(open_consumer, settings.from_url, group=settings.consumer_group)
        consumer = stack.enter_context(wait(partial(join, instance_id=settings.instance_id, access=access)))
        worker = health.loop = Worker(settings, model, consumer, store, dead_letters, metrics, tracing=tracing)
        stack.enter_context(StopSignals(worker.stop, settings.stop_timeout_s))
        log.info(
            "ready to work",
            extra={
                "version": VERSION,
                "jobs": redact(settings.from_url),
                "store": redact(settings.store_url),
                "model": model.model_version,
                "metrics": address,
            },
        )
        worker.run()
    log.info("stopped", extra={"answered": worker.answered, "dead_lettered": worker.dead_lettered})
    return 0


def log_target_error(target_error: float, points: Mapping[str, OperatingPoint]) -> None:
    """Log whether held-out data show the target error for every head; warn if they do not. points: of a Predictor."""
    not_shown = [head for head, point in points.items() if not point.meets_target]
    if any(point.bound is None for point in points.values()):
        message = "the model file holds fixed thresholds: the target error has no effect, and no held-out data show it"
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
