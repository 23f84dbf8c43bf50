"""The contract of Publisher and Consumer, on SQLite and on a real Kafka broker."""

import signal
import subprocess
import sys
import threading
from collections import Counter

import pytest

from lab.kit.polling import until
from lab.kit.services import free_port
from mmdigit.transport.headers import MAX_HEADERS, MAX_HEADERS_BYTES
from mmdigit.transport.ports import MAX_SENT_BYTES, Record, TopicPartition
from mmdigit.transport.urls import open_consumer, open_publisher
from schemas.errors import InvalidRecord, RebalanceError, SettingsError, TransportError
from schemas.job import MAX_RECORD_BYTES
from tests.adapters import Queue, Read
from tests.processes import Start


def next_offsets(records: list[Record]) -> dict[TopicPartition, int]:
    """The next offsets to commit after these records."""
    return {record.topic_partition: record.offset + 1 for record in records}


def numbered(count: int, start: int = 0) -> list[bytes]:
    return [str(number).encode() for number in range(start, start + count)]


def test_poll_returns_records_in_order_with_their_offsets(queue: Queue, read: Read) -> None:
    queue.publish(*numbered(200), key=b"same")
    records = read(queue.consumer(), 200)
    assert [record.value for record in records] == numbered(200)
    assert [record.offset for record in records] == list(range(200))
    assert {(record.partition, record.key) for record in records} == {(0, b"same")}
    assert all(record.timestamp_s > 1_700_000_000 for record in records)


def test_publisher_sends_any_bytes_unchanged(queue: Queue, read: Read) -> None:
    values = [b"", b"\x00", bytes(range(256)), bytes(range(256)) * 40]
    queue.publish(*values, key=b"\x00\xff")
    records = read(queue.consumer(), len(values))
    assert [record.value for record in records] == values
    assert {record.key for record in records} == {b"\x00\xff"}


