"""Offsets against a simple model: out-of-order completion, gaps, revocation, failed commits."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from mmdigit.consuming.offsets import OffsetTracker
from mmdigit.transport.ports import TopicPartition
from tests.worker.fakes import record

PARTITIONS = [TopicPartition("jobs", number) for number in range(3)]


class OffsetMachine(RuleBasedStateMachine):
    """A model that lists every begun offset and searches for the first gap."""

    def __init__(self) -> None:
        super().__init__()
        self.tracker = OffsetTracker()
        self.begun: dict[TopicPartition, list[int]] = {}
        self.finished: dict[TopicPartition, set[int]] = {}
        self.committed: dict[TopicPartition, int] = {}
        self.log_end = dict.fromkeys(PARTITIONS, 0)

    @rule(partition=st.sampled_from(PARTITIONS), hole=st.integers(0, 2), count=st.integers(1, 4))
    def poll(self, partition: TopicPartition, hole: int, count: int) -> None:
        for _ in range(count):
            offset = self.log_end[partition] + hole
            self.log_end[partition] = offset + 1
            if partition not in self.begun:
                self.begun[partition], self.finished[partition] = [], set()
                self.committed[partition] = offset
            self.begun[partition].append(offset)
            self.tracker.begin([record(offset, b"", partition)])

    @precondition(lambda self: any(self.begun.values()))
    @rule(data=st.data())
    def finish(self, data: st.DataObject) -> None:
        partition = data.draw(st.sampled_from([p for p, begun in self.begun.items() if begun]))
        offset = data.draw(st.sampled_from(self.begun[partition]))
        self.finished[partition].add(offset)
        self.tracker.finish([record(offset, b"", partition)])

    @rule(partition=st.sampled_from(PARTITIONS), offset=st.integers(0, 50))
    def finish_something_never_begun(self, partition: TopicPartition, offset: int) -> None:
        if offset not in self.begun.get(partition, []):
            self.tracker.finish([record(offset, b"", partition)])

    @rule()
    def commit(self) -> None:
        next_offsets = self.tracker.committable()
        self.tracker.committed(next_offsets)
        self.committed |= next_offsets

    @rule()
    def commit_in_vain(self) -> None:
        """The commit failed: the next one includes it."""
        before = self.tracker.committable()
        assert self.tracker.committable() == before

    @rule(partition=st.sampled_from(PARTITIONS))
    def revoke(self, partition: TopicPartition) -> None:
        """Finished records are committed during the revocation; the next owner starts after them."""
        self.committed |= {p: n for p, n in self.tracker.committable().items() if p == partition}
        self.lose(partition)

    @rule(partition=st.sampled_from(PARTITIONS))
    def lose(self, partition: TopicPartition) -> None:
        """The next owner starts at the last commit, and repeats what was finished since."""
        self.tracker.forget([partition])
        self.log_end[partition] = self.committed.pop(partition, self.log_end[partition])
        self.begun.pop(partition, None)
        self.finished.pop(partition, None)

    def safe(self, partition: TopicPartition) -> int:
        begun = self.begun[partition]
        gaps = [offset for offset in begun if offset not in self.finished[partition]]
        return gaps[0] if gaps and gaps[0] == begun[0] else max([o for o in begun if not gaps or o < gaps[0]]) + 1

    @invariant()
    def commits_exactly_up_to_the_first_gap(self) -> None:
        expected = {p: self.safe(p) for p in self.begun if self.safe(p) != self.committed[p]}
        assert self.tracker.committable() == expected

    @invariant()
    def counts_what_is_in_flight(self) -> None:
        unfinished = {p: set(self.begun[p]) - self.finished[p] for p in self.begun}
        assert self.tracker.in_flight == sum(map(len, unfinished.values()))
        for partition in PARTITIONS:
            for offset in range(self.log_end[partition]):
                held = offset in unfinished.get(partition, ())
                assert self.tracker.holds(record(offset, b"", partition)) == held


TestOffsetMachine = OffsetMachine.TestCase
TestOffsetMachine.settings = settings(max_examples=150, stateful_step_count=40, deadline=None, derandomize=True)


def test_begin_refuses_an_offset_twice() -> None:
    tracker = OffsetTracker()
    fifth = record(5, b"", PARTITIONS[0])
    tracker.begin([fifth])
    with pytest.raises(ValueError, match="got 5 again"):
        tracker.begin([fifth])
    tracker.forget([PARTITIONS[0]])
    tracker.begin([fifth])


def test_advance_waits_until_earlier_records_are_finished() -> None:
    tracker, place = OffsetTracker(), PARTITIONS[0]
    tracker.begin([record(3, b"", place), record(4, b"", place)])
    tracker.advance({place: 6})
    assert tracker.committable() == {}
    tracker.finish([record(4, b"", place)])
    tracker.advance({place: 6})
    assert tracker.committable() == {}
    tracker.finish([record(3, b"", place)])
    assert tracker.committable() == {place: 5}
    tracker.advance({place: 6})
    assert tracker.committable() == {place: 6}
    tracker.committed({place: 6})
    tracker.advance({place: 2})  # an old position, before records finished since
    assert tracker.committable() == {}


def test_advance_commits_the_position_of_an_unread_partition() -> None:
    tracker, place = OffsetTracker(), PARTITIONS[0]
    tracker.advance({place: 40})
    assert tracker.committable() == {place: 40}
    tracker.committed({place: 40})
    tracker.begin([record(47, b"", place)])
    assert tracker.committable() == {}
    tracker.finish([record(47, b"", place)])
    assert tracker.committable() == {place: 48}
