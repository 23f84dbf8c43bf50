"""Kafka: maps every client error, never creates topics, and loses nothing in a rebalance."""

import contextlib
import inspect
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import kafka.errors
import pytest
from kafka.admin import ConfigResource, ConfigResourceType

from lab.kit.polling import until
from lab.kit.services import kafka_admin
from mmdigit.transport.kafka.client import map_errors
from mmdigit.transport.kafka.consumer import KafkaConsumer
from mmdigit.transport.ports import Consumer, Record, TopicPartition
from mmdigit.transport.urls import open_consumer, open_publisher
from schemas.errors import InvalidRecord, MmdigitError, RebalanceError, TopicError, TransportError
from tests.conftest import KafkaTopic

ERRORS = [error for _, error in inspect.getmembers(kafka.errors, inspect.isclass) if issubclass(error, Exception)]


@pytest.mark.parametrize("error", ERRORS)
def test_map_errors_covers_every_kafka_error(error: type[Exception]) -> None:
    raised = error({}) if error is kafka.errors.LogTruncationError else error()
    with pytest.raises(MmdigitError) as caught, map_errors("host:1/jobs"):
        raise raised
    assert caught.value.__cause__ is raised
    assert "host:1/jobs" in str(caught.value)


@pytest.mark.parametrize(
    ("error", "ours"),
    [
        (kafka.errors.UnknownTopicOrPartitionError, TopicError),
        (kafka.errors.CommitFailedError, RebalanceError),
        (kafka.errors.IllegalGenerationError, RebalanceError),
        (kafka.errors.UnknownMemberIdError, RebalanceError),
        (kafka.errors.MessageSizeTooLargeError, InvalidRecord),
        (kafka.errors.KafkaTimeoutError, TransportError),
    ],
)
def test_map_errors_gives_the_expected_class(error: type[Exception], ours: type[MmdigitError]) -> None:
    with pytest.raises(ours), map_errors("host:1/jobs"):
        raise error()


@pytest.mark.docker
def test_missing_topic_is_one_line_and_not_created(kafka_bootstrap: str) -> None:
    url = f"kafka://{kafka_bootstrap}/never-made"
    for _ in range(2):
        with pytest.raises(TopicError, match=r"kafka-topics\.sh --create --topic never-made"):
            open_publisher(url)
        with pytest.raises(TopicError, match=r"kafka-topics\.sh --create --topic never-made"):
            open_consumer(url, group="g")


@pytest.mark.docker
def test_send_enforces_the_topics_limit(kafka_topic: KafkaTopic) -> None:
    with open_publisher(kafka_topic(max_message_bytes=10_000)) as publisher:
        with pytest.raises(InvalidRecord, match=r"max\.message\.bytes 10000"):
            publisher.send(None, bytes(10_000))
        publisher.send(None, bytes(8_000))
        publisher.flush(10)


@pytest.mark.docker
def test_publisher_continues_after_a_broker_rejection(kafka_topic: KafkaTopic, kafka_bootstrap: str) -> None:
    url = kafka_topic()
    delivered: list[bytes] = []
    with open_publisher(url) as publisher:
        admin = kafka_admin(kafka_bootstrap)
        try:
            less = ConfigResource(
                ConfigResourceType.TOPIC, url.rpartition("/")[2], configs={"max.message.bytes": "2000"}
            )
            admin.alter_configs([less])
        finally:
            admin.close()
        publisher.send(None, bytes(5_000), lambda: delivered.append(b"large"))
        with pytest.raises(InvalidRecord):
            publisher.flush(10)
        publisher.send(None, bytes(100), lambda: delivered.append(b"small"))
        publisher.flush(10)
    assert delivered == [b"small"]


