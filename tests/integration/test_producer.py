"""The producer on real Kafka: interruptions, second runs, and a broker that fails midway."""

import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from lab.kit.polling import until
from lab.kit.services import Broker, kafka_admin, restartable_broker
from mmdigit.transport.kafka import publisher as kafka_publisher
from mmdigit.transport.ports import Publisher
from mmdigit.transport.urls import open_consumer, open_publisher
from samples.demo import PACK
from schemas.errors import TransportError
from schemas.wire import decode_job
from tests.conftest import KafkaTopic

JOBS = 1_000
pytestmark = [pytest.mark.docker, pytest.mark.timeout(240)]


class Producer:
    """`python -m producer` on the sample pack: always the same command, so that each run continues the last one."""

    def __init__(self, folder: Path, url: str) -> None:
        self._folder = folder
        self._arguments = ["--from", str(PACK), "--to", url, "--group", "g", "--journal-dir", str(folder)]

    def start(self, *options: str) -> "subprocess.Popen[str]":
        return self._started([sys.executable, "-m", "producer", *self._arguments, *options])

    def start_impatient(self, *options: str) -> "subprocess.Popen[str]":
        """Like start, but with a delivery timeout of 5 s instead of two minutes."""
        program = "import runpy, producer.publish; producer.publish.DELIVERY_TIMEOUT_S = 5.0\n"
        program += "runpy.run_module('producer', run_name='__main__', alter_sys=True)"
        return self._started([sys.executable, "-c", program, *self._arguments, *options])

    def _started(self, command: list[str]) -> "subprocess.Popen[str]":
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def finish(self) -> tuple[int, int]:
        """Run to the end; returns how many jobs were sent and resumed."""
        process = self.start()
        said, complaint = process.communicate()
        assert process.returncode == 0, complaint
        numbers = re.search(r"(\d+) sent and acknowledged .* (\d+) resumed, 0 unsendable", said)
        assert numbers is not None, said
        return int(numbers[1]), int(numbers[2])

    def journalled(self) -> int:
        """How many acknowledged jobs the journal on disk holds; 0 while it has no header line."""
        return sum(max(0, len(path.read_bytes().splitlines()) - 1) for path in self._folder.glob("*.journal"))


def queued(url: str) -> Counter[str]:
    """How many times the topic holds each job."""
    jobs: Counter[str] = Counter()

    def all_read() -> bool:
        jobs.update(decode_job(record.value).job_id for record in consumer.poll(500, 0.5))
        lag = consumer.lag()
        return bool(lag) and not any(lag.values())

    with open_consumer(url, group="test") as consumer:
        until(all_read, 60, "the end of the topic")
    return jobs


def test_interrupted_producer_sends_exactly_the_rest_next_time(tmp_path: Path, kafka_topic: KafkaTopic) -> None:
    url = kafka_topic(3)
    producer = Producer(tmp_path, url)
    process = producer.start("--rate", "200")
    until(producer.journalled, 60, "jobs in the journal")
    process.send_signal(signal.SIGINT)
    _, complaint = process.communicate(timeout=60)
    assert process.returncode == 130, complaint
    sent = producer.journalled()
    assert 0 < sent < JOBS
    assert queued(url).total() == sent
    assert producer.finish() == (JOBS - sent, sent)
    jobs = queued(url)
    assert (len(jobs), set(jobs.values())) == (JOBS, {1})


def test_killed_producer_sends_what_the_journal_lacks(tmp_path: Path, kafka_topic: KafkaTopic) -> None:
    url = kafka_topic(3)
    producer = Producer(tmp_path, url)
    process = producer.start("--rate", "200")
    until(lambda: producer.journalled() > JOBS // 4, 60, "a quarter of the jobs in the journal")
    process.kill()
    process.communicate(timeout=60)
    known, there = producer.journalled(), queued(url).total()
    assert known <= there < JOBS
    assert producer.finish() == (JOBS - known, known)
    jobs = queued(url)
    assert len(jobs) == JOBS
    assert jobs.total() == JOBS + there - known  # acknowledged, but not yet in the journal


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    """A broker for the tests that kill it; each test restarts it."""
    with restartable_broker() as broker:
        yield broker


@pytest.fixture
def topic(broker: Broker, request: pytest.FixtureRequest) -> str:
    """A new topic on that broker."""
    name = request.node.name
    admin = kafka_admin(broker.address)
    try:
        admin.create_topics({name: {"num_partitions": 3, "replication_factor": 1}}, wait_for_metadata=True)
    finally:
        admin.close()
    return f"kafka://{broker.address}/{name}"


def test_broker_restart_loses_and_repeats_nothing(tmp_path: Path, broker: Broker, topic: str) -> None:
    producer = Producer(tmp_path, topic)
    process = producer.start("--rate", "200")
    until(producer.journalled, 60, "jobs in the journal")
    broker.kill()
    assert producer.journalled() < JOBS
    broker.start()
    said, complaint = process.communicate(timeout=180)
    assert process.returncode == 0, complaint
    assert f"{JOBS} sent and acknowledged" in said
    jobs = queued(topic)
    assert (len(jobs), set(jobs.values())) == (JOBS, {1})


def test_broker_outage_is_reported_and_the_next_run_resumes(tmp_path: Path, broker: Broker, topic: str) -> None:
    producer = Producer(tmp_path, topic)
    process = producer.start_impatient("--rate", "200")
    until(producer.journalled, 60, "jobs in the journal")
    broker.kill()
    try:
        _, complaint = process.communicate(timeout=120)
    finally:
        broker.start()
    assert process.returncode == 3, complaint
    assert "sent jobs were acknowledged; run the same command again to send the rest" in complaint
    assert "Traceback" not in complaint
    acknowledged = producer.journalled()
    assert acknowledged < JOBS
    assert producer.finish() == (JOBS - acknowledged, acknowledged)
    assert len(queued(topic)) == JOBS


def test_buffer_is_bounded_during_a_broker_outage(broker: Broker, topic: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka_publisher, "MAX_BLOCK_S", 0.5)
    delivered: list[int] = []

    def fill(publisher: Publisher) -> None:
        for number in range(1_000):
            publisher.send(None, bytes(1_000), partial(delivered.append, number))

    with open_publisher(topic) as many, open_publisher(topic) as large:
        for publisher in (many, large):
            publisher.send(None, b"the topic is known")
            publisher.flush(30)
        broker.kill()
        try:
            for publisher, bound, limit in ((many, "MAX_BUFFERED_RECORDS", 50), (large, "MAX_BUFFERED_BYTES", 50_000)):
                with monkeypatch.context() as bounded:
                    bounded.setattr(kafka_publisher, bound, limit)
                    with pytest.raises(TransportError, match="full buffer of 50; check the broker"):
                        fill(publisher)
        finally:
            broker.start()
        for publisher in (many, large):
            publisher.flush(60)  # buffered records are sent once the broker is back
    assert sorted(delivered) == sorted([*range(50), *range(50)])
