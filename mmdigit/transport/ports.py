"""The ports: Publisher, Consumer and PredictionStore.

Their docstrings are the contract: tests/contract/ runs it on every adapter. Programs use only the ports and know
nothing of Kafka, Redis or SQLite.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol, Self

from schemas.dead_letter import DeadLetter
from schemas.job import MAX_RECORD_BYTES
from schemas.prediction import Prediction

MAX_SENT_BYTES = 4 * MAX_RECORD_BYTES
"""The largest record of any kind. A dead letter contains a whole record, as base64 in JSON, and that record may itself
exceed the limit for jobs."""


LossCause = Literal["retention", "truncation"]
"""Why a log lacks records: deleted before this group read them, or lost from its end after they were read."""


class TopicPartition(NamedTuple):
    """One ordered log of records."""

    topic: str
    partition: int


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a topic, not yet decoded.

    timestamp_s: seconds since the epoch, when the record was created or appended.
    headers: untrusted like value; bounded by mmdigit.transport.headers.
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
    """Progress of a group of jobs. done: jobs with a prediction. dead: jobs that became dead letters."""

    done: int
    dead: int


class Outcome(NamedTuple):
    """The outcome of one job of a group: its prediction or its dead-letter reason.

    position: where group_outcomes() goes on after this outcome.
    """

    position: str
    job_id: str
    result: Prediction | str


class Publisher(Protocol):
    """Sends records to one topic. Different threads may call it, but never at the same time.

    Every method raises TransportError if the broker or file cannot be reached, and TopicError if the topic does not
    exist.
    """

    def send(
        self,
        key: bytes | None,
        value: bytes,
        on_delivered: Callable[[], object] | None = None,
        headers: Mapping[str, bytes] | None = None,
    ) -> None:
        """Queue one record in a bounded buffer. Blocks while the buffer is full.

        Calls on_delivered once, from send(), flush() or a thread of the adapter, when the record is acknowledged as
        durable; never calls it for a record that is not. Records with equal keys keep their order.
        Raises InvalidRecord if the record is larger than the topic accepts, or if its headers exceed the limits of
        mmdigit.transport.headers.
        """
        ...

    def flush(self, timeout_s: float) -> None:
        """Send every queued record without waiting for more, and return when all are acknowledged.

        Raises TransportError if a record failed or was not acknowledged within timeout_s; on_delivered tells which
        ones were. The publisher does not retry the others, although one may still arrive: send them again.
        Raises InvalidRecord if the broker rejected a record as too large.
        """
        ...

    def close(self) -> None:
        """Release all resources. Records that were not flushed may be lost. Safe to call twice."""
        ...

    def __enter__(self) -> Self: ...
    def __exit__(self, *exc_info: object) -> None: ...


class PendingCommit(Protocol):
    """A commit in progress."""

    def done(self) -> bool:
        """Whether the commit has succeeded or failed. Never blocks."""
        ...

    def result(self) -> None:
        """Return if the commit is durable, else raise what Consumer.commit() would have. Call it once done()."""
        ...


class Consumer(Protocol):
    """Reads one topic as a member of a consumer group, starting at the group's committed offset or else the earliest.

    Delivery is at least once: a record that is not committed is delivered again, to this member or another. Only
    commit(), begin_commit() and on_revoked commit anything. Not thread-safe.

    Every method raises TransportError if the broker or file cannot be reached, and SettingsError if this member can
    never continue: another member took its place, or other programs use the group. TopicError is raised only at the
    start; if the topic disappears later, the consumer waits for it, see waiting_for().
    """

    def poll(self, max_records: int, timeout_s: float) -> list[Record]:
        """Return up to max_records records, in order within each partition; block up to timeout_s for the first one.

        An empty list means that no record arrived in time. That may also be because a broker has gone away and the
        adapter is reconnecting, see waiting_for(). While the group rebalances, poll() and keep_alive() may take a few
        seconds longer. Records of aborted transactions are not delivered. If it raises, the positions are unchanged,
        and the next call returns the same records.

        Partitions are assigned and revoked only inside poll() and keep_alive(). These callbacks, where set, may run in
        a thread of the adapter while poll() blocks, and must not call the consumer:

        - on_assigned gets the partitions that were added.
        - on_revoked gets the partitions that are taken away, before their new owner can read them. The adapter commits
          the next_offsets that it returns, within a few seconds or not at all. It commits nothing for partitions that
          were already lost, because their new owner may be reading them.
        - on_restarted gets partitions whose offsets start again at a lower number, because the topic was deleted and
          created again or its log lost its end. Answer the records that were polled before: nobody can read them
          again. Discard their offsets.
        - on_records_lost gets the cause and the number of records that are missing from the log.
        """
        ...

    def commit(self, next_offsets: Mapping[TopicPartition, int]) -> None:
        """Commit the offset of the next record to read in each partition. Returns when that is durable.

        Raises RebalanceError if this member no longer owns a partition: its records will be delivered again.
        """
        ...

    def begin_commit(self, next_offsets: Mapping[TopicPartition, int]) -> PendingCommit:
        """Start a commit() without waiting for it. Commits take effect in the order of the calls.

        Raises RebalanceError as commit() does, and TransportError if the commit cannot be sent now.
        """
        ...

    def rewind(self, next_offsets: Mapping[TopicPartition, int]) -> None:
        """Read each partition again from the given offset. Ignores partitions that are no longer assigned."""
        ...

    def keep_alive(self) -> None:
        """Stay a member of the group without receiving records, while the caller cannot take more."""
        ...

    def assignment(self) -> frozenset[TopicPartition]:
        """The partitions that this member owns."""
        ...

    def lag(self) -> dict[TopicPartition, int]:
        """The number of records after the last polled one in each owned partition, as far as known.

        Never waits for the network. Omits partitions whose lag is not yet known.
        """
        ...

    def positions(self) -> dict[TopicPartition, int]:
        """The offset of the next record to poll in each owned partition.

        Every earlier offset was delivered or holds no record to deliver (for example a transaction marker).
        Never waits for the network. Omits partitions whose position is not yet known.
        """
        ...

    def waiting_for(self) -> str:
        """Why no records may be arriving, in one line; empty if all is well. Never waits for the network."""
        ...

    on_assigned: Callable[[frozenset[TopicPartition]], None] | None
    on_revoked: Callable[[frozenset[TopicPartition]], Mapping[TopicPartition, int]] | None
    on_restarted: Callable[[frozenset[TopicPartition]], None] | None
    on_records_lost: Callable[[LossCause, int], None] | None

    def close(self) -> None:
        """Leave the group at once, so that other members take over. Commits nothing and calls no callback.

        Safe to call twice.
        """
        ...

    def __enter__(self) -> Self: ...
    def __exit__(self, *exc_info: object) -> None: ...


class PredictionStore(Protocol):
    """Stores one outcome per job, keyed by job_id: its prediction or its dead-letter reason.

    Different threads may call it, but never at the same time: a thread that waits in feed() needs a store of its own.

    Every method raises StoreError if the store cannot be reached or rejects the call, SettingsError if it can never
    serve it, and AccessError if a permission is missing.
    """

    def put(self, predictions: Sequence[Prediction]) -> None:
        """Store all predictions durably in one round trip, all or none. Idempotent by job_id.

        On a Redis Cluster it takes one round trip per server, and some predictions may be stored after an error.

        A job's first prediction increments its group's done count, removes its dead-letter reason if it has one, and
        appears once in the feed and in its group's outcomes. Putting the job again replaces its prediction and changes
        nothing else.
        """
        ...

    def put_dead_letters(self, dead_letters: Sequence[DeadLetter]) -> None:
        """Record which jobs became dead letters, so that a client that waits for their group sees it end.

        Counts each job once and adds it to its group's outcomes, and only if it has no prediction. Skips dead letters
        without a job_id.
        """
        ...

    def get(self, job_ids: Sequence[str]) -> list[Prediction | None]:
        """The prediction of each job, in order; None if there is none or it has expired."""
        ...

    def dead_letter_reasons(self, job_ids: Sequence[str]) -> list[str | None]:
        """The dead-letter reason of each job, in order; None if it is not recorded as a dead letter."""
        ...

    def counts(self, group: str) -> GroupCounts:
        """How many jobs of the group are done and dead. Redelivery does not change the counts."""
        ...

    def group_outcomes(self, group: str, after: str = "", limit: int = 1000) -> list[Outcome]:
        """Up to limit outcomes of the group after the given position, in order; an empty list if no more are there.

        "" starts at the oldest. The order is that in which jobs first got their outcome; on a Redis Cluster only jobs
        of the same bucket keep it. Each outcome is the job's newest: a prediction that was replaced keeps its place. A
        dead letter that gets a prediction (after a replay) moves to the end, so that whoever has read its reason also
        reads its prediction. Expired outcomes are left out; a job that gets another one after that is added again.
        Raises SettingsError for an invalid position.
        """
        ...

    def feed(self, after: str = "", limit: int = 1000, timeout_s: float = 0.0) -> list[tuple[str, Prediction]]:
        """Up to limit predictions that were stored after the given position, in order, each with its own position.

        For subscribers that do not know job ids. "" starts at the oldest prediction in the feed, which keeps about
        feed_length predictions; on a Redis Cluster it may keep more. Blocks up to timeout_s for the first prediction.
        Raises SettingsError for an invalid position.
        """
        ...

    def feed_end(self) -> str:
        """The position after the newest prediction: feed(feed_end()) returns only what is stored after this call.

        Takes one round trip; on a Redis Cluster, one per server. The position stays valid when the feed drops that
        prediction. If the feed is empty, it is the position before the first prediction.
        """
        ...

    def close(self) -> None:
        """Release all resources. Safe to call twice."""
        ...

    def __enter__(self) -> Self: ...
    def __exit__(self, *exc_info: object) -> None: ...
