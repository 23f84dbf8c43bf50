"""How much room do jobs and predictions take? Bytes of a job in Kafka's log, bytes of a prediction in Redis.

    python -m lab.benchmarks.footprint [--data DIR] [--jobs N] [--predictions N] [--json] [--output FILE]

Jobs as the producer makes them, under its keys, are sent as fast as they go by the project's publisher, which
compresses nothing, and once more by another client with lz4 and zstd and batches of the same size; the broker says
how large its log is then. Predictions of the shipped model, made by the worker's own code, are put by the project's
store in batches into a Redis without snapshots; at each quarter Redis says what it holds, at the end what it took in
CPU time.
"""

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import cycle, islice
from typing import Any

import redis
from confluent_kafka import Producer

from lab.kit.machine import machine, machine_line
from lab.kit.records import Record as EncodedJob
from lab.kit.records import read_samples
from lab.kit.report import arguments, command_of, show, source_of
from lab.kit.services import fresh_topics, kafka_admin, kafka_broker, redis_server
from lab.kit.spread import shown, spread
from mmdigit.reading.model_input import decode_input
from mmdigit.reading.predictor import Predictor
from mmdigit.settings.program import run_program
from mmdigit.transport.encoding import encode_prediction
from mmdigit.transport.kafka.publisher import BATCH_BYTES, LINGER_MS
from mmdigit.transport.ports import Record
from mmdigit.transport.redis.keys import FEED_KEY
from mmdigit.transport.urls import DEFAULT_FEED_LENGTH, open_publisher, open_store
from producer.jobs import JOB_ID_CHARACTERS, job_of
from producer.sources.sample import Sample
from schemas.errors import SettingsError, TransportError
from schemas.prediction import Answer, Prediction
from schemas.wire import encode
from worker.batcher import Decoded
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
    """As long as the producer's, and another for each number."""
    return f"{number:0{JOB_ID_CHARACTERS}x}"


def encoded_jobs(samples: Sequence[Sample], count: int) -> Iterator[EncodedJob]:
    """So many jobs, the samples over and over."""
    for number, sample in enumerate(islice(cycle(samples), count)):
        job_id = job_id_of(number)
        yield job_id, encode(job_of(sample, job_id, GROUP, datetime.now(UTC)), "msgpack")


def in_kafka(bootstrap: str, samples: Sequence[Sample], count: int) -> dict[str, Any]:
    """Bytes of a job as it is encoded, and in the log of one replica by how the batches are compressed."""
    jobs = list(encoded_jobs(samples, count))
    in_log = {}
    topics: list[str] = []
    for compression in ("none", *COMPRESSIONS):
        topic = f"jobs-{compression}"
        topics = fresh_topics(bootstrap, topic, PARTITIONS, topics)
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
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "acks": "all",
            "compression.type": compression,
            "linger.ms": LINGER_MS,
            "batch.size": BATCH_BYTES,
            "log_level": 0,  # a broker that ends is no news
        }
    )
    for job_id, value in jobs:
        while True:
            try:
                producer.produce(topic, value, job_id)
                break
            except BufferError:  # of librdkafka, bounded: wait for room
                producer.poll(0.05)
    if left := producer.flush(_FLUSHED_WITHIN_S):
        raise TransportError(f"expected every record sent within {_FLUSHED_WITHIN_S:.0f} s, {left} are not")


def log_bytes(bootstrap: str, topic: str) -> int:
    """What the topic's segments hold on all brokers, without their indexes."""
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
    """So many predictions of the shipped model, the samples over and over, as the worker makes them."""
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
        # Durations as odd as real ones: their digits are stored.
        yield make_prediction(
            Decoded(record, 0.0, job, None, None, 0.0), answer, now, now_s - last_s, 11 * (now_s - last_s), BATCH_SIZE
        )
        last_s = now_s


def in_redis(url: str, samples: Sequence[Sample], count: int, feed_length: int = DEFAULT_FEED_LENGTH) -> dict[str, Any]:
    """Bytes of a prediction in Redis, of its value and of its JSON, the full feed's, and Redis's CPU for each one.

    bytes: with key, expiry and all that Redis keeps beside them; all_in_bytes: with its share of the feed too, of so
    many predictions as were put.

    Raises SettingsError if so few would not fill the feed.
    """
    if count < _PARTS * feed_length:
        raise SettingsError(f"expected at least {_PARTS * feed_length} predictions, which fill the feed, got {count}")
    made = predictions(samples, count + BATCH_SIZE)
    json_bytes, value_bytes = 0, 0
    held, rss_ratios = [], []
    with redis.Redis.from_url(url) as client, open_store(url, feed_length=feed_length) as store:
        client.config_set("save", "")
        store.put(list(islice(made, BATCH_SIZE)))  # the scripts and the connection's buffers are there from now on
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
    """What the server has taken so far, user and system."""
    found: Any = client.info("cpu")
    return float(found["used_cpu_user"]) + float(found["used_cpu_sys"])


def main(argv: Sequence[str] | None = None) -> int:
    return run_program("python -m lab.benchmarks.footprint", _main, argv)


def _main(argv: Sequence[str]) -> int:
    parser = arguments("lab.benchmarks.footprint", __doc__)
    parser.add_argument("--jobs", type=int, default=JOBS, help="jobs sent to Kafka (default: %(default)s)")
    help_ = "predictions put into Redis (default: %(default)s)"
    parser.add_argument("--predictions", type=int, default=PREDICTIONS, help=help_)
    options = parser.parse_args(argv)
    samples = read_samples(options.data, SAMPLES)
    with kafka_broker() as bootstrap:
        kafka = in_kafka(bootstrap, samples, options.jobs)
    with redis_server() as url:
        result = {
            "command": command_of("lab.benchmarks.footprint", options.data),
            "machine": machine(PACKAGES),
            "source": source_of(options.data),
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
            f"prediction, packed           {store['value_bytes']:.0f} bytes",
            f"prediction in Redis          {shown(store['bytes'])} bytes",
            f"the same, with its feed      {store['all_in_bytes']:.0f} bytes at most",
            f"feed of {store['feed_length']:<20} {store['feed_bytes'] / 1e6:.0f} MB",
            f"resident / allocated         {store['rss_to_used']:.2f}",
            f"Redis's CPU, a prediction    {store['redis_cpu_us']:.1f} us",
        ]
    )


if __name__ == "__main__":
    raise SystemExit(main())
