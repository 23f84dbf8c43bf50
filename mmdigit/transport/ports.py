"""The ports: Publisher, Consumer and PredictionStore. Their docstrings are the contract that tests/contract/ runs
on every adapter; programs know nothing else of Kafka, Redis or SQLite."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol, Self

from schemas.dead_letter import DeadLetter
from schemas.job import MAX_RECORD_BYTES
from schemas.prediction import Prediction

MAX_SENT_BYTES = 4 * MAX_RECORD_BYTES
"""Of any record, the dead letters' too: one holds a whole record, in base64 where it is JSON, and that record may
itself be over the jobs' limit."""


LossCause = Literal["retention", "truncation"]
"""Why a log lacks records: deleted before this group read them, or gone from its end after they were read."""


class TopicPartition(NamedTuple):
    """One ordered log of records."""

    topic: str
    partition: int


@dataclass(frozen=True, slots=True)
class Record:
    """One record as it stands in a topic, undecoded. timestamp_s: since the epoch, when it was made or appended.

    headers: notes of its writer, untrusted like value; bounded by mmdigit.transport.headers.
    """

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes
    timestamp_s: float
    headers: Mapping[str, bytes] = field(default_factory=dict, hash=False)

    @property
    def topic_partition(self) -> TopicPartition:
        return TopicPartition(self.topic, self.partition)


@dataclass(frozen=True, slots=True)
class GroupCounts:
    """How far a group of jobs is: how many are answered, how many ended as dead letters."""

    done: int
    dead: int


class Publisher(Protocol):
    """Sends records to one topic.

    Every method raises TransportError when the broker or file is not reachable, TopicError when the topic is missing.
    """

    def send(
        self,
        key: bytes | None,
        value: bytes,
        on_delivered: Callable[[], object] | None = None,
        headers: Mapping[str, bytes] | None = None,
    ) -> None:
        """Hand over one record; it may still be in memory when this returns, in a buffer of bounded size.

        on_delivered is called once, from send, flush or a thread of the adapter, when the record is acknowledged as
        durable, and never for a record that was not. Blocks while the buffer is full. Raises InvalidRecord if the
        record is larger than the topic takes, or its headers exceed mmdigit.transport.headers. Records with equal keys
        keep their order.
        """
        ...

    def flush(self, timeout_s: float) -> None:
        """Return when every record handed over is acknowledged.

        Raises TransportError if one was not within timeout_s, or failed; which ones is known by on_delivered.
        Those are not tried again (though one may still arrive): send them again. Raises InvalidRecord if a broker
        refused one as too large only now.
        """
        ...

    def close(self) -> None:
        """Let go of all resources; records not flushed may be lost. Safe to call twice."""
        ...

    def __enter__(self) -> Self: ...
    def __exit__(self, *exc_info: object) -> None: ...


class PendingCommit(Protocol):
    """A commit that was begun."""

    def done(self) -> bool:
        """Whether its outcome is known. Never waits."""
        ...

    def result(self) -> None:
        """Return if it is durable; to be called once it is done. Raises what Consumer.commit() would have."""
        ...


