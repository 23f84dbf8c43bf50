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
from tests.processes import Start

JOBS = 1_000
HELD_AFTER = 600
pytestmark = pytest.mark.docker


class Producer:
    """`python -m producer` on the sample pack: always the same command, so that each run continues the last one."""

    def __init__(self, folder: Path, url: str, start: Start) -> None:
        self._folder = folder
        self._start = start
        self._held = folder / "held"
        self._arguments = ["--from", str(PACK), "--to", url, "--group", "g", "--journal-dir", str(folder)]

    def start_held(self, *options: str, patience_s: float = 120.0) -> "subprocess.Popen[str]":
        """Returns when it has sent HELD_AFTER jobs and waits; at its end it waits patience_s for acknowledgements."""
        held = (str(HELD_AFTER), str(self._held), str(patience_s))
        process = self._started("tests.producer.held_producer", *held, *options)
        until(lambda: self._held.exists() or process.poll() is not None, f"{HELD_AFTER} jobs sent")
        return process

    def release(self) -> None:
        """Let the held producer send the rest."""
        self._held.unlink()

    def _started(self, program: str, *options: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", program, *options, *self._arguments]
        return self._start(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def finish(self) -> tuple[int, int]:
        """Run it to its end; returns how many jobs were sent and resumed."""
        process = self._started("producer")
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
        until(all_read, "the end of the topic")
    return jobs


def test_interrupted_producer_sends_exactly_the_rest_next_time(
    tmp_path: Path, kafka_topic: KafkaTopic, start: Start
) -> None:
    url = kafka_topic(3)
    producer = Producer(tmp_path, url, start)
    process = producer.start_held()
    process.send_signal(signal.SIGINT)
    _, complaint = process.communicate()
    assert process.returncode == 130, complaint
    assert producer.journalled() == queued(url).total() == HELD_AFTER
    assert producer.finish() == (JOBS - HELD_AFTER, HELD_AFTER)
    jobs = queued(url)
    assert (len(jobs), set(jobs.values())) == (JOBS, {1})


def test_killed_producer_sends_what_the_journal_lacks(tmp_path: Path, kafka_topic: KafkaTopic, start: Start) -> None:
    url = kafka_topic(3)
    producer = Producer(tmp_path, url, start)
    process = producer.start_held("--rate", "300")  # the journal is written once a second
    process.kill()
    process.communicate()
    known, there = producer.journalled(), queued(url).total()
    assert 0 < known <= there <= HELD_AFTER
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


def test_broker_restart_loses_and_repeats_nothing(tmp_path: Path, broker: Broker, topic: str, start: Start) -> None:
    producer = Producer(tmp_path, topic, start)
    process = producer.start_held()
    broker.kill()
    producer.release()
    broker.start()
    said, complaint = process.communicate()
    assert process.returncode == 0, complaint
    assert f"{JOBS} sent and acknowledged" in said
    jobs = queued(topic)
    assert (len(jobs), set(jobs.values())) == (JOBS, {1})


def test_broker_outage_is_reported_and_the_next_run_resumes(
    tmp_path: Path, broker: Broker, topic: str, start: Start
) -> None:
    producer = Producer(tmp_path, topic, start)
    process = producer.start_held(patience_s=5.0)
    broker.kill()
    producer.release()
    try:
        _, complaint = process.communicate()
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
