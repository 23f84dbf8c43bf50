"""Which offsets are safe to commit: up to the first job that is not yet stored or dead-lettered."""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from mmdigit.transport.ports import Record, TopicPartition

_UNKNOWN = -1
"""Of a partition of which nothing was polled: what lies before its position may never have been committed."""


@dataclass(slots=True)
class _Partition:
    next_offset: int  # everything begun before it is finished
    committed: int
    begun: deque[int] = field(default_factory=deque)  # from next_offset on, ascending
    unfinished: set[int] = field(default_factory=set)  # those of them that hold next_offset back


class OffsetTracker:
    """Tracks each polled record from begun to finished, out of order if need be, per partition.

    Offsets may have holes (compacted topics, aborted transactions): only what was begun counts.
    """

    def __init__(self) -> None:
        self._partitions: dict[TopicPartition, _Partition] = {}

    def begin(self, records: Iterable[Record]) -> None:
        """They were polled. Offsets of a partition come in ascending order until it is forgotten."""
        for record in records:
            partition, offset = record.topic_partition, record.offset
            state = self._partitions.setdefault(partition, _Partition(next_offset=offset, committed=offset))
            if offset < state.next_offset or (state.begun and offset <= state.begun[-1]):
                raise ValueError(f"{partition} began offset {offset} again; forget() the partition first")
            state.begun.append(offset)
            state.unfinished.add(offset)

    def holds(self, record: Record) -> bool:
        """Whether the record is begun and neither finished nor forgotten."""
        state = self._partitions.get(record.topic_partition)
        return state is not None and record.offset in state.unfinished

    def finish(self, records: Iterable[Record]) -> None:
        """Their predictions are stored or their dead letters acknowledged. Forgotten ones are ignored."""
        for record in records:
            state = self._partitions.get(record.topic_partition)
            if state is None:
                continue
            state.unfinished.discard(record.offset)
            while state.begun and state.begun[0] not in state.unfinished:
                state.next_offset = state.begun.popleft() + 1

    def advance(self, positions: Mapping[TopicPartition, int]) -> None:
        """Pass what holds no record at the end of a partition: markers of transactions, what was aborted or compacted.

        positions: of the next record to be polled, while all that was polled is begun.
        Without this the group would stay behind the end of the log, and its lag would never be 0.
        """
        for partition, position in positions.items():
            state = self._partitions.setdefault(partition, _Partition(next_offset=position, committed=_UNKNOWN))
            if not state.begun:
                state.next_offset = max(state.next_offset, position)

    def committable(self) -> dict[TopicPartition, int]:
        """The next_offset of each partition that moved since its last commit: everything before it is finished."""
        return {
            partition: state.next_offset
            for partition, state in self._partitions.items()
            if state.next_offset != state.committed
        }

    def committed(self, next_offsets: dict[TopicPartition, int]) -> None:
        """These were committed."""
        for partition, next_offset in next_offsets.items():
            if partition in self._partitions:
                self._partitions[partition].committed = next_offset

    def forget(self, partitions: Iterable[TopicPartition]) -> None:
        """The partitions were revoked or rewound: nothing of them is this worker's to commit any more."""
        for partition in partitions:
            self._partitions.pop(partition, None)

    @property
    def in_flight(self) -> int:
        """Records begun and not finished."""
        return sum(len(state.unfinished) for state in self._partitions.values())
