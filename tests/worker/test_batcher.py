"""A batch is due when it is full by count or bytes, or old enough."""

from tests.worker.fakes import P1, Clock, record
from worker.batcher import Batcher, DecodedRecord


def decoded(offset: int, size_bytes: int, clock: Clock, partition: int = 0) -> DecodedRecord:
    place = P1._replace(partition=partition)
    return DecodedRecord(record(offset, bytes(size_bytes), place), clock(), None, None, None, clock())


def test_empty_batch_is_never_due() -> None:
    assert Batcher(4, 100, 0.0, Clock()).time_left_s is None


def test_batch_is_due_when_full_by_count() -> None:
    clock = Clock()
    batcher = Batcher(2, 100, 1.0, clock)
    batcher.add(decoded(0, 1, clock))
    assert (batcher.room, batcher.time_left_s) == (1, 1.0)
    batcher.add(decoded(1, 1, clock))
    assert (batcher.room, batcher.time_left_s) == (0, 0.0)


def test_batch_is_due_when_full_by_bytes() -> None:
    clock = Clock()
    batcher = Batcher(10, 100, 1.0, clock)
    batcher.add(decoded(0, 99, clock))
    assert batcher.room == 9
    batcher.add(decoded(1, 50, clock))  # only the last record may exceed the limit
    assert (batcher.room, batcher.time_left_s) == (0, 0.0)


def test_batch_is_due_when_its_oldest_job_has_waited() -> None:
    clock = Clock()
    batcher = Batcher(10, 100, 1.0, clock)
    batcher.add(decoded(0, 1, clock))
    clock.now_s += 0.75
    batcher.add(decoded(1, 1, clock))
    assert batcher.time_left_s == 0.25
    clock.now_s += 5
    assert batcher.time_left_s == 0.0


def test_close_keeps_the_order_and_starts_a_new_batch() -> None:
    clock = Clock()
    batcher = Batcher(10, 100, 1.0, clock)
    batch = [decoded(offset, 60, clock) for offset in range(2)]
    for one in batch:
        batcher.add(one)
    assert batcher.close() == batch
    assert (len(batcher), batcher.room, batcher.time_left_s) == (0, 10, None)


def test_drop_keeps_other_partitions_and_their_bytes() -> None:
    clock = Clock()
    batcher = Batcher(10, 100, 1.0, clock)
    batcher.add(decoded(0, 90, clock, partition=0))
    batcher.add(decoded(0, 10, clock, partition=1))
    assert batcher.room == 0
    batcher.drop(lambda record: record.partition == 0)
    assert (len(batcher), batcher.room) == (1, 9)
