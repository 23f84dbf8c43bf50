"""Serves the progress of a run to Prometheus while the run lasts, if --metrics-port is set.

The producer serves it because it alone knows the number of jobs, and because it has one group. A worker sees any
number of groups, and so must not use them as a label.
"""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from http import HTTPStatus

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector

from mmdigit.sending.journal import Journal
from mmdigit.telemetry.http_server import HttpServer, Response
from mmdigit.transport.ports import PredictionStore
from schemas.errors import MmdigitError

NAME = "mmdigit_backfill_jobs"
HELP = "Jobs of the group by state: all, acknowledged, answered or dead; the last two only with --wait."
LABELS = ("group", "state")


class RunCollector(Collector):
    """Counts at each scrape, on the server's thread and its own connection, so that scrapes do not slow the run."""

    def __init__(
        self, group: str, jobs: int, journal: Journal, open_store: Callable[[], PredictionStore] | None
    ) -> None:
        self._group = group
        self._jobs = jobs
        self._journal = journal
        self._open_store = open_store

    def collect(self) -> Iterator[GaugeMetricFamily]:
        jobs = {"all": self._jobs, "acknowledged": len(self._journal) + self._journal.acknowledged}
        if self._open_store is not None:
            with suppress(MmdigitError), self._open_store() as store:  # an unreachable store has no counts
                counts = store.counts(self._group)
                jobs |= {"answered": counts.done, "dead": counts.dead}
        family = GaugeMetricFamily(NAME, HELP, labels=LABELS)
        for state, number in jobs.items():
            family.add_metric((self._group, state), number)
        yield family


@contextmanager
def serve_metrics(collector: Collector, host: str, port: int | None) -> Iterator[None]:
    """Serve http://host:port/metrics within the block; do nothing if port is None. Raises as HttpServer does."""
    if port is None:
        yield
        return
    registry = CollectorRegistry()
    registry.register(collector)

    def metrics(authorization: str) -> Response:
        return Response(HTTPStatus.OK, generate_latest(registry), CONTENT_TYPE_PLAIN_0_0_4)

    with closing(HttpServer(host, port, {"/metrics": metrics})):
        yield
