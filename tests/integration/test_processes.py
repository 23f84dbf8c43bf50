"""A worker of two processes on real Kafka and Redis."""

import os
import signal
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from lab.kit.polling import HANGS_AFTER_S, until
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
    with RunningWorker(topic, redis_url, tmp_path / "worker.log", two_processes(topic)) as running:
        running.wait_until_assigned()
        until(lambda: partitions(running) == {"0": 2, "1": 2}, "two partitions for each process")
        yield running


def two_processes(topic: str) -> list[str]:
    """In a group of their own: the members that a test kills stay in theirs for a while."""
    return ["--processes", "2", "--consumer-group", topic.rpartition("/")[2]]


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


def runs(pid: int) -> bool:
    """Whether the process has neither ended nor waits to be reaped, which has no command line."""
    try:
        return bool(Path(f"/proc/{pid}/cmdline").read_bytes())
    except OSError:
        return False


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
    assert "all stop" not in log


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGKILL, 128 + signal.SIGKILL), (signal.SIGTERM, 0)])
def test_processes_end_with_one_of_them(worker: RunningWorker, number: signal.Signals, exit_code: int) -> None:
    os.kill(children(worker)[0], number)
    assert worker.process.wait(HANGS_AFTER_S) == exit_code
    log = worker.log.read_text()
    assert "a process ended; all stop" in log
    assert log.count("stopped answered=") == 1 + (exit_code == 0)


def test_frozen_process_fails_checks_and_is_killed_at_the_end(tmp_path: Path, topic: str, redis_url: str) -> None:
    options = [*two_processes(topic), "--stop-timeout-s", "0.1"]
    with RunningWorker(topic, redis_url, tmp_path / "worker.log", options) as worker:
        worker.wait_until_assigned()
        os.kill(children(worker)[0], signal.SIGSTOP)
        for path in ("/metrics", "/healthz", "/readyz"):
            with pytest.raises(urllib.error.HTTPError, match="503") as refused:
                urllib.request.urlopen(worker.metrics_url.replace("/metrics", path), timeout=60)  # noqa: S310
            with refused.value as answer:
                assert b"process 0: starting, or stuck" in answer.read()
        os.kill(children(worker)[1], signal.SIGSTOP)
        worker.process.terminate()
        assert worker.process.wait(HANGS_AFTER_S) == 128 + signal.SIGKILL


def test_processes_stop_when_their_parent_is_killed(worker: RunningWorker) -> None:
    pids = children(worker)
    assert len(pids) == 2
    worker.process.kill()
    worker.process.wait()
    until(lambda: not any(map(runs, pids)), "the end of the processes")
    assert worker.log.read_text().count("stopped answered=") == 2