@pytest.mark.docker
def test_send_spreads_keys_over_all_partitions(kafka_topic: KafkaTopic) -> None:
    url = kafka_topic(4)
    with open_publisher(url) as publisher:
        for number in range(200):
            publisher.send(f"key {number % 50}".encode(), str(number).encode())
        publisher.flush(10)
    records: list[Record] = []
    with open_consumer(url, group="g") as consumer:

        def read_all() -> bool:
            records.extend(consumer.poll(100, 0.2))
            return len(records) == 200

        until(read_all, "200 records")
    places = {(record.key, record.partition) for record in records}
    assert len(places) == 50
    assert {partition for _, partition in places} == {0, 1, 2, 3}


@pytest.mark.docker
def test_rebalance_to_a_new_member_and_back_loses_nothing(
    kafka_topic: KafkaTopic, monkeypatch: pytest.MonkeyPatch
) -> None:
    # No session times out here: a member that ends leaves its group.
    monkeypatch.setattr("mmdigit.transport.kafka.consumer.SESSION_TIMEOUT_MS", 1_000_000)
    url = kafka_topic(4)
    with open_publisher(url) as publisher:
        for number in range(400):
            publisher.send(str(number).encode(), str(number).encode())
        publisher.flush(10)
    seen: Counter[bytes] = Counter()
    revoked: list[TopicPartition] = []

    def work(consumer: Consumer) -> None:
        records = consumer.poll(10, 0.1)
        done = {record.topic_partition: record.offset + 1 for record in records}
        seen.update(record.value for record in records)
        with contextlib.suppress(RebalanceError):  # a rebalance is in progress: delivered again, seen twice
            consumer.commit(done)

    first, second = open_consumer(url, group="g"), open_consumer(url, group="g")

    def give_up(partitions: frozenset[TopicPartition]) -> dict[TopicPartition, int]:
        revoked.extend(partitions)
        return {}

    first.on_revoked = give_up

    def owned(*working: Consumer) -> list[int]:
        for consumer in working:
            work(consumer)
        return [len(consumer.assignment()) for consumer in working]

    with first:
        until(lambda: owned(first) == [4], "all partitions at the first")
        with second:
            until(lambda: owned(first, second) == [2, 2], "two partitions each")
            assert not first.assignment() & second.assignment()
            assert len(revoked) == 2  # cooperative: only the partitions that moved
            with pytest.raises(RebalanceError):
                first.commit({revoked[0]: 400})
        until(lambda: owned(first) == [4], "all partitions back")
        until(lambda: owned(first) and len(seen) == 400, "all records")


@pytest.mark.docker
def test_revocation_commits_finished_jobs(kafka_topic: KafkaTopic) -> None:
    url = kafka_topic(4)
    read: Counter[bytes] = Counter()
    owners: list[frozenset[TopicPartition]] = []
    ended = threading.Event()

    def publish(start: int) -> None:
        for number in range(start, start + 200):
            publisher.send(str(number).encode(), str(number).encode())
        publisher.flush(10)

    def work() -> None:
        """Finishes all that it polls, and commits only what is revoked."""
        finished: dict[TopicPartition, int] = {}

        def give_up(partitions: frozenset[TopicPartition]) -> dict[TopicPartition, int]:
            return {partition: finished.pop(partition) for partition in partitions}

        with open_consumer(url, group="g") as consumer:
            consumer.on_assigned, consumer.on_revoked = owners.append, give_up
            while not ended.is_set():
                for record in consumer.poll(100, 0.1):
                    read[record.value] += 1
                    finished[record.topic_partition] = record.offset + 1

    with open_publisher(url) as publisher, ThreadPoolExecutor() as members:
        publish(0)
        working = [members.submit(work)]
        try:
            until(lambda: len(read) == 200, "all records at the first")
            working.append(members.submit(work))
            until(lambda: list(map(len, owners)) == [4, 2], "two partitions at the second")
            publish(200)
            until(lambda: len(read) == 400, "all records")
        finally:
            ended.set()
        for member in working:
            member.result()
    assert set(read.values()) == {1}


