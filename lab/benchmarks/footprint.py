"""How much space do jobs and predictions take? Bytes per job in Kafka's log and per prediction in Redis.

    python -m lab.benchmarks.footprint [--data DIR] [--jobs N] [--predictions N] [--json] [--output FILE]

Jobs as the producer makes them are sent by the project's publisher, which does not compress, and by another client with
lz4 and zstd and batches of the same size; the broker tells the size of its log. Predictions of the shipped model are
written through the project's store, in batches, to a Redis without snapshots, which tells its memory after each quarter
and its CPU time at the end.
"""

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import cycle, islice
from typing import Any

import redis

from lab.kit.machine import machine_line
from lab.kit.records import Record as EncodedJob
from lab.kit.records import read_samples
from lab.kit.report import arguments, provenance, show
from lab.kit.services import kafka_admin, kafka_broker, redis_server, replace_topics
from lab.kit.spread import format_spread, spread
from lab.kit.stack import confluent_producer, produce
from mmdigit.reading.model_input import decode_input
from mmdigit.reading.predictor import Predictor
from mmdigit.settings.program import run_program
from mmdigit.transport.encoding import encode_prediction
from mmdigit.transport.kafka.publisher import BATCH_BYTES, LINGER_MS
from mmdigit.transport.ports import Record
from mmdigit.transport.redis.keys import FEED_KEY
from mmdigit.transport.urls import DEFAULT_FEED_LENGTH, open_publisher, open_store
from producer.jobs import job_of
from producer.sources.sample import Sample
from schemas.errors import SettingsError
from schemas.identifiers import ID_DIGITS
from schemas.prediction import Answer, Prediction
from schemas.wire import encode
from worker.batcher import DecodedRecord
from worker.outcomes import make_prediction

PACKAGES = ("kafka-python", "confluent-kafka", "redis")
GROUP = "benchmark"
PARTITIONS = 8
SAMPLES = 2_000
JOBS = 20_000
PREDICTIONS = 1_000_000
BATCH_SIZE = 32
COMPRESSIONS = ("lz4", "zstd")
_PARTS = 4
_FLUSHED_WITHIN_S = 300.0


def job_id_of(number: int) -> str:
    """An id as long as the producer's, distinct for each number."""
    return f"{number:0{ID_DIGITS}x}"


def encoded_jobs(samples: Sequence[Sample], count: int) -> Iterator[EncodedJob]:
    """That many jobs; the samples repeat."""
    for number, sample in enumerate(islice(cycle(samples), count)):
        job_id = job_id_of(number)
        yield job_id, encode(job_of(sample, job_id, GROUP, datetime.now(UTC)), "msgpack")


def in_kafka(bootstrap: str, samples: Sequence[Sample], count: int) -> dict[str, Any]:
    """Bytes per job as encoded, and in one replica's log with each compression."""
    jobs = list(encoded_jobs(samples, count))
    in_log = {}
    topics: list[str] = []
    for compression in ("none", *COMPRESSIONS):
        topic = f"jobs-{compression}"
        topics = replace_topics(bootstrap, topic, PARTITIONS, topics)
        if compression == "none":
            _send(f"kafka://{bootstrap}/{topic}", jobs)
        else:
            _send_compressed(bootstrap, topic, jobs, compression)
        in_log[compression] = log_bytes(bootstrap, topic) / count
    return {"jobs": count, "encoded_bytes": sum(len(value) for _, value in jobs) / count, "log_bytes": in_log}


def _send(url: str, jobs: Sequence[EncodedJob]) -> None:
    with open_publisher(url) as publisher:
        for job_id, value in jobs:
            publisher.send(job_id.encode(), value)
        publisher.flush(_FLUSHED_WITHIN_S)


def _send_compressed(bootstrap: str, topic: str, jobs: Sequence[EncodedJob], compression: str) -> None:
    settings = {"compression.type": compression, "linger.ms": LINGER_MS, "batch.size": BATCH_BYTES}
    with confluent_producer(bootstrap, settings) as producer:
        for job_id, value in jobs:
            produce(producer, topic, value, job_id)


def log_bytes(bootstrap: str, topic: str) -> int:
    """The size of the topic's segments on all brokers, without indexes."""
    admin = kafka_admin(bootstrap)
    try:
        brokers = admin.describe_log_dirs([topic])
    finally:
        admin.close()
    return sum(
        partition["partition_size"]
        for broker in brokers
        for folder in broker["log_dirs"]
        for entry in folder["topics"]
        for partition in entry["partitions"]
    )


def predictions(samples: Sequence[Sample], count: int) -> Iterator[Prediction]:
    """That many predictions of the shipped model, as the worker makes them; the samples repeat."""
    predictor = Predictor.load()
    answers: list[Answer] = []
    for first in range(0, len(samples), BATCH_SIZE):
        batch = samples[first : first + BATCH_SIZE]
        answers += predictor.predict([decode_input(sample.image, sample.audio) for sample in batch])
    last_s = time.perf_counter()
    for number, (sample, answer) in enumerate(islice(cycle(zip(samples, answers, strict=True)), count)):
        now_s, now = time.perf_counter(), datetime.now(UTC)
        record = Record("mmdigit.jobs", number % PARTITIONS, number, None, b"", now.timestamp())
        job = job_of(sample, job_id_of(number), GROUP, now)
        # Durations with as many digits as real ones, since the digits are stored.
        yield make_prediction(
            DecodedRecord(record, 0.0, job, None, None, 0.0),
            answer,
            now,
            now_s - last_s,
            11 * (now_s - last_s),
            BATCH_SIZE,
        )
        last_s = now_s


