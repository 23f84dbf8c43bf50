"""A worker's group under changing members, duplicates, other programs, transactions and compaction."""

import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import confluent_kafka
import pytest

from lab.kit.polling import until
from mmdigit.consuming.health import LoopHealth
from mmdigit.transport.kafka import consumer as kafka_consumer
from mmdigit.transport.urls import open_consumer, open_publisher
from samples.running import RunningWorker
from schemas.errors import SettingsError
from tests.conftest import KafkaTopic
from tests.integration.kafka_worker import LocalWorker, Topic, said
from tests.worker.fakes import job_value

pytestmark = pytest.mark.docker


@pytest.fixture
def topic(kafka_topic: KafkaTopic) -> Topic:
    return Topic(kafka_topic(2, with_dead_letters=True))


def test_members_that_come_and_go_lose_and_repeat_nothing(
    kafka_topic: KafkaTopic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_consumer, "REVOKE_TIMEOUT_MS", 30_000)  # a busy machine repeats nothing either
    topic = Topic(kafka_topic(6))
    # Never idle while jobs come, so nothing but the moves themselves commits.
    one, two, three = workers = [LocalWorker(topic, commit_every_s=60.0) for _ in range(3)]
    jobs: list[str] = []
    enough = threading.Event()

    def publish() -> None:
        with open_publisher(topic.url) as publisher:
            while not enough.wait(0.002):
                jobs.append(f"job-{len(jobs)}")
                publisher.send(jobs[-1].encode(), job_value(jobs[-1]))
            publisher.flush(30)

    def work(each: LocalWorker) -> None:
        """Until it is told to stop; then leave the group."""
        with each:
            each.worker.run()

    def shares(*members: LocalWorker) -> list[int]:
        return [len(each.worker.assigned) for each in members]

    def await_answers(each: LocalWorker) -> None:
        wanted = each.worker.answered + 50
        until(lambda: each.worker.answered >= wanted, "more answers")

    with ThreadPoolExecutor() as pool:
        running = [pool.submit(work, one)]
        try:
            until(lambda: shares(one) == [6], "all partitions at one worker")
            running.append(pool.submit(publish))
            await_answers(one)
            running += [pool.submit(work, each) for each in (two, three)]
            until(lambda: shares(*workers) == [2, 2, 2], "partitions at all three")
            kept = {place.partition for place in one.worker.assigned}
            for each in (two, three):
                await_answers(each)
                each.worker.stop()
            until(lambda: shares(one) == [6], "all partitions at one worker again")
            await_answers(one)
            enough.set()
            until(lambda: set(jobs) <= {job for each in workers for job in each.store.predictions}, "every job")
        finally:
            enough.set()
            for each in workers:
                each.worker.stop()
        for ended in running:
            ended.result(60)
    assert topic.committed() == topic.ends()
    elsewhere = {answer.source.partition for each in (two, three) for answer in each.store.predictions.values()}
    assert not elsewhere & kept  # cooperative: what need not move stays
    assert sum(each.worker.answered for each in workers) == len(jobs)  # none twice


def test_fenced_member_ends_and_commits_nothing(topic: Topic, caplog: pytest.LogCaptureFixture) -> None:
    health = LoopHealth(stuck_after_s=60)
    with LocalWorker(topic, instance_id="twin") as one:
        health.loop = one.worker
        one.work_until(one.has_answered(topic.publish(["a", "b", "c"])), "the jobs")
        one.work_until(lambda: topic.committed() == topic.ends(), "their offsets")
        assert health.alive().ok
        with LocalWorker(topic, instance_id="twin") as two:
            two.work_until(lambda: two.worker.assigned, "the partitions at the second")
            committed = topic.committed()
            place = next(iter(one.worker.assigned))
            with pytest.raises(SettingsError, match="--instance-id"):
                one.worker.run()
            assert not health.alive().ok
            assert "--instance-id" in health.alive().message
            for commit in (one.consumer.commit, one.consumer.begin_commit):
                with pytest.raises(SettingsError, match="--instance-id"):
                    commit({place: 0})
            assert topic.committed() == committed
            two.work_until(two.has_answered(topic.publish(["d", "e", "f", "g"])), "the jobs at the second")
            two.work_until(lambda: topic.committed() == topic.ends(), "their offsets")
    assert not said(caplog, logging.ERROR)


def test_fenced_worker_exits_2_with_one_line(topic: Topic, tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path / 'store.db'}"
    options = ("--instance-id", "twin", "--consumer-group", topic.group)
    with RunningWorker(topic.url, store, tmp_path / "one.log", options) as one:
        one.wait_until_assigned()
        with LocalWorker(topic, instance_id="twin") as two:
            two.work_until(lambda: two.worker.assigned, "the partitions at the second")
            assert one.process.wait() == 2
    (line,) = [line for line in one.log.read_text().splitlines() if " INFO " not in line and "target error" not in line]
    assert line.startswith("python -m worker: error: ")
    assert "--instance-id" in line


@contextmanager
def other_program(topic: Topic) -> Iterator[None]:
    """A member of the worker's group that uses librdkafka's default assignors."""
    consumer = confluent_kafka.Consumer({"bootstrap.servers": topic.bootstrap, "group.id": topic.group})
    try:
        consumer.subscribe([topic.name])
        until(lambda: consumer.poll(0.1) or consumer.assignment(), "partitions at the other program")
        yield
    finally:
        consumer.close()


