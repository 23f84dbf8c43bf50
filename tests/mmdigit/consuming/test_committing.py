"""Commits begin when due, without waiting; at once when idle; and again after a failure."""

import pytest

from mmdigit.consuming.committing import EXIT_ATTEMPTS, Committer
from mmdigit.consuming.offsets import OffsetTracker
from mmdigit.transport.ports import Record
from tests.worker.fakes import P0, P1, Clock, FakeConsumer, record


class Bench:
    """A committer that is due every 10 s, with records 0, 1, 2, ... of P0 begun."""

    def __init__(self) -> None:
        self.consumer, self.offsets, self.clock = FakeConsumer(), OffsetTracker(), Clock()
        self.failures: list[float] = []
        self.committer = Committer(
            self.consumer, self.offsets, 10.0, self.clock, lambda: self.failures.append(self.clock())
        )
        self.records: list[Record] = [record(offset, b"") for offset in range(9)]
        self.offsets.begin(self.records)

    def finish(self, number: int, after_s: float = 0.0) -> None:
        self.clock.now_s += after_s
        self.offsets.finish(self.records[:number])


def test_commit_if_due_begins_one_commit_at_a_time() -> None:
    bench = Bench()
    bench.consumer.slow_commits = True
    bench.finish(1, after_s=9.0)
    bench.committer.commit_if_due()
    bench.finish(2, after_s=1.0)
    bench.committer.commit_if_due()  # begun, and slow
    bench.finish(3, after_s=99.0)
    bench.committer.commit_if_due()
    assert bench.consumer.commits == []
    assert bench.committer.since_commit_s == 109.0
    bench.consumer.slow_commits = False
    bench.committer.commit_if_due()
    assert bench.consumer.commits == [{P0: 2}]
    assert bench.committer.since_commit_s == 0.0
    bench.finish(4, after_s=10.0)
    bench.committer.commit_if_due()
    assert bench.consumer.commits == [{P0: 2}, {P0: 4}]


def test_commit_if_due_counts_a_failure_and_includes_it_next() -> None:
    bench = Bench()
    bench.consumer.failing_commits = 1
    bench.finish(1, after_s=10.0)
    bench.committer.commit_if_due()
    assert (bench.consumer.commits, bench.failures) == ([], [])
    bench.committer.commit_if_due()  # settles it and begins the next one
    assert (bench.consumer.commits, bench.failures) == ([{P0: 1}], [110.0])
    assert bench.committer.since_commit_s == 10.0


def test_commit_now_repeats_a_pending_commit() -> None:
    bench = Bench()
    bench.consumer.slow_commits = True
    bench.finish(1, after_s=10.0)
    bench.committer.commit_if_due()
    bench.committer.commit_now()
    assert bench.consumer.commits == [{P0: 1}]
    bench.committer.commit_now()
    assert bench.consumer.commits == [{P0: 1}]  # nothing new


@pytest.mark.parametrize("failing", [1, EXIT_ATTEMPTS - 1, EXIT_ATTEMPTS])
def test_commit_on_exit_retries_through_a_rebalance(failing: int) -> None:
    bench = Bench()
    bench.consumer.failing_commits = failing
    bench.finish(1)
    bench.committer.commit_on_exit(bench.consumer.keep_alive)
    assert bench.consumer.commits == ([] if failing == EXIT_ATTEMPTS else [{P0: 1}])
    assert bench.consumer.keep_alives == failing


def test_abandon_pending_ignores_its_result() -> None:
    bench = Bench()
    bench.consumer.slow_commits = True
    bench.finish(1, after_s=10.0)
    bench.committer.commit_if_due()
    bench.offsets.forget([P0])
    bench.committer.abandon_pending()
    bench.offsets.begin([record(1, b""), record(7, b"", P1)])
    bench.consumer.slow_commits = False
    bench.committer.commit_now()
    assert bench.consumer.commits == []
    assert bench.committer.since_commit_s == 10.0
