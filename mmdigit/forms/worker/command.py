"""`python -m mmdigit.forms worker`: the page worker from its settings to its end."""

import logging
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial

from mmdigit.consuming.health import LoopHealth
from mmdigit.consuming.stopping import StopSignals
from mmdigit.consuming.waiting import wait_for_topic
from mmdigit.forms.free.reader import FreeFieldReader
from mmdigit.forms.loading import load_template
from mmdigit.forms.pages.decoder import PageDecoder
from mmdigit.forms.spoken.hearing import FieldHearer
from mmdigit.forms.store.sql_store import open_page_store
from mmdigit.forms.template.template import Template
from mmdigit.forms.worker.loop import PageWorker
from mmdigit.forms.worker.metrics import PageMetrics
from mmdigit.forms.worker.registrar import PageRegistrar
from mmdigit.forms.worker.settings import PageWorkerSettings
from mmdigit.reading.predictor import Predictor
from mmdigit.settings.redaction import redact
from mmdigit.telemetry.health import HealthServer
from mmdigit.telemetry.logs import configure as configure_logs
from mmdigit.transport.urls import open_consumer, open_publisher
from schemas import VERSION

log = logging.getLogger(__name__)


def _readers(
    templates: Sequence[Template], settings: PageWorkerSettings
) -> tuple[FieldHearer | None, FreeFieldReader | None]:
    """What listens to recordings, and what reads free fields; None, and no model is loaded, where no form needs it."""
    fields = (field for template in templates for page in template.pages for field in page.all_fields)
    hears, free = any(field.spoken != "no" for field in fields), any(each.has_free_fields for each in templates)
    if not hears and not free:
        return None, None
    predictor = Predictor.load(settings.weights, threads=settings.threads)
    return FieldHearer(predictor) if hears else None, FreeFieldReader(predictor) if free else None


def run_page_worker(argv: Sequence[str]) -> int:
    """Run the loop (mmdigit.forms.worker.loop.PageWorker) until SIGTERM, SIGINT or --exit-when-idle-s."""
    settings = PageWorkerSettings.load(argv)
    configure_logs(settings.log_level, as_json=settings.json_logs)
    access = settings.access
    token = settings.read_token
    metrics = PageMetrics()
    metrics.build_info.labels(VERSION).set(1)
    health = LoopHealth(settings.stuck_after_s)
    templates = [load_template(path) for path in settings.templates]
    registrar = PageRegistrar(templates, *_readers(templates, settings))
    with ExitStack() as stack:
        server = HealthServer(
            settings.metrics_host, settings.metrics_port, metrics.registry, health.alive, health.ready, token
        )
        stack.callback(server.close)
        decoder = stack.enter_context(PageDecoder())
        store = stack.enter_context(open_page_store(settings.forms_url, settings.forms_database_password))
        wait = partial(
            wait_for_topic, wait_s=settings.topic_wait_s, waiting_for=partial(setattr, health, "waiting_for")
        )
        publish = partial(open_publisher, access=access)
        jobs = stack.enter_context(wait(partial(publish, settings.jobs_url)))
        dead_letters = stack.enter_context(wait(partial(publish, settings.dead_letters_url)))
        join = partial(open_consumer, settings.from_url, group=settings.consumer_group)
        consumer = stack.enter_context(wait(partial(join, instance_id=settings.instance_id, access=access)))
        worker = health.loop = PageWorker(settings, decoder, registrar, consumer, jobs, store, dead_letters, metrics)
        stack.enter_context(StopSignals(worker.stop, settings.stop_timeout_s))
        log.info(
            "ready to work",
            extra={
                "version": VERSION,
                "pages": redact(settings.from_url),
                "jobs": redact(settings.jobs_url),
                "forms": redact(settings.forms_url),
                "metrics": f"http://{settings.metrics_host}:{server.port}/metrics",
            },
        )
        worker.run()
    log.info("stopped", extra={"kept": worker.kept, "dead_lettered": worker.dead_lettered})
    return 0