def test_group_with_another_assignor_is_named(topic: Topic, caplog: pytest.LogCaptureFixture) -> None:
    with (
        other_program(topic),
        LocalWorker(topic) as one,
        pytest.raises(SettingsError, match="--consumer-group"),
    ):
        one.work_until(lambda: False, "the end of the worker")
    assert not said(caplog, logging.ERROR)


def test_group_of_another_protocol_type_is_named(topic: Topic) -> None:
    """Like the groups of Kafka Connect and Schema Registry."""
    with LocalWorker(topic) as connect, LocalWorker(topic) as one:
        connect.consumer._consumer._coordinator.protocol_type = lambda: "connect"  # type: ignore[attr-defined]
        connect.work_until(lambda: connect.worker.assigned, "partitions at the other program")
        with pytest.raises(SettingsError, match="--consumer-group"):
            one.work_until(lambda: False, "the end of the worker")


@contextmanager
def transactions(topic: Topic, name: str) -> Iterator[Any]:
    producer = confluent_kafka.Producer({"bootstrap.servers": topic.bootstrap, "transactional.id": name})
    producer.init_transactions(30)
    yield producer
    producer.flush(30)


def send(producer: Any, topic: Topic, word: str, count: int) -> list[str]:
    jobs = [f"{word}-{number}" for number in range(count)]
    producer.begin_transaction()
    for job in jobs:
        producer.produce(topic.name, job_value(job), job.encode())
    producer.flush(30)
    return jobs


def test_aborted_transactions_are_skipped_and_lag_ends_at_0(topic: Topic) -> None:
    with transactions(topic, topic.name) as producer, LocalWorker(topic) as one:
        aborted = send(producer, topic, "first-aborted", 50)
        producer.abort_transaction(30)
        one.work_until(lambda: topic.committed() == topic.ends(), "the end of a topic that holds aborted records alone")
        committed = send(producer, topic, "committed", 100)
        producer.commit_transaction(30)
        aborted += send(producer, topic, "aborted", 100)
        producer.abort_transaction(30)
        committed += send(producer, topic, "last", 40)
        producer.commit_transaction(30)
        one.work_until(one.has_answered(committed), "the jobs of committed transactions")
        one.work_until(lambda: one.lag() == 0, "no lag")
        one.work_until(lambda: topic.committed() == topic.ends(), "the group at the end of the log, markers included")
        assert one.store.predictions.keys() == set(committed)
        waiting = send(producer, topic, "open", 10)
        after = topic.publish(["behind-an-open-transaction-1", "behind-an-open-transaction-2"])
        one.worker.run_once()
        one.worker.run_once()
        assert one.store.predictions.keys() == set(committed)
        assert one.lag() == 0  # in readable records
        producer.commit_transaction(30)
        one.work_until(one.has_answered([*waiting, *after]), "all")
        assert not one.store.predictions.keys() & set(aborted)


def test_stopped_worker_leaves_no_lag_behind_a_marker(topic: Topic) -> None:
    with transactions(topic, topic.name) as producer:
        jobs = send(producer, topic, "job", 30)
        producer.commit_transaction(30)
    with LocalWorker(topic, exit_when_idle_s=1.0) as one:
        one.worker.run()
        assert one.store.predictions.keys() == set(jobs)
    assert topic.committed() == topic.ends()


def test_compaction_gaps_are_passed(kafka_topic: KafkaTopic) -> None:
    """The broker compacts all but the newest segment, and keeps the last record of each key."""
    topic = Topic(kafka_topic(1))
    configs = {"cleanup.policy": "compact", "segment.ms": "100", "min.cleanable.dirty.ratio": "0.001"}
    configs |= {"max.compaction.lag.ms": "100", "min.compaction.lag.ms": "0"}
    from kafka.admin import ConfigResource, ConfigResourceType

    resource = ConfigResource(ConfigResourceType.TOPIC, topic.name, configs=configs)
    topic.ask(lambda admin: admin.alter_configs([resource]))
    with open_publisher(topic.url) as publisher:
        turns = iter(range(10_000))

        def compacted() -> bool:
            for _ in range(20):
                publisher.send(b"key", job_value(f"job-{next(turns)}"))
            publisher.flush(10)
            with open_consumer(topic.url, group="looks") as looking:
                records = until(lambda: looking.poll(1, 1.0), "a first record")
            return records[0].offset > 0

        until(compacted, "a log without its first records", pause_s=0.5)
        last = job_value("last")
        publisher.send(b"other key", last)
        publisher.flush(10)
    with LocalWorker(topic) as one:
        one.work_until(one.has_answered(["last"]), "the last job")
        one.work_until(lambda: topic.committed() == topic.ends(), "the end of the log")
        assert one.lost("retention") == 0


def test_publisher_continues_when_its_topic_is_recreated(topic: Topic) -> None:
    with open_publisher(topic.url) as publisher:
        publisher.send(b"key", job_value("before"))
        publisher.flush(10)
        topic.recreate(2)
        for number in range(50):
            publisher.send(str(number).encode(), job_value(f"after-{number}"))
        publisher.flush(30)
    assert sum(topic.ends().values()) == 50
