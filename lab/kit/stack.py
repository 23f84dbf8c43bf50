"""Kafka and Redis for benchmarks: in containers on their own cores, with a new topic and an empty store for each run.

    with running_stack() as stack:
        endpoints = stack.new_run(partitions=8)
        stack.preload(endpoints, records(samples, 10_000, "benchmark"))
        ...  # start the measured process on stack.cores.measured
        drained = stack.drain(jobs=10_000, pids=[process.pid])

The measured program reads endpoints.topic at endpoints.bootstrap, and sets mmdigit:prediction:{job_id} at
endpoints.store_url. The rest is the same for every program: lab.kit.records (jobs), lab.kit.cores (pinning),
lab.kit.observer (when each prediction arrived), lab.kit.usage (CPU and memory).
"""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import redis
from confluent_kafka import Producer

from lab.kit.cores import Cores, find_cores, running_on
from lab.kit.drain import Drained, drain
from lab.kit.observer import PROBE_KEY
from lab.kit.records import Record
from lab.kit.services import kafka_broker, redis_server, replace_topics
from mmdigit.transport.redis.keys import FEED_KEY
from schemas.errors import TransportError

PARTITIONS = 8
_BATCH_BYTES = 512 * 1024
_PRELOAD_LINGER_MS = 20
_MAX_UNSENT_KBYTES = 64 * 1024
_FLUSHED_WITHIN_S = 300.0
_OTHER_KEYS = (FEED_KEY, PROBE_KEY)


class Endpoints(NamedTuple):
    """Where one run reads its jobs and writes its predictions."""

    bootstrap: str
    topic: str
    store_url: str
    partitions: int

    @property
    def jobs_url(self) -> str:
        """The topic as the worker's --from takes it."""
        return f"kafka://{self.bootstrap}/{self.topic}"


class Stack:
    """A broker, a store, and the cores for the measured processes."""

    def __init__(self, bootstrap: str, redis_url: str, cores: Cores) -> None:
        self.bootstrap = bootstrap
        self.redis_url = redis_url
        self.cores = cores
        self.redis = redis.Redis.from_url(redis_url)
        self._numbers = itertools.count()
        self._topics: list[str] = []

    def new_run(self, partitions: int = PARTITIONS) -> Endpoints:
        """Create a topic and its .dead topic, delete those of the last run, and empty the store."""
        topic = f"jobs-{next(self._numbers)}"
        self._topics = replace_topics(self.bootstrap, topic, partitions, self._topics)
        self.redis.flushall()
        return Endpoints(self.bootstrap, topic, self.redis_url, partitions)

    def preload(self, endpoints: Endpoints, records: Iterable[Record]) -> int:
        """Spread the records over the partitions. Returns their number when all are acknowledged.

        Raises TransportError if one is not.
        """
        failures: list[object] = []

        def acknowledged(error: object, _message: object) -> None:
            if error is not None:
                failures.append(error)

        count = 0
        with self.producer(_PRELOAD_LINGER_MS) as producer:
            for count, (_, value) in enumerate(records, 1):
                partition = count % endpoints.partitions
                produce(producer, endpoints.topic, value, partition=partition, on_delivery=acknowledged)
        if failures:
            raise TransportError(
                f"expected {count} acknowledged records, got {count - len(failures)}; first error: {failures[0]}"
            )
        return count

    @contextmanager
    def producer(self, linger_ms: float) -> Iterator[Producer]:
        """As confluent_producer, for this broker.

        Not the project's own publisher: at 600 jobs/s it takes 28 % of a core and this one 6 %, and broker and store
        need that core.
        """
        settings = {"batch.size": _BATCH_BYTES, "queue.buffering.max.kbytes": _MAX_UNSENT_KBYTES}
        with confluent_producer(self.bootstrap, {"linger.ms": linger_ms, **settings}) as producer:
            yield producer

    def outcomes(self, group: str = "benchmark") -> int:
        """The number of jobs that are answered or dead, in one cheap call: the store's keys less the few others."""
        with self.redis.pipeline(transaction=False) as both:
            both.dbsize()
            both.exists(*_OTHER_KEYS, f"mmdigit:group:{group}", f"mmdigit:outcomes:{group}")
            keys, others = both.execute()
        return int(keys) - int(others)

    def drain(
        self,
        jobs: int,
        pids: Sequence[int],
        *,
        seconds: float | None = None,
        at_first: Callable[[], object] | None = None,
    ) -> Drained:
        """As lab.kit.drain, with this store's outcomes."""
        return drain(self.outcomes, jobs, pids, seconds=seconds, at_first=at_first)


@contextmanager
def running_stack() -> Iterator[Stack]:
    """A broker and a store for the block. They and this thread keep off the measured core."""
    cores = find_cores()
    with running_on(cores.others), kafka_broker(cores.cpus) as bootstrap, redis_server(cores.cpus) as redis_url:
        stack = Stack(bootstrap, redis_url, cores)
        try:
            yield stack
        finally:
            stack.redis.close()


@contextmanager
def confluent_producer(bootstrap: str, settings: dict[str, Any]) -> Iterator[Producer]:
    """A confluent-kafka producer with acks=all that is flushed at the end. Raises TransportError if it cannot be."""
    # log_level 0: a broker that stops is expected.
    producer = Producer({"bootstrap.servers": bootstrap, "acks": "all", "log_level": 0, **settings})
    yield producer
    if left := producer.flush(_FLUSHED_WITHIN_S):
        raise TransportError(f"expected every record sent within {_FLUSHED_WITHIN_S:.0f} s, got {left} unsent")


def produce(producer: Producer, *record: Any, **options: Any) -> None:
    """Producer.produce that waits for room in librdkafka's bounded buffer."""
    while True:
        try:
            producer.produce(*record, **options)
            break
        except BufferError:
            producer.poll(0.05)
    producer.poll(0)
