"""python -m worker replay: sends dead letters back to the topic of jobs, and remembers its progress."""

import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Literal, get_args

from mmdigit.consuming.stopping import stop_on_first_signal
from mmdigit.transport.ports import MAX_SENT_BYTES, Consumer, Publisher, Record, TopicPartition
from mmdigit.transport.urls import open_consumer, open_publisher
from schemas.dead_letter import DeadLetter, replay_headers
from schemas.errors import InvalidRecord, TransportError
from schemas.printable import printable
from schemas.wire import decode_dead_letter
from worker.replay.settings import ReplaySettings
from worker.topic_snapshot import TopicSnapshot

POLL_RECORDS = 100
FLUSH_TIMEOUT_S = 120.0
PROGRESS_EVERY_S = 5.0
INTERRUPTED = 130

ReplayStatus = Literal["sent", "refused", "too large", "not selected", "unreadable"]
STATUSES: tuple[ReplayStatus, ...] = get_args(ReplayStatus)
_UNKNOWN_REASON = "-"
_MORE_REASONS = "others"
MAX_REASONS = 50
MAX_WARNINGS = 100
"""Bounds on the rows of the table and on the lines about single dead letters: the topic may hold any number."""


class Replay:
    """One run over the dead letters that the topic holds when the run begins; it skips those that its own jobs become.

    Commits an offset only after everything sent before it is acknowledged.
    """

    def __init__(
        self,
        settings: ReplaySettings,
        consumer: Consumer,
        jobs: Publisher | None,
        write_line: Callable[[str], object],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """jobs: the topic to send to; None only counts. write_line: takes a line for the user."""
        self._settings = settings
        self._consumer = consumer
        self._jobs = jobs
        self._write_line = write_line
        self._clock = clock
        self._stop = threading.Event()
        self._letters = TopicSnapshot(consumer, "dead letters", clock)
        self._counted: dict[TopicPartition, int] = {}
        self._unacknowledged: set[tuple[TopicPartition, int]] = set()
        self._reasons: set[str] = set()
        self._warnings = 0
        self._last_progress_s = clock()
        self.counts: Counter[tuple[str, ReplayStatus]] = Counter()
        """Dead letters by reason and status, of the batches that are acknowledged and committed."""

    def run(self) -> None:
        """Return at the end of the topic, at the limit, or when stopped, after the current batch.

        Raises RetriableError if a broker or file fails: the next run sends again what is not committed.
        """
        while not (self._stop.is_set() or self._limit_reached(self.counts) or self._letters.is_exhausted()):
            records = self._letters.poll(POLL_RECORDS)
            self._report_progress()
            self._replay_batch(records)

    def stop(self) -> None:
        """End after the current batch; safe in a signal handler."""
        self._stop.set()

    @property
    def stopped(self) -> bool:
        return self._stop.is_set()

    def _replay_batch(self, records: list[Record]) -> None:
        counts: Counter[tuple[str, ReplayStatus]] = Counter()
        committable: dict[TopicPartition, int] = {}
        for record in records:
            if self._limit_reached(self.counts + counts):
                break
            if self._jobs is None:  # a dry run commits nothing: a rebalance delivers again what it has counted
                if record.offset < self._counted.get(record.topic_partition, 0):
                    continue
                self._counted[record.topic_partition] = record.offset + 1
            reason, status = self._replay_one(record)
            counts[self._row(reason), status] += 1
            committable[record.topic_partition] = record.offset + 1
        if self._jobs is not None and committable:
            self._jobs.flush(FLUSH_TIMEOUT_S)
            if self._unacknowledged:  # checked here too: no commit may rest on the adapter alone
                raise TransportError(f"expected all jobs acknowledged, got {len(self._unacknowledged)} that are not")
            self._consumer.commit(committable)
        self.counts += counts

    def _replay_one(self, record: Record) -> tuple[str, ReplayStatus]:
        try:
            letter = decode_dead_letter(record.value)
        except InvalidRecord as error:
            self._warn(record, error)
            return _UNKNOWN_REASON, "unreadable"
        if not self._is_selected(letter):
            return letter.reason, "not selected"
        if letter.times_dead >= self._settings.max_times_dead:
            return letter.reason, "refused"
        if self._jobs is not None:
            position = (record.topic_partition, record.offset)
            self._unacknowledged.add(position)
            try:
                acknowledged = partial(self._unacknowledged.discard, position)
                self._jobs.send(letter.key, letter.original, acknowledged, replay_headers(letter))
            except InvalidRecord as error:
                self._unacknowledged.discard(position)
                self._warn(record, error)
                return letter.reason, "too large"
        return letter.reason, "sent"

    def _row(self, reason: str) -> str:
        if len(self._reasons) < MAX_REASONS:
            self._reasons.add(reason)
        return reason if reason in self._reasons else _MORE_REASONS

    def _is_selected(self, letter: DeadLetter) -> bool:
        reason, since = self._settings.reason, self._settings.since
        return (reason is None or letter.reason == reason) and (since is None or letter.last_seen >= since)

    def _limit_reached(self, counts: Counter[tuple[str, ReplayStatus]]) -> bool:
        limit = self._settings.limit
        return limit is not None and sum(n for (_, status), n in counts.items() if status == "sent") >= limit

    def _report_progress(self) -> None:
        now_s = self._clock()
        if now_s - self._last_progress_s >= PROGRESS_EVERY_S:
            self._last_progress_s = now_s
            self._write_line(f"{self.counts.total()} dead letters handled, {self._letters.remaining} remaining")

    def _warn(self, record: Record, error: InvalidRecord) -> None:
        self._warnings += 1
        if self._warnings <= MAX_WARNINGS:
            self._write_line(f"{record.topic} {record.partition}/{record.offset}: {printable(str(error), 300)}")
        elif self._warnings == MAX_WARNINGS + 1:
            self._write_line("further warnings are left out; the table counts them")


def table(counts: Counter[tuple[str, ReplayStatus]], *, dry_run: bool) -> str:
    """A line for each reason, a column for each status, and their sums."""
    reasons = sorted({reason for reason, _ in counts})
    width = max(len(reason) for reason in ["reason", *reasons])
    headings = ["to send" if dry_run and status == "sent" else status for status in STATUSES]
    lines = [f"{'reason':<{width}}" + "".join(f"  {heading:>12}" for heading in headings)]
    for reason in [*reasons, "total"]:
        summed = reasons if reason == "total" else [reason]
        cells = [sum(counts[each, status] for each in summed) for status in STATUSES]
        lines.append(f"{reason:<{width}}" + "".join(f"  {cell:>12}" for cell in cells))
    return "".join(f"{line}\n" for line in lines)


def replay(argv: Sequence[str]) -> int:
    """Return 0 at the end or at the limit, 1 if some dead letters cannot be read or sent, 130 if interrupted."""
    settings = ReplaySettings.load(argv)
    access = settings.access
    with ExitStack() as opened:
        jobs = None if settings.dry_run else opened.enter_context(open_publisher(settings.to_url, access=access))
        if settings.consumer_group != settings.replay_group:
            # A queue file keeps what some group has yet to read: keep what this selection skips for a replay of all.
            open_consumer(settings.from_url, group=settings.replay_group, access=access).close()
        consumer = opened.enter_context(
            open_consumer(
                settings.from_url,
                group=settings.consumer_group,
                max_record_bytes=MAX_SENT_BYTES,
                access=access,
            )
        )
        run = Replay(settings, consumer, jobs, _write_line)
        stop_on_first_signal(run.stop)
        try:
            run.run()
        finally:
            sys.stdout.write(table(run.counts, dry_run=settings.dry_run))
    if run.stopped:
        _write_line("interrupted; run the same command again to continue")
        return INTERRUPTED
    return 1 if any(status in ("unreadable", "too large") for _, status in run.counts) else 0


def _write_line(line: str) -> None:
    sys.stderr.write(f"replay: {line}\n")