def in_redis(url: str, samples: Sequence[Sample], count: int, feed_length: int = DEFAULT_FEED_LENGTH) -> dict[str, Any]:
    """Bytes per prediction in Redis, of its value and of its JSON; bytes of the full feed; Redis's CPU per prediction.

    bytes: with key, expiry and all other overhead; all_in_bytes: also with its share of the feed.
    Raises SettingsError if that few predictions would not fill the feed.
    """
    if count < _PARTS * feed_length:
        raise SettingsError(f"expected at least {_PARTS * feed_length} predictions, to fill the feed, got {count}")
    made = predictions(samples, count + BATCH_SIZE)
    json_bytes, value_bytes = 0, 0
    held, rss_ratios = [], []
    with redis.Redis.from_url(url) as client, open_store(url, feed_length=feed_length) as store:
        client.config_set("save", "")
        store.put(list(islice(made, BATCH_SIZE)))  # loads the scripts and allocates the connection's buffers
        empty, cpu_before_s = _memory(client)["used_memory"], cpu_s(client)
        for part in range(1, _PARTS + 1):
            left = count // _PARTS
            while batch := list(islice(made, min(BATCH_SIZE, left))):
                json_bytes += sum(len(encode_prediction(each, as_json=True)) for each in batch)
                value_bytes += sum(len(encode_prediction(each)) for each in batch)
                store.put(batch)
                left -= len(batch)
            feed = int(client.memory_usage(FEED_KEY, samples=0))
            memory = _memory(client)
            held.append((memory["used_memory"] - empty - feed) / (part * (count // _PARTS)))
            rss_ratios.append(memory["used_memory_rss"] / memory["used_memory"])
        taken_s = cpu_s(client) - cpu_before_s
        stored = int(client.dbsize())
    whole = _PARTS * (count // _PARTS)
    return {
        "predictions": whole,
        "keys": stored,
        "json_bytes": json_bytes / whole,
        "value_bytes": value_bytes / whole,
        "bytes": spread(held),
        "all_in_bytes": max(held) + feed / whole,
        "feed_bytes": feed,
        "feed_length": feed_length,
        "rss_to_used": rss_ratios[-1],
        "redis_cpu_us": taken_s / whole * 1e6,
    }


def _memory(client: redis.Redis) -> dict[str, int]:
    found: Any = client.info("memory")
    return {name: int(found[name]) for name in ("used_memory", "used_memory_rss")}


def cpu_s(client: redis.Redis) -> float:
    """The server's CPU time so far, user and system."""
    found: Any = client.info("cpu")
    return float(found["used_cpu_user"]) + float(found["used_cpu_sys"])


def main(argv: Sequence[str] | None = None) -> int:
    return run_program("python -m lab.benchmarks.footprint", _main, argv)


def _main(argv: Sequence[str]) -> int:
    parser = arguments("lab.benchmarks.footprint", __doc__)
    parser.add_argument("--jobs", type=int, default=JOBS, metavar="N", help="jobs sent to Kafka (default: %(default)s)")
    help_ = "predictions written to Redis (default: %(default)s)"
    parser.add_argument("--predictions", type=int, metavar="N", default=PREDICTIONS, help=help_)
    options = parser.parse_args(argv)
    samples = read_samples(options.data, SAMPLES)
    with kafka_broker() as bootstrap:
        kafka = in_kafka(bootstrap, samples, options.jobs)
    with redis_server() as url:
        result = {
            **provenance("lab.benchmarks.footprint", PACKAGES, options.data),
            "kafka": kafka,
            "redis": in_redis(url, samples, options.predictions),
        }
    return show(options, result, _table)


def _table(result: dict[str, Any]) -> str:
    kafka, store = result["kafka"], result["redis"]
    return "\n".join(
        [
            machine_line(result["machine"]),
            f"{result['source']}; {kafka['jobs']} jobs, {store['predictions']} predictions",
            f"job, encoded                 {kafka['encoded_bytes']:.0f} bytes",
            *(f"job in the log, {name:<12} {size:.0f} bytes" for name, size in kafka["log_bytes"].items()),
            f"prediction, JSON             {store['json_bytes']:.0f} bytes",
            f"prediction, compact          {store['value_bytes']:.0f} bytes",
            f"prediction in Redis          {format_spread(store['bytes'])} bytes",
            f"  with its share of the feed {store['all_in_bytes']:.0f} bytes at most",
            f"feed of {store['feed_length']:<20} {store['feed_bytes'] / 1e6:.0f} MB",
            f"resident / allocated         {store['rss_to_used']:.2f}",
            f"Redis CPU per prediction     {store['redis_cpu_us']:.1f} us",
        ]
    )


if __name__ == "__main__":
    raise SystemExit(main())
