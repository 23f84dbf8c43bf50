"""Where the reading of a topic ends: at the records that were there when each partition was first read."""

import pytest

from mmdigit.transport.ports import TopicPartition
from tests.worker.fakes import P0, P1, Clock, FakeConsumer, record
from worker.topic_snapshot import TopicSnapshot


class Topic(FakeConsumer):
    """A topic whose lag is what the test says."""

    def __init__(self) -> None:
        super().__init__()
        self.known_lag: dict[TopicPartition, int] = {}

    def lag(self) -> dict[TopicPartition, int]:
        return self.known_lag


@pytest.fixture
def topic() -> Topic:
    return Topic()


@pytest.fixture
def snapshot(topic: Topic) -> TopicSnapshot:
    return TopicSnapshot(topic, "records", Clock())


def deliver(
    topic: Topic, snapshot: TopicSnapshot, lag: dict[TopicPartition, int], *records: tuple[TopicPartition, int]
) -> int:
    """How many of the records the snapshot lets through; lag: as known after them."""
    topic.queue += [record(offset, b"", partition) for partition, offset in records]
    topic.known_lag = lag
    return len(snapshot.poll(100))


def test_nothing_known_is_not_the_end(snapshot: TopicSnapshot) -> None:
    assert not snapshot.is_exhausted()


def test_end_needs_every_partition(topic: Topic, snapshot: TopicSnapshot) -> None:
    deliver(topic, snapshot, {P0: 0}, (P0, 4))
    assert not snapshot.is_exhausted()
    deliver(topic, snapshot, {P0: 0, P1: 1}, (P1, 7))
    assert not snapshot.is_exhausted()
    deliver(topic, snapshot, {P0: 0, P1: 0}, (P1, 8))
    assert snapshot.is_exhausted()


def test_later_records_are_left_out(topic: Topic, snapshot: TopicSnapshot) -> None:
    assert deliver(topic, snapshot, {P0: 1, P1: 0}, (P0, 0)) == 1
    assert deliver(topic, snapshot, {P0: 9, P1: 0}, (P0, 1), (P0, 2)) == 1
    assert snapshot.is_exhausted()


def test_partition_of_unknown_lag_has_not_ended(topic: Topic, snapshot: TopicSnapshot) -> None:
    """As between two owners: its records came, but what comes after them is not known."""
    assert deliver(topic, snapshot, {P0: 0}, (P1, 0)) == 1
    assert not snapshot.is_exhausted()
    assert deliver(topic, snapshot, {P0: 0, P1: 1}, (P1, 1)) == 1
    assert deliver(topic, snapshot, {P0: 0, P1: 0}, (P1, 2)) == 1
    assert snapshot.is_exhausted()


def test_partition_read_again_ends_where_it_ended(topic: Topic, snapshot: TopicSnapshot) -> None:
    """After a rebalance the group goes on at its committed offset."""
    deliver(topic, snapshot, {P0: 2, P1: 0}, (P0, 0))
    deliver(topic, snapshot, {P0: 2, P1: 0}, (P0, 0), (P0, 1))
    assert not snapshot.is_exhausted()
    assert deliver(topic, snapshot, {P0: 1, P1: 0}, (P0, 2), (P0, 3)) == 1
    assert snapshot.is_exhausted()
