"""Pairs through real Kafka and Redis with two worker processes, one of which is killed midway.

2,000 pairs of real digits where MMDIGIT_DATA is set, else the 1,000 of the sample pack.
"""

import csv
import os
import re
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import redis

from lab.kit.polling import until
from mmdigit.reading.model_input import decode_input
from mmdigit.reading.predictor import Predictor
from mmdigit.transport.ports import PredictionStore
from mmdigit.transport.urls import open_consumer, open_store
from samples.demo import PACK
from samples.running import RunningWorker
from schemas.prediction import Answer
from schemas.wire import decode_job
from tests.processes import Start

DATA = os.environ.get("MMDIGIT_DATA")
JOBS = 2_000 if DATA else 1_000
SOURCE = [f"pairs:{DATA}", "--count", str(JOBS)] if DATA else [str(PACK)]
BATCH = 64

pytestmark = pytest.mark.docker


def produce(start: Start, folder: Path, jobs_url: str, store_url: str, *options: str) -> subprocess.Popen[str]:
    with (folder / "producer.out").open("wb") as out:
        return start(
            [
                *(sys.executable, "-m", "producer", "--from", *SOURCE, "--to", jobs_url),
                *("--group", "stack", "--journal-dir", str(folder), "--wait", "--store", store_url),
                *("--output", str(folder / "out.csv"), *options),
            ],
            stdout=out,
        )


def offline(jobs_url: str) -> dict[str, Answer]:
    """The offline predictor's answer to each job in the topic, one at a time."""
    predictor = Predictor.load()
    answers: dict[str, Answer] = {}
    with open_consumer(jobs_url, group="offline") as consumer:
        while len(answers) < JOBS:
            for record in consumer.poll(500, 1.0):
                job = decode_job(record.value)
                [answers[job.job_id]] = predictor.predict([decode_input(job.image, job.audio)])
    return answers


def assigned_partitions(worker: RunningWorker) -> float:
    return worker.scrape().value("mmdigit_assigned_partitions")


def has_answered(store: PredictionStore, jobs: int) -> bool:
    return store.counts("stack").done >= jobs


def test_killed_worker_costs_no_job(
    tmp_path: Path, kafka_topic: Callable[..., str], redis_url: str, start: Start
) -> None:
    redis.Redis.from_url(redis_url).flushdb()
    jobs_url = kafka_topic(8, with_dead_letters=True)
    options = ["--batch-size", str(BATCH)]
    first = RunningWorker(jobs_url, redis_url, tmp_path / "first.log", options)
    second = RunningWorker(jobs_url, redis_url, tmp_path / "second.log", options)
    with first, second, open_store(redis_url) as store:
        for worker in (first, second):
            worker.wait_until_ready()
            until(partial(assigned_partitions, worker), "partitions")
        producer = produce(start, tmp_path, jobs_url, redis_url, "--rate", "600")
        until(partial(has_answered, store, JOBS // 4), "a quarter of the answers")
        assert first.scrape().value("mmdigit_in_flight_jobs") + store.counts("stack").done < JOBS
        first.process.kill()
        assert producer.wait() == 0, (tmp_path / "producer.out").read_text()
        counts = store.counts("stack")
        assert (counts.done, counts.dead) == (JOBS, 0)  # redelivery does not count twice
        assert second.stop() == 0
        expected = offline(jobs_url)
        stored = dict(zip(expected, store.get(list(expected)), strict=True))
        assert len(expected) == JOBS
        for job_id, answer in expected.items():
            prediction = stored[job_id]
            assert prediction is not None
            assert (prediction.label, prediction.decision) == (answer.label, answer.decision)
            assert prediction.probabilities == pytest.approx(answer.probabilities, abs=1e-5)
        feed = store.feed(limit=3 * JOBS)
        assert len(feed) == len({prediction.job_id for _, prediction in feed}) == JOBS  # once each
    with (tmp_path / "out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == JOBS
    labelled = [row for row in rows if row["expected"]]
    assert sum(row["label"] == row["expected"] for row in labelled) > 0.99 * len(labelled) > 900
    with open_consumer(jobs_url, group="mmdigit") as consumer:
        polled = [consumer.poll(1, 1.0) for _ in range(5)]
        assert len(consumer.assignment()) == 8
        assert polled == [[]] * 5  # everything is committed


def test_sigterm_loses_and_repeats_nothing(
    tmp_path: Path, kafka_topic: Callable[..., str], redis_url: str, start: Start
) -> None:
    redis.Redis.from_url(redis_url).flushdb()
    jobs_url = kafka_topic(4, with_dead_letters=True)
    with open_store(redis_url) as store:
        producer = produce(start, tmp_path, jobs_url, redis_url)
        predicted = 0.0
        for turn in range(20):
            with RunningWorker(jobs_url, redis_url, tmp_path / f"{turn}.log", ["--batch-size", str(BATCH)]) as worker:
                worker.wait_until_ready()
                before = store.counts("stack").done
                until(partial(has_answered, store, min(JOBS, before + JOBS // 3)), "more answers")
                worker.process.terminate()
                assert worker.process.wait() == 0
            predicted += sum(float(n) for n in re.findall(r"answered=(\d+)", worker.log.read_text()))
            if store.counts("stack").done == JOBS:
                break
        assert producer.wait() == 0
    assert predicted == JOBS  # none twice