def test_publisher_sends_the_largest_record(queue: Queue, read: Read) -> None:
    value = bytes(range(256)) * (MAX_RECORD_BYTES // 256)
    queue.publish(b"before", value, b"after")
    assert [record.value for record in read(queue.consumer(), 3)] == [b"before", value, b"after"]


def test_publisher_that_sent_nothing_closes_quietly(queue: Queue, caplog: pytest.LogCaptureFixture) -> None:
    before = set(threading.enumerate())
    with open_publisher(queue.url):
        own = set(threading.enumerate()) - before
    for thread in own:  # a client closes while its thread goes on
        thread.join(10)
    assert caplog.messages == []


def test_flush_waits_for_no_more_records(queue: Queue, read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mmdigit.transport.kafka.publisher.LINGER_MS", 60_000)
    monkeypatch.setattr("mmdigit.transport.sqlite.publisher.LINGER_S", 60.0)
    publisher = queue.publisher()
    for value in numbered(3):
        publisher.send(None, value)
        publisher.flush(10)
    assert [record.value for record in read(queue.consumer(), 3)] == numbered(3)


def test_publisher_refuses_a_record_that_is_too_large(queue: Queue, read: Read) -> None:
    publisher = queue.publisher()
    publisher.send(None, b"before")
    delivered: list[str] = []
    with pytest.raises(InvalidRecord, match="expected a record"):
        publisher.send(None, bytes(MAX_SENT_BYTES + 1), lambda: delivered.append("too large"))
    publisher.send(None, b"after")
    publisher.flush(10)
    assert [record.value for record in read(queue.consumer(), 2)] == [b"before", b"after"]
    assert delivered == []


def test_headers_stay_with_their_record(queue: Queue, read: Read) -> None:
    publisher = queue.publisher()
    sent = [{}, {"a": b"1", "b": b""}, {"né": bytes(range(256))}, None]
    for headers in sent:
        publisher.send(b"k", b"v", headers=headers)
    publisher.flush(10)
    records = read(queue.consumer(), len(sent))
    assert [record.headers for record in records] == [headers or {} for headers in sent]


@pytest.mark.parametrize(
    "headers", [{str(n): b"" for n in range(MAX_HEADERS + 1)}, {"a": bytes(MAX_HEADERS_BYTES)}], ids=["many", "large"]
)
def test_publisher_refuses_too_many_headers(queue: Queue, read: Read, headers: dict[str, bytes]) -> None:
    publisher = queue.publisher()
    with pytest.raises(InvalidRecord, match="expected at most 16 headers and 4096 bytes"):
        publisher.send(None, b"refused", headers=headers)
    fits = dict(list(headers.items())[:MAX_HEADERS]) if len(headers) > 1 else {"a": bytes(MAX_HEADERS_BYTES - 1)}
    publisher.send(None, b"taken", headers=fits)
    publisher.flush(10)
    (record,) = read(queue.consumer(), 1)
    assert (record.value, record.headers) == (b"taken", fits)


def test_poll_returns_at_most_max_records(queue: Queue, read: Read) -> None:
    queue.publish(*numbered(10))
    consumer = queue.consumer()
    read(consumer, 1)
    assert 1 <= len(consumer.poll(3, 5)) <= 3


def test_poll_of_an_empty_topic_returns_nothing(queue: Queue) -> None:
    assert queue.consumer().poll(10, 0.05) == []


def test_uncommitted_records_are_delivered_again(queue: Queue, read: Read) -> None:
    queue.publish(*numbered(5))
    with open_consumer(queue.url, group="readers") as first:
        assert len(read(first, 5)) == 5
    assert [record.value for record in read(queue.consumer(), 5)] == numbered(5)


def test_committed_records_are_not_delivered_again(queue: Queue, read: Read) -> None:
    queue.publish(*numbered(5))
    with open_consumer(queue.url, group="readers") as first:
        first.commit(next_offsets(read(first, 5)[:3]))
    assert [record.value for record in read(queue.consumer(), 2)] == numbered(2, start=3)


def test_groups_are_independent(queue: Queue, read: Read) -> None:
    queue.publish(*numbered(5))
    first = queue.consumer("first")
    first.commit(next_offsets(read(first, 5)))
    assert [record.value for record in read(queue.consumer("second"), 5)] == numbered(5)


def test_rewind_reads_again_from_the_offset(queue: Queue, read: Read) -> None:
    queue.publish(*numbered(5))
    consumer = queue.consumer()
    records = read(consumer, 5)
    consumer.rewind({records[2].topic_partition: records[2].offset})
    assert [record.value for record in read(consumer, 3)] == numbered(3, start=2)


def test_rewind_skips_unassigned_partitions(queue: Queue, read: Read) -> None:
    queue.publish(*numbered(2))
    consumer = queue.consumer()
    (first,) = read(consumer, 1)
    consumer.rewind({TopicPartition(first.topic, 77): 0})
    assert [record.value for record in read(consumer, 1)] == [b"1"]


def test_keep_alive_delivers_and_loses_nothing(queue: Queue, read: Read) -> None:
    queue.publish(*numbered(20))
    consumer = queue.consumer()
    records: list[Record] = []
    for _ in range(20):
        consumer.keep_alive()
        records += read(consumer, 1)
        consumer.keep_alive()
    assert [record.value for record in records] == numbered(20)


def test_keep_alive_joins_the_group(queue: Queue, read: Read) -> None:
    queue.publish(*numbered(3))
    consumer = queue.consumer()

    def joined() -> bool:
        consumer.keep_alive()
        return bool(consumer.assignment())

    until(joined, "an assignment")
    for _ in range(20):
        consumer.keep_alive()
    assert [record.value for record in read(consumer, 3)] == numbered(3)


def test_on_assigned_is_called_once_inside_poll(queue: Queue, read: Read) -> None:
    queue.publish(b"1")
    consumer = queue.consumer()
    told: list[frozenset[TopicPartition]] = []
    consumer.on_assigned = told.append

    def give_up(partitions: frozenset[TopicPartition]) -> dict[TopicPartition, int]:
        told.append(partitions)
        return {}

    consumer.on_revoked = give_up
    assert consumer.assignment() == frozenset()
    (record,) = read(consumer, 1)
    consumer.poll(1, 0.05)
    consumer.close()
    assert told == [frozenset({record.topic_partition})]
    assert consumer.assignment() == frozenset()


def test_commit_refuses_a_partition_of_another_member(queue: Queue, read: Read) -> None:
    queue.publish(b"1")
    consumer = queue.consumer()
    (record,) = read(consumer, 1)
    with pytest.raises(RebalanceError):
        consumer.commit({TopicPartition(record.topic, 77): 1})


def test_begin_commit_is_durable_once_done(queue: Queue, read: Read) -> None:
    queue.publish(*numbered(3))
    consumer = queue.consumer()
    records = read(consumer, 2)
    begun = consumer.begin_commit({records[1].topic_partition: records[1].offset + 1})
    until(begun.done, "the end of the commit")
    begun.result()
    consumer.close()
    assert [record.value for record in read(queue.consumer(), 1)] == [b"2"]


def test_begin_commit_refuses_a_partition_of_another_member(queue: Queue, read: Read) -> None:
    queue.publish(b"1")
    consumer = queue.consumer()
    (record,) = read(consumer, 1)
    with pytest.raises(RebalanceError):
        consumer.begin_commit({TopicPartition(record.topic, 77): 1})


def test_waiting_for_is_empty_when_all_is_well(queue: Queue, read: Read) -> None:
    queue.publish(b"1")
    consumer = queue.consumer()
    read(consumer, 1)
    assert consumer.waiting_for() == ""


def test_lag_counts_the_records_not_polled(queue: Queue, read: Read) -> None:
    queue.publish(*numbered(10))
    consumer = queue.consumer()
    (record,) = read(consumer, 1)
    assert consumer.lag() == {record.topic_partition: 9}
    read(consumer, 9)
    assert consumer.lag() == {record.topic_partition: 0}


def test_positions_are_the_next_offsets_to_poll(queue: Queue, read: Read) -> None:
    queue.publish(*numbered(10))
    consumer = queue.consumer()
    assert consumer.positions() == {}
    (record,) = read(consumer, 1)
    place = record.topic_partition
    assert consumer.positions() == {place: 1}
    consumer.keep_alive()
    assert consumer.positions() == {place: 1}
    read(consumer, 9)
    assert consumer.positions() == {place: 10}
    consumer.rewind({place: 4})
    assert consumer.positions() == {place: 4}


def test_callbacks_report_no_restart_or_loss_when_all_is_well(queue: Queue, read: Read) -> None:
    queue.publish(*numbered(5))
    told: list[object] = []
    for _ in range(2):
        with open_consumer(queue.url, group="readers") as consumer:
            consumer.on_restarted = told.append
            consumer.on_records_lost = lambda cause, records: told.append((cause, records))
            records = read(consumer, 2)
            consumer.commit(next_offsets(records))
    assert [record.offset for record in records] == [2, 3]
    assert told == []


def test_on_delivered_runs_once_a_record_before_flush_ends(queue: Queue) -> None:
    publisher = queue.publisher()
    delivered: Counter[int] = Counter()
    for number in range(2500):
        publisher.send(None, b"x", lambda number=number: delivered.update([number]))  # type: ignore[misc]
    publisher.flush(30)
    assert delivered == Counter(range(2500))
    publisher.flush(30)
    assert delivered.total() == 2500


def test_close_twice_is_safe(queue: Queue) -> None:
    publisher, consumer = queue.publisher(), queue.consumer()
    for opened in (publisher, consumer, publisher, consumer):
        opened.close()


SENDING = """
import sys
from mmdigit.transport.urls import open_publisher
url, name, count = sys.argv[1:]
with open_publisher(url) as publisher:
    for number in range(int(count)):
        publisher.send(name.encode(), f"{name} {number}".encode())
    publisher.flush(30)
"""


def test_publishers_in_several_processes_lose_and_mix_nothing(queue: Queue, read: Read, start: Start) -> None:
    with open_publisher(queue.url):  # creates the file: the children race for everything else
        pass
    names = ["a", "b", "c"]
    children = [start([sys.executable, "-c", SENDING, queue.url, name, "500"]) for name in names]
    records = read(queue.consumer(), 1500)
    assert [child.wait() for child in children] == [0, 0, 0]
    for name in names:
        assert [record.value for record in records if record.key == name.encode()] == [
            f"{name} {number}".encode() for number in range(500)
        ]


SENDING_FOREVER = """
import itertools, sys
from mmdigit.transport.urls import open_publisher
with open_publisher(sys.argv[1]) as publisher:
    for number in itertools.count():
        publisher.send(None, str(number).encode(), lambda number=number: print(number, flush=True))
"""


def test_publisher_killed_keeps_acknowledged_records(queue: Queue, read: Read, start: Start) -> None:
    child = start([sys.executable, "-c", SENDING_FOREVER, queue.url], stdout=subprocess.PIPE)
    assert child.stdout is not None
    acknowledged = [int(child.stdout.readline()) for _ in range(1500)]
    child.send_signal(signal.SIGKILL)
    # The last line may be cut.
    acknowledged += [int(line) for line in child.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
    assert acknowledged == list(range(len(acknowledged)))
    records = read(queue.consumer(), len(acknowledged))
    assert [int(record.value) for record in records] == acknowledged
    queue.publish(b"still works")
    with open_consumer(queue.url, group="others") as other:
        assert until(lambda: [r for r in other.poll(1000, 0.5) if r.value == b"still works"], "the last record")


def test_second_member_shares_the_work_or_gets_an_error(queue: Queue, read: Read) -> None:
    queue.publish(b"1")
    first = queue.consumer()
    read(first, 1)
    if queue.kind == "sqlite":
        with pytest.raises(SettingsError, match="only consumer of group 'readers'"):
            queue.consumer()
        return
    second = queue.consumer()

    def rebalanced() -> bool:
        first.poll(1, 0.1)
        second.poll(1, 0.1)
        # There is one partition: one member has it, the other waits.
        return len(first.assignment() | second.assignment()) == 1

    until(rebalanced, "one owner")
    assert not first.assignment() & second.assignment()


@pytest.mark.parametrize("scheme", ["sqlite", "kafka"])
def test_unreachable_queue_is_a_one_line_error(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mmdigit.transport.kafka.client.BOOTSTRAP_TIMEOUT_S", 0.5)
    place = {"sqlite": "sqlite:////proc/nowhere.db", "kafka": f"kafka://127.0.0.1:{free_port()}/jobs"}[scheme]
    for attempt in (lambda: open_publisher(place), lambda: open_consumer(place, group="readers")):
        with pytest.raises(TransportError, match="expected") as caught:
            attempt()
        assert "\n" not in str(caught.value)
