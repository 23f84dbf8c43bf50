"""TopicSnapshot reads what the topic holds at the start, and no more."""

import pytest

from mmdigit.transport.ports import TopicPartition
from schemas.errors import TransportError
from tests.worker.fakes import P0, Clock, FakeConsumer, record
from worker.topic_snapshot import PATIENCE_S, TopicSnapshot


class OnePartition(FakeConsumer):
    """Owns one partition, whose lag is the length of the queue."""

    def assignment(self) -> frozenset[TopicPartition]:
        return frozenset({P0})


def test_poll_leaves_out_records_after_the_snapshot() -> None:
    consumer = OnePartition([record(n, b"") for n in range(3)])
    snapshot = TopicSnapshot(consumer, "jobs", Clock())
    assert [each.offset for each in snapshot.poll(2)] == [0, 1]
    consumer.queue.append(record(3, b""))
    assert (snapshot.remaining, snapshot.is_exhausted()) == (2, False)
    assert [each.offset for each in snapshot.poll(10)] == [2]
    assert snapshot.is_exhausted()


def test_is_exhausted_on_an_empty_topic() -> None:
    snapshot = TopicSnapshot(OnePartition(), "jobs", Clock())
    assert snapshot.poll(10) == []
    assert snapshot.is_exhausted()


def test_poll_raises_after_patience_s_without_records() -> None:
    clock = Clock()
    snapshot = TopicSnapshot(OnePartition(), "jobs", clock)
    assert snapshot.poll(10) == []
    clock.now_s += PATIENCE_S - 1
    assert snapshot.poll(10) == []
    clock.now_s += 1
    with pytest.raises(TransportError, match="expected jobs or the topic's end within 60 s, got neither"):
        snapshot.poll(10)
