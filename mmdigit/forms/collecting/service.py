"""Runs a collector: until all pages that are there are decided, or as a service until SIGTERM."""

import logging
import math
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TextIO

from pydantic import SecretStr

from mmdigit.consuming.backoff import Backoff
from mmdigit.consuming.stopping import stop_on_first_signal
from mmdigit.forms.collecting.collector import Collector
from mmdigit.forms.collecting.metrics import CollectMetrics
from mmdigit.forms.collecting.progress import ProgressLine, Standing
from mmdigit.forms.fields.thresholds import Thresholds
from mmdigit.forms.reviewing.control import controlled_weeks, target_of
from mmdigit.forms.store.ports import PageStore
from mmdigit.forms.template.template import Template
from mmdigit.telemetry.health import HealthServer, Status
from mmdigit.telemetry.logs import configure as configure_logs
from mmdigit.transport.ports import PredictionStore
from schemas.errors import MmdigitError, RetriableError

log = logging.getLogger(__name__)

PAUSE_S = 1.0  # between sweeps that decide nothing
COUNT_EVERY_S = 10.0  # other programs change the counts, too
CONTROL_EVERY_S = 60.0
CONTROL_WEEKS = 5  # so far back the metrics of the control look
STUCK_AFTER_S = 120.0  # without a batch, after which /healthz fails
LAST_RETRY_S = 10.0  # the longest pause after a store has failed


@dataclass(frozen=True)
class ServiceOptions:
    """Where --follow serves its metrics, and how it logs."""

    host: str
    port: int
    token: SecretStr | None
    log_level: str
    json_logs: bool


class Collection:
    """One run of a collector."""

    def __init__(
        self,
        template: Template,
        forms: PageStore,
        predictions: PredictionStore,
        thresholds: Thresholds | None = None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._now = now
        self._controlled_s = -math.inf
        self._template, self._forms = template, forms
        self._collector = Collector(template, forms, predictions, thresholds)
        self._clock = clock
        self._stop = threading.Event()
        self._turned_s = self._counted_s = clock()
        self._waiting_for = ""
        self.metrics = CollectMetrics(template.form)
        self.standing = Standing(0, 0, 0, 0, 0)

    def stop(self) -> None:
        """End after the batch in hand."""
        self._stop.set()

    def finish(self, progress: ProgressLine, expected: int | None, wait_timeout_s: float | None) -> bool:
        """Decide until no page waits, or until so many pages are done. Returns whether that was reached.

        wait_timeout_s: the longest time without a decided page; None = no limit. Raises RetriableError if a store
        fails.
        """
        progressed_s = self._clock()
        while not self._stop.is_set():
            self._count(expected)
            progress.show(self.standing)
            if self.standing.done >= (self.standing.pages if expected is None else expected):
                return True
            if self._sweep(progress):
                progressed_s = self._clock()
            elif wait_timeout_s is not None and self._clock() - progressed_s > wait_timeout_s:
                return False
            else:
                self._stop.wait(PAUSE_S)
        return False

    def follow(self, progress: ProgressLine) -> None:
        """Decide pages as their predictions come, until stopped; a store that fails is tried again."""
        pauses = Backoff(LAST_RETRY_S)
        while not self._stop.is_set():
            try:
                if self._clock() - self._counted_s >= COUNT_EVERY_S or not self.standing.pages:
                    self._count(None)
                if self._clock() - self._controlled_s >= CONTROL_EVERY_S:
                    self._show_control()
                decided = self._sweep(progress)
                self._waiting_for, pauses = "", Backoff(LAST_RETRY_S)
                if not decided:
                    self._stop.wait(PAUSE_S)
            except RetriableError as error:
                self._turned_s = self._clock()
                self._waiting_for = str(error)
                self.metrics.retries.inc()
                log.warning("a store fails, trying again", extra={"error": str(error)})
                self._stop.wait(next(pauses))

    def alive(self) -> Status:
        silent_s = self._clock() - self._turned_s
        if silent_s > STUCK_AFTER_S:
            return Status(False, f"stuck: no batch for {silent_s:.0f} s")
        return Status(True, "alive")

    def ready(self) -> Status:
        return Status(False, self._waiting_for) if self._waiting_for else Status(True, "ready")

    def _sweep(self, progress: ProgressLine) -> int:
        """The pages that it decides."""
        pages = 0
        for decided in self._collector.sweep():
            self._turned_s = self._clock()
            pages += decided.pages
            self.standing = self.standing.with_decided(decided.pages, decided.values)
            for value in decided.values:
                for reason in value.reasons:
                    self.metrics.count_reason(reason)
            self.metrics.show(self.standing)
            self.metrics.decided.inc(decided.pages)
            progress.show(self.standing)
            if self._stop.is_set():
                break
        self._turned_s = self._clock()
        return pages

    def _show_control(self) -> None:
        since = self._now() - timedelta(weeks=CONTROL_WEEKS)
        weeks = controlled_weeks(self._forms.controlled(self._template.digest, since), self._template)
        self.metrics.show_control(target_of(self._template), weeks[-1] if weeks else None)
        self._controlled_s = self._clock()

    def _count(self, expected: int | None) -> None:
        self.standing = Standing.of(self._forms.counts(self._template.digest), expected)
        self._counted_s = self._clock()
        self.metrics.show(self.standing)


def collect(
    collection: Collection, output: TextIO, expected: int | None, wait_timeout_s: float | None
) -> bool:  # fmt: skip
    """Decide every page that is there, or until `expected` are done. Returns whether that was reached."""
    with ProgressLine(output) as progress:
        return collection.finish(progress, expected, wait_timeout_s)


def serve(collection: Collection, output: TextIO, options: ServiceOptions) -> None:
    """Collect until SIGTERM or SIGINT, with /metrics, /healthz and /readyz. Call it in the main thread."""
    configure_logs(options.log_level, as_json=options.json_logs)

    with ExitStack() as stack:
        server = HealthServer(
            options.host, options.port, collection.metrics.registry, collection.alive, collection.ready, options.token
        )
        stack.callback(server.close)
        stop_on_first_signal(collection.stop)  # a second one ends the process; nothing is lost
        log.info("ready to collect", extra={"metrics": f"http://{options.host}:{server.port}/metrics"})
        try:
            with ProgressLine(output, tell=log.info) as progress:
                collection.follow(progress)
        except MmdigitError as error:
            log.error("ending", extra={"error": str(error)})
            raise
        log.info("stopped", extra={"standing": collection.standing.described})
