"""Tracks which offsets are safe to commit: those before the first record that is not finished."""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from mmdigit.transport.ports import Record, TopicPartition

_NEVER_COMMITTED = -1
"""Before the first poll of a partition: the group may never have committed what lies before its position."""


@dataclass(slots=True)
class _Partition:
    partition: TopicPartition
    next_offset: int  # everything begun before it is finished
    committed: int
    begun: deque[int] = field(default_factory=deque)  # ascending, from next_offset on
    unfinished: set[int] = field(default_factory=set)  # the ones that hold next_offset back


class OffsetTracker:
    """Tracks each polled record of each partition from begun to finished, in any order.

    Offsets may have gaps (compacted topics, aborted transactions): only begun records count.
    """

    def __init__(self) -> None:
        # By plain tuples, which equal a TopicPartition and take a third of its time to make.
        self._partitions: dict[tuple[str, int], _Partition] = {}

    def begin(self, records: Iterable[Record]) -> None:
        """Note polled records. The offsets of a partition ascend until it is forgotten."""
        for record in records:
            partition, offset = (record.topic, record.partition), record.offset
            state = self._partitions.get(partition)
            if state is None:
                state = _Partition(record.topic_partition, next_offset=offset, committed=offset)
                self._partitions[partition] = state
            if offset < state.next_offset or (state.begun and offset <= state.begun[-1]):
                raise ValueError(
                    f"expected ascending offsets of {state.partition}, got {offset} again; forget() it first"
                )
            state.begun.append(offset)
            state.unfinished.add(offset)

    def holds(self, record: Record) -> bool:
        """Whether the record is begun, and neither finished nor forgotten."""
        state = self._partitions.get((record.topic, record.partition))
        return state is not None and record.offset in state.unfinished

    def finish(self, records: Iterable[Record]) -> None:
        """Note records whose outcomes are stored or acknowledged. Ignores those that were forgotten."""
        for record in records:
            state = self._partitions.get((record.topic, record.partition))
            if state is None:
                continue
            state.unfinished.discard(record.offset)
            while state.begun and state.begun[0] not in state.unfinished:
                state.next_offset = state.begun.popleft() + 1

    def advance(self, positions: Mapping[TopicPartition, int]) -> None:
        """Move past the end of a partition where it holds no records: transaction markers, aborted or compacted ones.

        positions: the next offset to poll; every record before it is begun.
        Without this, the group would stay behind the end of the log and its lag would never be 0.
        """
        for partition, position in positions.items():
            state = self._partitions.setdefault(
                partition, _Partition(partition, next_offset=position, committed=_NEVER_COMMITTED)
            )
            if not state.begun:
                state.next_offset = max(state.next_offset, position)

    def committable(self) -> dict[TopicPartition, int]:
        """The next_offset of each partition that moved since its last commit; every record before it is finished."""
        return {
            state.partition: state.next_offset
            for state in self._partitions.values()
            if state.next_offset != state.committed
        }

    def committed(self, next_offsets: dict[TopicPartition, int]) -> None:
        """Note that these were committed."""
        for partition, next_offset in next_offsets.items():
            if partition in self._partitions:
                self._partitions[partition].committed = next_offset

    def forget(self, partitions: Iterable[TopicPartition]) -> None:
        """Forget revoked or rewound partitions: this worker must not commit them."""
        for partition in partitions:
            self._partitions.pop(partition, None)

    @property
    def in_flight(self) -> int:
        """How many records are begun and not finished."""
        return sum(len(state.unfinished) for state in self._partitions.values())