class Consumer(Protocol):
    """Reads one topic as a member of a consumer group, from the earliest record that the group has not committed.

    At least once: what is not committed is delivered again, to this member or another. Nothing is ever committed
    but by commit(). Not safe for use from several threads.
    Every method raises TransportError when the broker or file is not reachable, and SettingsError when this member can
    never go on: another has taken its place, or the group is not one for workers. TopicError is for the start: a topic
    that goes later is waited for, see trouble().
    """

    def poll(self, max_records: int, timeout_s: float) -> list[Record]:
        """Up to max_records records, in order within each partition; waits up to timeout_s for the first one.

        An empty list means that none came in time. Partitions may come and go only inside poll() and keep_alive():
        on_revoked, if set, is called there with those that go, before their new owner can read them, and the
        next_offsets that it returns are committed before they go, within a few seconds or not at all. Partitions that
        were lost may already be read by their new owner: of those nothing is committed. The callbacks may run in a
        thread of the adapter while poll() waits, and must not call the consumer. While the group rebalances, poll()
        and keep_alive() may last a few seconds longer. A broker that goes away after the start may show as empty
        lists, while the adapter reconnects by itself: see trouble(). Records of aborted transactions are not delivered.

        on_restarted, if set, is called with partitions whose offsets begin again, lower: the topic was deleted and
        created again, or the log lost its end. What was polled of them before is still to be answered, since nobody
        can read it again; its offsets mean nothing any more. on_records_lost, if set, is told how many offsets a log
        no longer holds, and why.
        """
        ...

    def commit(self, next_offsets: Mapping[TopicPartition, int]) -> None:
        """Store, for each partition, the offset of the next record to read; returns once that is durable.

        Raises RebalanceError if a partition is no longer this member's: its records will be delivered again.
        """
        ...

    def begin_commit(self, next_offsets: Mapping[TopicPartition, int]) -> PendingCommit:
        """Begin what commit() does, without waiting for it. Commits take effect in the order of their calls.

        Raises RebalanceError as commit(), TransportError if it cannot even be sent now.
        """
        ...

    def rewind(self, next_offsets: Mapping[TopicPartition, int]) -> None:
        """Read each named partition again from that offset on. Partitions that are no longer assigned are skipped."""
        ...

    def keep_alive(self) -> None:
        """Keep the membership of the group without delivering records, while the caller cannot take more."""
        ...

    def assignment(self) -> frozenset[TopicPartition]:
        """The partitions that this member owns now."""
        ...

    def lag(self) -> dict[TopicPartition, int]:
        """For each owned partition, how many records lie between the last one polled and the newest, as last known.

        Never waits for the network. A partition of which nothing is known yet is missing.
        """
        ...

    def positions(self) -> dict[TopicPartition, int]:
        """For each owned partition, the offset of the next record to be polled: what lies before it was delivered, or
        holds nothing to deliver (the end of a transaction, say).

        Never waits for the network. A partition of which nothing is known yet is missing.
        """
        ...

    def trouble(self) -> str:
        """Why nothing may be arriving, in one line; empty when all is well. Never waits for the network."""
        ...

    on_assigned: Callable[[frozenset[TopicPartition]], None] | None
    on_revoked: Callable[[frozenset[TopicPartition]], Mapping[TopicPartition, int]] | None
    on_restarted: Callable[[frozenset[TopicPartition]], None] | None
    on_records_lost: Callable[[LossCause, int], None] | None

    def close(self) -> None:
        """Leave the group at once, so that others take over; commits nothing, calls nobody back. Safe to call twice."""
        ...

    def __enter__(self) -> Self: ...
    def __exit__(self, *exc_info: object) -> None: ...


class PredictionStore(Protocol):
    """Keeps the outcome of each job, keyed by job_id: its prediction, or the note that it is a dead letter.

    Every method raises StoreError when the store is not reachable or refuses, SettingsError when it never can do this
    (AccessError if a right is missing).
    """

    def put(self, predictions: Sequence[Prediction]) -> None:
        """Store all of them durably in one round trip, all or none. Idempotent by job_id: again is harmless.

        On a Redis Cluster it is one round trip a server, and after an error some of them may be stored.

        A job's first prediction adds one to its group's done count (and removes its dead-letter note, if any) and
        appears once in the feed; putting it again replaces the stored prediction and changes neither.
        """
        ...

    def put_dead(self, dead_letters: Sequence[DeadLetter]) -> None:
        """Note the jobs that became dead letters, so that whoever waits for a group sees its end.

        Counts each job once, and not if it has a prediction. Dead letters without a job_id are skipped.
        """
        ...

    def get(self, job_ids: Sequence[str]) -> list[Prediction | None]:
        """The stored prediction of each job, in order; None where there is none (or it has expired)."""
        ...

    def dead(self, job_ids: Sequence[str]) -> list[str | None]:
        """The reason of each job that is noted as a dead letter, in order; None where it is not."""
        ...

    def counts(self, group: str) -> GroupCounts:
        """How many jobs of the group are answered and dead. Redelivery does not inflate either."""
        ...

    def feed(self, after: str = "", limit: int = 1000, timeout_s: float = 0.0) -> list[tuple[str, Prediction]]:
        """Up to limit predictions in the order of their storing, each with its position, after that position.

        For whoever subscribes instead of polling by job; "" starts at the oldest one kept (the feed is capped, at
        about feed_length; on a Redis Cluster some older ones may be left). Waits up to timeout_s for the first one.
        Raises SettingsError for a position that is none.
        """
        ...

    def close(self) -> None:
        """Let go of all resources. Safe to call twice."""
        ...

    def __enter__(self) -> Self: ...
    def __exit__(self, *exc_info: object) -> None: ...
