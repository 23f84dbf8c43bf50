"""A worker of two processes on real Kafka and Redis."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from lab.kit.polling import until
from lab.kit.usage import family
from mmdigit.transport.urls import open_publisher, open_store
from samples.running import RunningWorker
from tests.worker.fakes import job_value

pytestmark = pytest.mark.docker

JOBS = 200


@pytest.fixture
def topic(kafka_topic: Callable[..., str], redis_url: str) -> str:
    redis.Redis.from_url(redis_url).flushdb()
    return kafka_topic(4, with_dead_letters=True)


@pytest.fixture
def worker(tmp_path: Path, topic: str, redis_url: str) -> Iterator[RunningWorker]:
    with RunningWorker(topic, redis_url, tmp_path / "worker.log", ["--processes", "2"]) as running:
        running.wait_until_assigned()
        until(lambda: partitions(running) == {"0": 2, "1": 2}, "two partitions for each process")
        yield running


def partitions(worker: RunningWorker) -> dict[str, float]:
    metrics = worker.scrape()
    return {number: metrics.value("mmdigit_assigned_partitions", process=number) for number in ("0", "1")}


def children(worker: RunningWorker) -> list[int]:
    """The process ids of those that run the loop."""
    return family(worker.process.pid)[1:]


def publish(topic: str) -> None:
    with open_publisher(topic) as publisher:
        for number in range(JOBS):
            publisher.send(str(number).encode(), job_value(f"job-{number}"))
        publisher.flush(30)


def test_processes_share_the_jobs_and_stop_together(worker: RunningWorker, topic: str, redis_url: str) -> None:
    publish(topic)
    with open_store(redis_url) as store:
        until(lambda: None not in store.get([f"job-{n}" for n in range(JOBS)]), "answers")
    metrics = worker.scrape()
    answered = [metrics.value("mmdigit_jobs_total", process=number) for number in ("0", "1")]
    assert sum(answered) == JOBS
    assert min(answered) > 0
    assert worker.stop() == 0
    log = worker.log.read_text()
    assert log.count("stopped answered=") == 2
    assert "a process failed" not in log


def test_killed_process_ends_the_others(worker: RunningWorker) -> None:
    os.kill(children(worker)[0], signal.SIGKILL)
    assert worker.process.wait(60) == 128 + signal.SIGKILL
    log = worker.log.read_text()
    assert "a process failed; all stop" in log
    assert log.count("stopped answered=") == 1


def test_processes_stop_when_their_parent_is_killed(worker: RunningWorker) -> None:
    pids = children(worker)
    assert len(pids) == 2
    worker.process.kill()
    worker.process.wait()
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), "the end of the processes")
    assert worker.log.read_text().count("stopped answered=") == 2
