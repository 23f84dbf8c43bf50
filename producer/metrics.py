"""How far a run is, served to Prometheus while it lasts, if --metrics-port asks for it.

The producer serves it, not the workers: it alone knows how many jobs there will be, and its group is one that somebody
who started it has named. A worker sees whatever groups arrive, any number of them, and so must not label by them.
"""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from http import HTTPStatus

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector

from mmdigit.telemetry.http_server import HttpServer, Response
from mmdigit.transport.ports import PredictionStore
from producer.journal import Journal
from schemas.errors import MmdigitError

NAME = "mmdigit_backfill_jobs"
HELP = "Jobs of the group that is sent: all, acknowledged by the topic, answered, or dead; the last two with --wait."
LABELS = ("group", "state")


class RunCollector(Collector):
    """Counts at each scrape, on the port's thread and a connection of its own: the run itself notices nothing of it."""

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
            with suppress(MmdigitError), self._open_store() as store:  # a store that is away has no numbers
                counts = store.counts(self._group)
                jobs |= {"answered": counts.done, "dead": counts.dead}
        family = GaugeMetricFamily(NAME, HELP, labels=LABELS)
        for state, number in jobs.items():
            family.add_metric((self._group, state), number)
        yield family


@contextmanager
def served(collector: Collector, host: str, port: int | None) -> Iterator[None]:
    """Answer at http://host:port/metrics for the block's time; not at all without a port.

    Raises as HttpServer.
    """
    if port is None:
        yield
        return
    registry = CollectorRegistry()
    registry.register(collector)

    def metrics(authorization: str) -> Response:
        return Response(HTTPStatus.OK, generate_latest(registry), CONTENT_TYPE_PLAIN_0_0_4)

    with closing(HttpServer(host, port, {"/metrics": metrics})):
        yield
