"""Kafka and Redis for benchmarks: in containers on cores of their own, with a fresh topic and store for each run.

    with running_stack() as stack:
        place = stack.fresh(partitions=8)
        stack.preload(place, records(samples, 10_000, "benchmark"))
        ...  # start the measured process on stack.cores.measured
        drained = stack.drain(jobs=10_000, pids=[process.pid])

What a contestant has to do: read place.topic at place.bootstrap, and SET mmdigit:prediction:{job_id} at
place.store_url. The rest is the same for each of them: lab.kit.records (jobs), lab.kit.cores (who runs where),
lab.kit.observer (when each prediction came), lab.kit.usage (CPU and memory of any process).
"""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import redis
from confluent_kafka import Producer

from lab.kit.cores import Cores, find_cores, running_on
from lab.kit.drain import Drained, drain
from lab.kit.observer import PROBE_KEY
from lab.kit.records import Record
from lab.kit.services import fresh_topics, kafka_broker, redis_server
from mmdigit.transport.redis.keys import FEED_KEY
from schemas.errors import TransportError

PARTITIONS = 8
_BATCH_BYTES = 512 * 1024
_PRELOAD_LINGER_MS = 20
_MAX_UNSENT_KBYTES = 64 * 1024
_FLUSHED_WITHIN_S = 300.0
_OTHER_KEYS = (FEED_KEY, PROBE_KEY)


class Place(NamedTuple):
    """Where the jobs of one run go, and where their predictions."""

    bootstrap: str
    topic: str
    store_url: str
    partitions: int

    @property
    def jobs_url(self) -> str:
        """As the worker takes it."""
        return f"kafka://{self.bootstrap}/{self.topic}"


class Stack:
    """A broker, a store, and the cores that the measured processes are to run on."""

    def __init__(self, bootstrap: str, redis_url: str, cores: Cores) -> None:
        self.bootstrap = bootstrap
        self.redis_url = redis_url
        self.cores = cores
        self.redis = redis.Redis.from_url(redis_url)
        self._numbers = itertools.count()
        self._topics: list[str] = []

    def fresh(self, partitions: int = PARTITIONS) -> Place:
        """A new empty topic, with its .dead topic, and the store emptied; the run before loses its topics."""
        topic = f"jobs-{next(self._numbers)}"
        self._topics = fresh_topics(self.bootstrap, topic, partitions, self._topics)
        self.redis.flushall()
        return Place(self.bootstrap, topic, self.redis_url, partitions)

    def preload(self, place: Place, records: Iterable[Record]) -> int:
        """Append the records to the partitions in turn; returns how many, when all are acknowledged.

        Raises TransportError if one was not.
        """
        failures: list[object] = []

        def acknowledged(error: object, _message: object) -> None:
            if error is not None:
                failures.append(error)

        count = 0
        with self.producer(_PRELOAD_LINGER_MS) as producer:
            for count, (_, value) in enumerate(records, 1):
                while True:
                    try:
                        producer.produce(
                            place.topic, value, partition=count % place.partitions, on_delivery=acknowledged
                        )
                        break
                    except BufferError:  # of librdkafka, bounded: wait for room
                        producer.poll(0.05)
                producer.poll(0)
        if failures:
            raise TransportError(f"expected all {count} records acknowledged, {len(failures)} are not: {failures[0]}")
        return count

    @contextmanager
    def producer(self, linger_ms: float) -> Iterator[Producer]:
        """A producer of this broker, acks=all, that has sent everything at the end of the block.

        confluent-kafka rather than the project's own: at 600 jobs/s it takes 6 % of a core where kafka-python takes
        28 %, and the broker and the store need that core.
        """
        producer = Producer(
            {
                "bootstrap.servers": self.bootstrap,
                "acks": "all",
                "linger.ms": linger_ms,
                "batch.size": _BATCH_BYTES,
                "queue.buffering.max.kbytes": _MAX_UNSENT_KBYTES,
                "log_level": 0,  # a broker that ends is no news
            }
        )
        yield producer
        if left := producer.flush(_FLUSHED_WITHIN_S):
            raise TransportError(f"expected every record sent within {_FLUSHED_WITHIN_S:.0f} s, {left} are not")

    def outcomes(self, group: str = "benchmark") -> int:
        """How many jobs are answered or dead, in one cheap call: the store's keys but for the few others."""
        with self.redis.pipeline(transaction=False) as both:
            both.dbsize()
            both.exists(*_OTHER_KEYS, f"mmdigit:group:{group}")
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
    """A broker and a store, ended at the end of the block. They and this thread keep off the measured core."""
    cores = find_cores()
    with running_on(cores.others), kafka_broker(cores.cpus) as bootstrap, redis_server(cores.cpus) as redis_url:
        stack = Stack(bootstrap, redis_url, cores)
        try:
            yield stack
        finally:
            stack.redis.close()
