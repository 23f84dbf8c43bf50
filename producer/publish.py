"""Sends each job of a source once, and returns when all are acknowledged."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from mmdigit.sending.journal import Journal
from mmdigit.sending.progress import Progress
from mmdigit.transport.ports import Publisher
from producer.jobs import job_id_of, job_of
from producer.pace import Clock, Schedule
from producer.roster import Roster
from producer.sources.sample import Sample, Source, Unreadable
from producer.tracing import NO_TRACING, Tracing
from schemas.errors import InvalidRecord, MmdigitError, TransportError
from schemas.printable import printable
from schemas.wire import Wire, encode

DELIVERY_TIMEOUT_S = 120.0
INTERRUPTED_FLUSH_S = 5.0
JOURNAL_EVERY_JOBS = 1000
JOURNAL_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class PublishResult:
    """The counts of a run. resumed: acknowledged in an earlier run. unsendable: named on standard error."""

    sent: int
    resumed: int
    unsendable: int
    seconds: float


class PublishRun:
    """One run over a source: sends every job that is not in the journal, and adds all jobs to the roster."""

    def __init__(
        self,
        publisher: Publisher,
        journal: Journal,
        roster: Roster,
        progress: Progress,
        clock: Clock,
        group: str,
        tracing: Tracing = NO_TRACING,
    ) -> None:
        self._publisher = publisher
        self._journal = journal
        self._roster = roster
        self._progress = progress
        self._clock = clock
        self._group = group
        self._tracing = tracing
        self._sent = self._resumed = self._unsendable = 0
        self._start_s = self._last_write_s = clock.monotonic()

    def run(self, source: Source, wire: Wire, rate: float | None) -> PublishResult:
        """Send the jobs and return when all are acknowledged.

        Raises TransportError if the destination does not take them. However the run ends, the journal holds the
        acknowledged jobs, so that the next run sends only the rest.
        """
        try:
            self._send_all(source, wire, Schedule(rate, self._clock))
            self._flush()
        except KeyboardInterrupt:
            with suppress(MmdigitError):
                self._publisher.flush(INTERRUPTED_FLUSH_S)
            self._print_how_to_resume()
            raise
        except MmdigitError:
            self._print_how_to_resume()
            raise
        self._write_journal()
        if self._journal.acknowledged != self._sent:
            self._print_how_to_resume()
            raise TransportError(f"expected {self._sent} acknowledged jobs, got {self._journal.acknowledged}")
        return PublishResult(self._sent, self._resumed, self._unsendable, self._clock.monotonic() - self._start_s)

    def _send_all(self, source: Source, wire: Wire, schedule: Schedule) -> None:
        for sample in source:
            if isinstance(sample, Unreadable):
                self._skip(sample.sample_id, sample.reason)
            else:
                self._send(sample, wire, schedule)
            if self._journal.unwritten >= JOURNAL_EVERY_JOBS or self._since_write_s() >= JOURNAL_EVERY_S:
                self._write_journal()

    def _send(self, sample: Sample, wire: Wire, schedule: Schedule) -> None:
        job_id = job_id_of(sample, self._group)
        if job_id in self._journal:
            self._resumed += 1
        else:
            # Latency counts from when the job was due: a slow destination must not hide by slowing the producer.
            late_s = schedule.wait_until_due()
            job = job_of(sample, job_id, self._group, self._clock.now() - timedelta(seconds=late_s))
            acknowledged, headers = self._tracing.begin(job, partial(self._journal.acknowledge, job_id))
            try:
                self._publisher.send(job_id.encode(), encode(job, wire), acknowledged, headers)
            except InvalidRecord as error:
                self._skip(sample.sample_id, str(error))
                return
            self._sent += 1
        self._roster.add(sample.sample_id, job_id, sample.label)

    def _flush(self) -> None:
        try:
            self._publisher.flush(DELIVERY_TIMEOUT_S)
        except InvalidRecord as error:
            # The broker refused some jobs only now; the others still need their acknowledgement.
            self._publisher.flush(DELIVERY_TIMEOUT_S)
            refused = self._sent - self._journal.acknowledged
            self._sent -= refused
            self._unsendable += refused
            self._progress.line(f"{refused} jobs were refused: {error}")

    def _skip(self, sample_id: str, reason: str) -> None:
        self._unsendable += 1
        self._progress.line(f"{printable(sample_id)}: {reason}")

    def _since_write_s(self) -> float:
        return self._clock.monotonic() - self._last_write_s

    def _write_journal(self) -> None:
        self._journal.write()
        self._last_write_s = self._clock.monotonic()
        acknowledged = self._journal.acknowledged
        elapsed_s = self._last_write_s - self._start_s
        per_s = f", {acknowledged / elapsed_s:.0f} jobs/s" if elapsed_s > 0 else ""
        self._progress.update(
            self._resumed + self._unsendable + self._sent, f"{self._sent} sent, {acknowledged} acknowledged{per_s}"
        )

    def _print_how_to_resume(self) -> None:
        self._journal.write()
        self._progress.line(
            f"{self._journal.acknowledged} of {self._sent} sent jobs were acknowledged; "
            "run the same command again to send the rest"
        )