def poll_all(consumer: Consumer, count: int) -> list[bytes]:
    polled: list[bytes] = []
    while len(polled) < count:
        polled += [record.value for record in consumer.poll(10, 1.0)]
    return polled


@pytest.mark.docker
def test_poll_that_raises_returns_its_records_again(kafka_topic: KafkaTopic, monkeypatch: pytest.MonkeyPatch) -> None:
    def out_of_memory(_: object) -> None:
        raise MemoryError

    url = kafka_topic(1)
    with open_publisher(url) as publisher:
        for number in range(5):
            publisher.send(None, str(number).encode())
        publisher.flush(10)
    with open_consumer(url, group="g") as consumer:
        with monkeypatch.context() as patch:
            patch.setattr("mmdigit.transport.kafka.consumer.bounded", out_of_memory)
            with pytest.raises(MemoryError):
                poll_all(consumer, 5)
        assert list(consumer.positions().values()) == [0]
        assert poll_all(consumer, 5) == [b"0", b"1", b"2", b"3", b"4"]


@pytest.mark.docker
def test_lost_partitions_are_not_committed(kafka_topic: KafkaTopic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mmdigit.transport.kafka.consumer.SESSION_TIMEOUT_MS", 4_000)
    url = kafka_topic(1)
    with open_publisher(url) as publisher:
        for number in range(5):
            publisher.send(None, str(number).encode())
        publisher.flush(10)
    gone: list[TopicPartition] = []
    with open_consumer(url, group="g") as consumer:
        assert isinstance(consumer, KafkaConsumer)
        records: list[Record] = []

        def read_all() -> bool:
            records.extend(consumer.poll(5, 0.2))
            return len(records) == 5

        until(read_all, "five records")
        place = records[0].topic_partition

        def give_up(partitions: frozenset[TopicPartition]) -> dict[TopicPartition, int]:
            gone.extend(partitions)
            return {place: 5}

        consumer.on_revoked = give_up
        consumer._consumer._coordinator.reset_generation()  # as after an "unknown member" response
        with pytest.raises(RebalanceError):
            consumer.commit({place: 5})
        begun = consumer.begin_commit({place: 5})
        until(begun.done, "the end of the commit")
        with pytest.raises(RebalanceError):
            begun.result()
        records.clear()
        until(read_all, "the same records again")
        assert gone == [place]
        assert [record.offset for record in records] == [0, 1, 2, 3, 4]


@pytest.mark.docker
def test_keep_alive_assigns_partitions_without_loss(kafka_topic: KafkaTopic) -> None:
    url = kafka_topic(3)
    with open_publisher(url) as publisher:
        for number in range(30):
            publisher.send(str(number).encode(), str(number).encode())
        publisher.flush(10)
    with open_consumer(url, group="g") as consumer:

        def joined() -> bool:
            consumer.keep_alive()
            return len(consumer.assignment()) == 3

        until(joined, "an assignment")
        for _ in range(50):
            consumer.keep_alive()
        values: list[bytes] = []

        def read_all() -> bool:
            values.extend(record.value for record in consumer.poll(7, 0.2))
            return len(values) == 30

        until(read_all, "30 records")
    assert sorted(values, key=int) == [str(number).encode() for number in range(30)]


@pytest.mark.docker
def test_join_abandoned_by_a_short_poll_is_repeated(kafka_topic: KafkaTopic) -> None:
    with open_consumer(kafka_topic(2), group="left-behind") as consumer:
        assert isinstance(consumer, KafkaConsumer)
        until(lambda: consumer.poll(1, 0.1) or consumer.assignment(), "an assignment")
        coordinator = consumer._consumer._coordinator
        coordinator.rejoining = True  # as after a join for new metadata that outlasted its poll
        until(lambda: consumer.poll(1, 0.1) or not coordinator.rejoining, "the join's end")
        assert len(consumer.assignment()) == 2
