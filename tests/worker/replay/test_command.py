"""The loop of a replay on fakes: what it sends and commits, when it ends, what it reports."""

import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from mmdigit.transport.ports import Record, TopicPartition
from schemas.errors import InvalidRecord, TransportError
from schemas.wire import encode
from tests.factories import make_dead_letter
from tests.worker.fakes import P0, P1, Clock, Closable, FakeConsumer, record
from worker.replay.command import PROGRESS_EVERY_S, Replay, ReplayStatus, table
from worker.replay.settings import ReplaySettings

URLS = {"from": "sqlite:///q.db?topic=jobs.dead", "to": "sqlite:///q.db"}


class Jobs(Closable):
    """Acknowledges on flush; fails while broken, and never acknowledges what it loses."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.broken = False
        self.loses: set[bytes] = set()
        self.refuses: set[bytes] = set()
        self._callbacks: list[Callable[[], object]] = []

    def send(
        self,
        key: bytes | None,
        value: bytes,
        on_delivered: Callable[[], object] | None = None,
        headers: Mapping[str, bytes] | None = None,
    ) -> None:
        if value in self.refuses:
            raise InvalidRecord("larger than the topic takes")
        if on_delivered is not None and value not in self.loses:
            self._callbacks.append(on_delivered)
        self.sent.append(value)

    def flush(self, timeout_s: float) -> None:
        if self.broken:
            raise TransportError("broker away")
        for acknowledge in self._callbacks:
            acknowledge()
        self._callbacks = []


class Letters(FakeConsumer):
    """Two partitions of dead letters; their lag is known after the first poll."""

    def __init__(self, *records: Record) -> None:
        super().__init__(records)
        self.polled = 0

    def poll(self, max_records: int, timeout_s: float) -> list[Record]:
        self.polled += 1
        return super().poll(max_records, timeout_s)

    def lag(self) -> dict[TopicPartition, int]:
        waiting = Counter(record.topic_partition for record in self.queue)
        return {P0: waiting[P0], P1: waiting[P1]} if self.polled else {}


def letter(offset: int, partition: TopicPartition = P0, **fields: object) -> Record:
    buried = make_dead_letter(offset).model_copy(update={"original": b"%d" % offset} | fields)
    return record(offset, encode(buried, "msgpack"), partition)


class Bench:
    """A replay on fakes."""

    def __init__(self, *records: Record, **options: object) -> None:
        self.consumer, self.jobs, self.clock = Letters(*records), Jobs(), Clock()
        self.said: list[str] = []
        settings = ReplaySettings.model_validate(URLS | options)
        self.replay = Replay(settings, self.consumer, self.jobs, self.said.append, self.clock)


def test_replay_commits_acknowledged_jobs_once_a_batch() -> None:
    bench = Bench(letter(7), letter(8), letter(3, P1))
    bench.replay.run()
    assert bench.jobs.sent == [b"7", b"8", b"3"]
    assert bench.consumer.commits == [{P0: 9, P1: 4}]
    assert bench.replay.counts == {("invalid_image", "sent"): 3}


@pytest.mark.parametrize("fault", ["broken", "loses"])
def test_replay_commits_nothing_without_acknowledgement(fault: str) -> None:
    bench = Bench(letter(0), letter(1))
    bench.jobs.broken = fault == "broken"
    bench.jobs.loses = {b"1"} if fault == "loses" else set()
    with pytest.raises(TransportError):
        bench.replay.run()
    assert bench.consumer.commits == []
    assert bench.replay.counts == {}


def test_replay_names_and_skips_a_job_that_is_too_large() -> None:
    bench = Bench(letter(0), letter(1))
    bench.jobs.refuses = {b"0"}
    bench.replay.run()
    assert bench.replay.counts == {("invalid_image", "too large"): 1, ("invalid_image", "sent"): 1}
    assert bench.consumer.commits == [{P0: 2}]
    assert bench.said == ["jobs 0/0: larger than the topic takes"]


def test_dry_run_counts_redelivered_dead_letters_once() -> None:
    bench = Bench(*(letter(n) for n in range(150)))
    bench.replay._jobs = None

    def rebalance() -> None:
        if bench.consumer.polled == 2:
            bench.consumer.queue[:0] = [letter(n) for n in range(100)]

    bench.consumer.before_poll = rebalance
    bench.replay.run()
    assert bench.replay.counts == {("invalid_image", "sent"): 150}
    assert bench.consumer.commits == []


def test_replay_leaves_new_dead_letters_for_the_next_run() -> None:
    bench = Bench(*(letter(n) for n in range(150)))  # a batch and a half

    def fails_again() -> None:
        if bench.consumer.polled == 2:
            bench.consumer.queue += [letter(n, times_dead=2) for n in range(150, 300)]

    bench.consumer.before_poll = fails_again
    bench.replay.run()
    assert bench.jobs.sent == [b"%d" % n for n in range(150)]
    assert bench.consumer.commits == [{P0: 100}, {P0: 150}]


def test_limit_leaves_the_rest_of_the_batch_uncommitted() -> None:
    bench = Bench(letter(0), letter(1, reason="invalid_audio"), letter(2), letter(0, P1), letter(3), limit=2)
    bench.replay.run()
    assert bench.jobs.sent == [b"0", b"1"]
    assert bench.consumer.commits == [{P0: 2}]


def test_stop_ends_a_replay_after_the_current_batch() -> None:
    bench = Bench(*(letter(n) for n in range(300)))
    bench.consumer.before_poll = bench.replay.stop
    bench.replay.run()
    assert bench.consumer.commits == [{P0: 100}]
    assert bench.replay.stopped


def test_replay_ends_when_the_topic_stays_silent() -> None:
    bench = Bench(letter(0))
    bench.consumer.lag = lambda: {P0: 5}  # type: ignore[method-assign]  # but no record ever arrives
    bench.consumer.before_poll = lambda: setattr(bench.clock, "now_s", bench.clock.now_s + 7)
    with pytest.raises(TransportError, match="got neither; check the broker"):
        bench.replay.run()
    assert bench.clock.now_s == 107 + 63  # the first step of 7 s that is PATIENCE_S after the record at 107
    assert bench.consumer.commits == [{P0: 1}]


def test_replay_reports_its_progress() -> None:
    bench = Bench(*(letter(n) for n in range(250)))
    bench.consumer.before_poll = lambda: setattr(bench.clock, "now_s", bench.clock.now_s + PROGRESS_EVERY_S / 2)
    bench.replay.run()
    assert bench.said == ["100 dead letters handled, 50 remaining"]


def test_table_has_a_row_for_each_reason() -> None:
    counts: Counter[tuple[str, ReplayStatus]] = Counter()
    counts.update({("model_rejected", "sent"): 12, ("invalid_image", "refused"): 3, ("-", "unreadable"): 1})
    assert table(counts, dry_run=False).splitlines() == [
        "reason                  sent       refused     too large  not selected    unreadable",
        "-                          0             0             0             0             1",
        "invalid_image              0             3             0             0             0",
        "model_rejected            12             0             0             0             0",
        "total                     12             3             0             0             1",
    ]
    assert table(counts, dry_run=True).split()[:4] == ["reason", "to", "send", "refused"]


def test_replay_is_a_command_of_the_worker(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "worker", "replay", "--from", "carrier://pigeon", "--to", "sqlite:///q.db"]
    done = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True)
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert line.startswith("python -m worker replay: error: expected a topic URL")
