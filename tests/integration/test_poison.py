"""A flood of poison on real Kafka and Redis: every second record is bad, and the good ones are answered.

What it costs the good half is measured in the worker's CPU time, which other programs of the machine do not change.
"""

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
import redis

from lab.fuzz.targets import saved_inputs
from lab.kit.polling import until
from mmdigit.reading.model_input import decode_input
from mmdigit.reading.predictor import Predictor
from mmdigit.transport.ports import PredictionStore
from mmdigit.transport.urls import dead_letter_url, open_consumer, open_publisher, open_store
from producer.sources.opening import open_source
from producer.sources.sample import Sample
from samples.demo import PACK
from samples.running import RunningWorker
from schemas.errors import InvalidJob
from schemas.job import Job
from schemas.wire import decode_dead_letter, decode_job, encode
from tests.integration.test_sqlite import bad_records

pytestmark = pytest.mark.docker

GOOD = 500
NOW = datetime(2026, 1, 2, tzinfo=UTC)
MAX_COST = 2.0
"""Limit of the worker's CPU time for a good job in the flood, divided by that of a clean run; measured 1.13."""


def good_jobs(group: str) -> list[Job]:
    samples = [
        sample for sample in open_source(str(PACK), count=None, seed=0, split="test") if isinstance(sample, Sample)
    ]
    assert len(samples) >= GOOD
    return [
        Job(job_id=f"{group}-{number}", group=group, image=sample.image, audio=sample.audio, created_at=NOW)
        for number, sample in enumerate(samples[:GOOD])
    ]


def poison() -> list[bytes]:
    """Records that can never succeed: hand-made ones, and the fuzzer's inputs that the decoders refuse."""
    records = [record for name, (record, _) in bad_records().items() if name != "10-mb"]  # too large for the topic
    for target in ("job", "image", "png", "audio"):
        for path in saved_inputs("corpus", target) + saved_inputs("crashers", target):
            content = path.read_bytes()
            records.append(content)
            if target != "job":
                modality = {"audio" if target == "audio" else "image": content}
                records.append(encode(Job(job_id="bad", group="bad", created_at=NOW, **modality), "msgpack"))
    return [record for record in records if is_bad(record)]


def is_bad(record: bytes) -> bool:
    try:
        job = decode_job(record)
        decode_input(job.image, job.audio)
    except InvalidJob:
        return True
    return False


def has_ended(store: PredictionStore, worker: RunningWorker, group: str, dead: int) -> bool:
    if store.counts(group).done < GOOD:
        return False
    return worker.scrape().value("mmdigit_dead_letters_total") >= dead


def cpu_s(worker: RunningWorker) -> float:
    return worker.scrape().value("process_cpu_seconds_total")


def run(folder: Path, kafka_topic: Callable[..., str], redis_url: str, group: str, bad: list[bytes]) -> float:
    """CPU seconds of a worker over GOOD jobs mixed with bad ones; checks every outcome."""
    jobs_url = kafka_topic(4, with_dead_letters=True)
    jobs = good_jobs(group)
    records: list[bytes] = [encode(job, "msgpack") for job in jobs] + bad
    random.Random(7).shuffle(records)  # noqa: S311
    with RunningWorker(jobs_url, redis_url, folder / f"{group}.log") as worker, open_store(redis_url) as store:
        worker.wait_until_assigned()
        before_s = cpu_s(worker)
        with open_publisher(jobs_url) as publisher:
            for number, record in enumerate(records):
                publisher.send(str(number).encode(), record)
            publisher.flush(60)
        until(partial(has_ended, store, worker, group, len(bad)), "an outcome for each record", pause_s=0.1)
        spent_s = cpu_s(worker) - before_s
        assert worker.scrape().value("mmdigit_retries_total") == 0
        assert worker.stop() == 0
        stored = store.get([job.job_id for job in jobs])
    predictor = Predictor.load()
    for job, prediction in zip(jobs, stored, strict=True):
        [answer] = predictor.predict([decode_input(job.image, job.audio)])
        assert prediction is not None
        assert (prediction.label, prediction.decision) == (answer.label, answer.decision)
        assert prediction.probabilities == pytest.approx(answer.probabilities, abs=1e-5)
    assert sorted(originals(dead_letter_url(jobs_url), len(bad))) == sorted(bad)
    return spent_s


def originals(url: str, count: int) -> Iterator[bytes]:
    with open_consumer(url, group="test") as consumer:
        while count:
            records = until(partial(consumer.poll, count, 1.0), "dead letters")
            count -= len(records)
            yield from (decode_dead_letter(record.value).original for record in records)


def test_poison_flood_at_most_doubles_the_cost_of_good_jobs(
    tmp_path: Path, kafka_topic: Callable[..., str], redis_url: str
) -> None:
    redis.Redis.from_url(redis_url).flushdb()
    kinds = poison()
    assert len(kinds) > 50
    flood = [kinds[number % len(kinds)] for number in range(GOOD)]
    clean_s = run(tmp_path, kafka_topic, redis_url, "clean", [])
    flooded_s = run(tmp_path, kafka_topic, redis_url, "flooded", flood)
    assert flooded_s < MAX_COST * clean_s, f"{flooded_s:.2f} s with poison, {clean_s:.2f} s without"
