"""python -m worker replay: sends dead letters back to the jobs' topic, and remembers how far it came."""

import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Literal, get_args

from mmdigit.transport.ports import MAX_SENT_BYTES, Consumer, Publisher, Record, TopicPartition
from mmdigit.transport.urls import open_consumer, open_publisher
from schemas.dead_letter import DeadLetter, replay_headers
from schemas.errors import InvalidRecord, TransportError
from schemas.printable import printable
from schemas.wire import decode_dead_letter
from worker.replay.settings import ReplaySettings
from worker.stopping import stop_once
from worker.topic_snapshot import ToTheEnd

POLL_RECORDS = 100
FLUSH_TIMEOUT_S = 120.0
PROGRESS_EVERY_S = 5.0
INTERRUPTED = 130

Outcome = Literal["sent", "refused", "too large", "not selected", "unreadable"]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
_UNKNOWN_REASON = "-"
_MORE_REASONS = "others"
MAX_REASONS = 50
MAX_COMPLAINTS = 100
"""Rows of the table, and lines about single dead letters: whoever writes to the topic could ask for any number."""


class Replay:
    """One run over the dead letters that stand in the topic when it begins: those that its own jobs become are left.

    An offset is committed only after everything sent before it is acknowledged.
    """

    def __init__(
        self,
        settings: ReplaySettings,
        consumer: Consumer,
        jobs: Publisher | None,
        say: Callable[[str], object],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """jobs: where to send to; None only counts. say takes a line for the user."""
        self._settings = settings
        self._consumer = consumer
        self._jobs = jobs
        self._say = say
        self._clock = clock
        self._stop = threading.Event()
        self._letters = ToTheEnd(consumer, "dead letters", clock)
        self._counted: dict[TopicPartition, int] = {}
        self._unacknowledged: set[tuple[TopicPartition, int]] = set()
        self._reasons: set[str] = set()
        self._complaints = 0
        self._last_progress_s = clock()
        self.counts: Counter[tuple[str, Outcome]] = Counter()
        """Dead letters by reason and outcome, of all batches that are acknowledged and committed."""

    def run(self) -> None:
        """Return at the end of the topic, at the limit, or after the batch in hand when stopped.

        Raises RetriableError if a broker or file fails: what is not committed is sent again by the next run.
        """
        while not (self._stop.is_set() or self._limit_is_reached(self.counts) or self._letters.is_at_the_end()):
            records = self._letters.poll(POLL_RECORDS)
            self._say_progress()
            self._replay(records)

    def stop(self) -> None:
        """End after the batch in hand; may be called from a signal handler."""
        self._stop.set()

    @property
    def stopped(self) -> bool:
        return self._stop.is_set()

    def _replay(self, records: list[Record]) -> None:
        counts: Counter[tuple[str, Outcome]] = Counter()
        committable: dict[TopicPartition, int] = {}
        for record in records:
            if self._limit_is_reached(self.counts + counts):
                break
            if self._jobs is None:  # a dry run commits nothing, so that a rebalance delivers again what it has counted
                if record.offset < self._counted.get(record.topic_partition, 0):
                    continue
                self._counted[record.topic_partition] = record.offset + 1
            reason, outcome = self._deal_with(record)
            counts[self._row(reason), outcome] += 1
            committable[record.topic_partition] = record.offset + 1
        if self._jobs is not None and committable:
            self._jobs.flush(FLUSH_TIMEOUT_S)
            if self._unacknowledged:  # whatever the adapter says: nothing is committed without the acknowledgement
                raise TransportError(f"expected all jobs acknowledged, {len(self._unacknowledged)} are not")
            self._consumer.commit(committable)
        self.counts += counts

    def _deal_with(self, record: Record) -> tuple[str, Outcome]:
        try:
            letter = decode_dead_letter(record.value)
        except InvalidRecord as error:
            self._complain(record, error)
            return _UNKNOWN_REASON, "unreadable"
        if not self._is_selected(letter):
            return letter.reason, "not selected"
        if letter.times_dead >= self._settings.max_times_dead:
            return letter.reason, "refused"
        if self._jobs is not None:
            place = (record.topic_partition, record.offset)
            self._unacknowledged.add(place)
            try:
                acknowledged = partial(self._unacknowledged.discard, place)
                self._jobs.send(letter.key, letter.original, acknowledged, replay_headers(letter))
            except InvalidRecord as error:
                self._unacknowledged.discard(place)
                self._complain(record, error)
                return letter.reason, "too large"
        return letter.reason, "sent"

    def _row(self, reason: str) -> str:
        if len(self._reasons) < MAX_REASONS:
            self._reasons.add(reason)
        return reason if reason in self._reasons else _MORE_REASONS

    def _is_selected(self, letter: DeadLetter) -> bool:
        reason, since = self._settings.reason, self._settings.since
        return (reason is None or letter.reason == reason) and (since is None or letter.last_seen >= since)

    def _limit_is_reached(self, counts: Counter[tuple[str, Outcome]]) -> bool:
        limit = self._settings.limit
        return limit is not None and sum(n for (_, outcome), n in counts.items() if outcome == "sent") >= limit

    def _say_progress(self) -> None:
        now_s = self._clock()
        if now_s - self._last_progress_s >= PROGRESS_EVERY_S:
            self._last_progress_s = now_s
            self._say(f"{self.counts.total()} dead letters dealt with, {self._letters.to_come} to come")

    def _complain(self, record: Record, error: InvalidRecord) -> None:
        self._complaints += 1
        if self._complaints <= MAX_COMPLAINTS:
            self._say(f"{record.topic} {record.partition}/{record.offset}: {printable(str(error), 300)}")
        elif self._complaints == MAX_COMPLAINTS + 1:
            self._say("there are more such dead letters; the table counts them")


def table(counts: Counter[tuple[str, Outcome]], *, dry_run: bool) -> str:
    """A line for each reason, a column for each outcome, and their sums."""
    reasons = sorted({reason for reason, _ in counts})
    width = max(len(reason) for reason in ["reason", *reasons])
    headings = ["to send" if dry_run and outcome == "sent" else outcome for outcome in OUTCOMES]
    lines = [f"{'reason':<{width}}" + "".join(f"  {heading:>12}" for heading in headings)]
    for reason in [*reasons, "total"]:
        kinds = reasons if reason == "total" else [reason]
        cells = [sum(counts[kind, outcome] for kind in kinds) for outcome in OUTCOMES]
        lines.append(f"{reason:<{width}}" + "".join(f"  {cell:>12}" for cell in cells))
    return "".join(f"{line}\n" for line in lines)


def replay(argv: Sequence[str]) -> int:
    """Returns 0 at the end or at the limit, 1 if some dead letters cannot be read or sent, 130 if interrupted."""
    settings = ReplaySettings.load(argv)
    access = settings.access
    with ExitStack() as opened:
        jobs = None if settings.dry_run else opened.enter_context(open_publisher(settings.to_url, access=access))
        if settings.consumer_group != settings.replay_group:
            # A queue file keeps what a group has yet to read: what this selection passes by, for a replay of all.
            open_consumer(settings.from_url, group=settings.replay_group, access=access).close()
        consumer = opened.enter_context(
            open_consumer(
                settings.from_url,
                group=settings.consumer_group,
                max_record_bytes=MAX_SENT_BYTES,
                access=access,
            )
        )
        run = Replay(settings, consumer, jobs, _say)
        stop_once(run.stop)
        try:
            run.run()
        finally:
            sys.stdout.write(table(run.counts, dry_run=settings.dry_run))
    if run.stopped:
        _say("interrupted; the same command again goes on")
        return INTERRUPTED
    return 1 if any(outcome in ("unreadable", "too large") for _, outcome in run.counts) else 0


def _say(line: str) -> None:
    sys.stderr.write(f"replay: {line}\n")
