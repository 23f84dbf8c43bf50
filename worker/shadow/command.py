"""python -m worker shadow: answers the jobs that live workers answer, compares, and writes nothing."""

import json
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Protocol

from mmdigit.consuming.backoff import Backoff
from mmdigit.consuming.stopping import stop_on_first_signal
from mmdigit.reading.predictor import Predictor
from mmdigit.transport.ports import Consumer, Record
from mmdigit.transport.urls import open_consumer, open_store
from schemas import VERSION
from schemas.errors import InvalidJob
from schemas.prediction import Answer, Prediction
from worker import decoding
from worker.batcher import DecodedRecord
from worker.isolation import predict_each
from worker.loop import Model
from worker.shadow.comparison import Comparison, LiveOutcome
from worker.shadow.report import Cost, report, table
from worker.shadow.settings import ShadowSettings
from worker.topic_snapshot import TopicSnapshot

MAX_LOOKUP_PAUSE_S = 1.0
PROGRESS_EVERY_S = 5.0
INTERRUPTED = 130


class OutcomeReader(Protocol):
    """The read methods of PredictionStore: a shadow never writes."""

    def get(self, job_ids: Sequence[str]) -> list[Prediction | None]: ...
    def dead_letter_reasons(self, job_ids: Sequence[str]) -> list[str | None]: ...


class Shadow:
    """One run over the jobs that the topic holds when the run begins, in its own consumer group.

    Commits an offset after its job is compared, so that the next run continues from there.
    """

    def __init__(
        self,
        settings: ShadowSettings,
        model: Model,
        consumer: Consumer,
        live: OutcomeReader,
        write_line: Callable[[str], object],
        clock: Callable[[], float] = time.monotonic,
        cpu_clock: Callable[[], float] = time.process_time,
    ) -> None:
        """write_line: takes a line for the user."""
        self._settings = settings
        self._model = model
        self._consumer = consumer
        self._live = live
        self._write_line = write_line
        self._clock = clock
        self._cpu_clock = cpu_clock
        self._jobs = TopicSnapshot(consumer, "jobs", clock)
        self._stop = threading.Event()
        self._last_progress_s = clock()
        self._answered, self._cpu_s, self._model_s = 0, 0.0, 0.0
        self.comparison = Comparison(settings.max_differing, settings.max_redecided, settings.examples)
        """Of the batches that are committed."""

    def run(self) -> None:
        """Return at the end of the topic, at the limit, or when stopped, after the current batch.

        Raises RetriableError if broker, file or store fails, or the model fails on everything.
        """
        while not (self._stop.is_set() or self._room == 0 or self._jobs.is_exhausted()):
            records = self._jobs.poll(min(self._settings.batch_size, self._room))
            self._report_progress()
            if records:
                self._compare(records)

    def stop(self) -> None:
        """End after the current batch, or at once while waiting for live workers; safe in a signal handler."""
        self._stop.set()

    @property
    def stopped(self) -> bool:
        return self._stop.is_set()

    @property
    def cost(self) -> Cost:
        """Of all answers of this run so far."""
        return Cost(self._answered, self._cpu_s, self._model_s)

    @property
    def _room(self) -> int:
        return self._settings.limit - self.comparison.compared

    def _compare(self, records: list[Record]) -> None:
        since = self._settings.since
        selected = [record for record in records if since is None or record.timestamp_s >= since.timestamp()]
        answers = self._answer(selected)
        outcomes = self._live_outcomes([decoded.job.job_id for decoded, _ in answers if decoded.job])
        if outcomes is None:
            return
        for decoded, answer in answers:
            job_id = decoded.job.job_id if decoded.job else None
            self.comparison.add(job_id, answer, outcomes.get(job_id) if job_id else None)
        self._consumer.commit({record.topic_partition: record.offset + 1 for record in records})

    def _answer(self, records: list[Record]) -> list[tuple[DecodedRecord, Answer | InvalidJob]]:
        """The answer to each record, in order, made as the loop makes it."""
        cpu_s = self._cpu_clock()
        decoded = [each for chunk in decoding.chunks(records) for each in decoding.decode(chunk, self._clock)]
        samples = [each.sample for each in decoded if each.sample]
        began_s = self._clock()
        answers = iter(predict_each(self._model.predict, samples, self._model.warm_up))
        self._model_s += self._clock() - began_s
        answered = [(each, each.error or next(answers)) for each in decoded]
        self._cpu_s += self._cpu_clock() - cpu_s
        self._answered += len(answered)
        return answered

    def _live_outcomes(self, job_ids: list[str]) -> dict[str, LiveOutcome] | None:
        """The outcome of each job that has one in time; None if told to stop."""
        found: dict[str, LiveOutcome] = {}
        deadline_s = self._clock() + self._settings.live_wait_s
        pauses_s = Backoff(MAX_LOOKUP_PAUSE_S)
        while True:
            for look_up in (self._live.get, self._live.dead_letter_reasons):
                missing = [job_id for job_id in job_ids if job_id not in found]
                outcomes: Sequence[LiveOutcome | None] = look_up(missing)
                found |= {job_id: live for job_id, live in zip(missing, outcomes, strict=True) if live is not None}
            if len(found) == len(set(job_ids)) or self._clock() >= deadline_s:
                return found
            if self._stop.wait(next(pauses_s)):
                return None
            self._consumer.keep_alive()

    def _report_progress(self) -> None:
        now_s = self._clock()
        if now_s - self._last_progress_s >= PROGRESS_EVERY_S:
            self._last_progress_s = now_s
            self._write_line(f"{self.comparison.compared} jobs compared, {self._jobs.remaining} remaining")


def shadow(argv: Sequence[str]) -> int:
    """Returns 0 if the answers are within the limits, 1 if they are not or too few jobs tell, 130 if interrupted."""
    settings = ShadowSettings.load(argv)
    access = settings.access
    model = Predictor.load(settings.weights, threads=settings.threads, target_error=settings.target_error)
    model.warm_up()
    with ExitStack() as opened:
        store = opened.enter_context(open_store(settings.store_url, access=access))
        group = settings.consumer_group(VERSION, model.model_version)
        consumer = opened.enter_context(open_consumer(settings.from_url, group=group, access=access))
        run = Shadow(settings, model, consumer, store, _write_line)
        stop_on_first_signal(run.stop)
        try:
            run.run()
        finally:
            tested = f"{model.model_version}, worker {VERSION}"
            if settings.as_json:
                sys.stdout.write(json.dumps(report(run.comparison, tested, run.cost)) + "\n")
            else:
                sys.stdout.write(table(run.comparison, tested, run.cost))
    if run.stopped:
        _write_line("interrupted; run the same command again to continue")
        return INTERRUPTED
    return 0 if run.comparison.verdict == "within limits" else 1


def _write_line(line: str) -> None:
    sys.stderr.write(f"shadow: {line}\n")
