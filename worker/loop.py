"""The loop, `Worker.run_once`: poll, decode, batch, predict, store, commit."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Protocol, TypeVar

from mmdigit.reading.model_input import ModelInput
from mmdigit.transport.ports import Consumer, PredictionStore, Publisher, Record, TopicPartition
from schemas.dead_letter import DeadLetter
from schemas.errors import InvalidJob, InvalidRecord, MmdigitError, RetriableError, SettingsError, TransportError
from schemas.prediction import Answer, Prediction
from schemas.printable import escaped
from schemas.wire import encode
from worker import decoding
from worker.backoff import Backoff
from worker.batcher import Batcher, Decoded
from worker.breaker import Breaker
from worker.committing import Committer
from worker.isolation import predict_each
from worker.metrics import Metrics
from worker.offsets import OffsetTracker
from worker.outcomes import make_dead_letter, make_prediction
from worker.settings import WorkerSettings
from worker.tracing import NO_TRACING, BatchTimes, Tracing

log = logging.getLogger(__name__)

POLL_TIMEOUT_S = 0.5  # the longest idle turn, and so the longest delay before a stop is noticed
DEAD_LETTER_TIMEOUT_S = 30.0

T = TypeVar("T")


class Model(Protocol):
    """What the loop needs of mmdigit.reading.predictor.Predictor."""

    @property
    def model_version(self) -> str: ...
    def predict(self, samples: Sequence[ModelInput]) -> list[Answer]: ...
    def warm_up(self) -> None: ...


class Stopped(Exception):  # noqa: N818  a requested stop, not an error
    """The worker was told to stop while it waited for a store or broker; the open batch is not committed."""


class Worker:
    """Commits an offset only after its prediction is stored or its dead letter acknowledged."""

    def __init__(
        self,
        settings: WorkerSettings,
        model: Model,
        consumer: Consumer,
        store: PredictionStore,
        dead_letters: Publisher,
        metrics: Metrics,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        tracing: Tracing = NO_TRACING,
    ) -> None:
        self._settings = settings
        self._model = model
        self._consumer = consumer
        self._store = store
        self._dead_letters = dead_letters
        self._metrics = metrics
        self._clock = clock
        self._now = now
        self._tracing = tracing
        self._batcher = Batcher(settings.batch_size, settings.batch_bytes, settings.batch_wait_s, clock)
        self._offsets = OffsetTracker()
        failed = metrics.retries.labels("commit").inc
        self._committer = Committer(consumer, self._offsets, settings.commit_every_s, clock, failed)
        self._breaker = Breaker(settings.breaker_in_a_row, settings.breaker_share, settings.breaker_window)
        self._assigned: frozenset[TopicPartition] = frozenset()
        self._stop = threading.Event()
        self._attempt = 1  # of the action that _retry is running
        self._last_busy_s = self._last_turn_s = clock()
        self.answered = self.dead_lettered = 0
        """Jobs since the start."""
        self.waiting_for = ""
        """Why the worker is not ready: the store or broker that fails or is silent; empty if none does."""
        self.failed = ""
        """The error that ended the loop; empty if none did."""
        consumer.on_assigned = self._on_assigned
        consumer.on_revoked = self._on_revoked
        consumer.on_restarted = self._on_restarted
        consumer.on_records_lost = lambda cause, records: metrics.records_expired.labels(cause).inc(records)
        metrics.model_info.labels(escaped(model.model_version)).set(1)
        metrics.dead_in_a_row.set_function(lambda: self._breaker.in_a_row)
        metrics.breaker_fill.set_function(lambda: self._breaker.fill)
        metrics.since_turn_s.set_function(lambda: self.since_turn_s)
        metrics.since_commit_s.set_function(lambda: self._committer.since_commit_s)

    def run(self) -> None:
        """Turn until stopped or idle for too long; then finish the open batch.

        Commits what is stored or dead-lettered, however the loop ends. Raises TooManyDeadLetters if the breaker
        opens, SettingsError if the dead letters can never be written.
        """
        try:
            while not self._stop.is_set() and not self._is_idle_too_long():
                self.run_once()
            if len(self._batcher):
                self._finish(self._batcher.close())
        except Stopped:
            log.warning("stopped while waiting; what is not committed will be delivered again")
        except MmdigitError as exc:
            self.failed = str(exc)
            raise
        finally:
            self._committer.commit_on_exit(self._keep_alive)

    def run_once(self) -> None:
        """One turn: poll, decode and batch; once the batch is due, predict, store or dead-letter, and commit."""
        records = self._poll()
        self._decode(records)
        if self._batcher.time_left_s == 0:
            self._finish(self._batcher.close())
        elif not records:
            self._committer.commit_now()

    def _poll(self) -> list[Record]:
        self._last_turn_s = self._clock()
        with self._metrics.stage("poll"):
            records = self._retry("poll", self._poll_once)
            for partition, lag in self._consumer.lag().items():
                self._metrics.lag.labels(partition.topic, partition.partition).set(lag)
            self.waiting_for = self._consumer.waiting_for()
        return records

    def _decode(self, records: Sequence[Record]) -> None:
        """Decode the records and add them to the open batch."""
        with self._metrics.stage("decode"):
            for chunk in decoding.chunks(records):
                for decoded in self._retry("decode", partial(self._decode_chunk, chunk)):
                    if self._offsets.holds(decoded.record):  # a retry may outlast the ownership of the partition
                        self._batcher.add(decoded)
                self._last_turn_s = self._clock()  # large images take seconds: the loop is not stuck
        self._metrics.in_flight.set(self._offsets.in_flight)

    def _finish(self, batch: list[Decoded]) -> None:
        """Predict the batch, write its dead letters and predictions, and only then let its offsets be committed."""
        closed_s = self._clock()
        with self._metrics.stage("predict"):
            outcomes = self._retry("predict", partial(self._predict, batch))
        predicted_s = self._clock()
        self._breaker.count(outcomes)
        predictions = [outcome for outcome in outcomes if isinstance(outcome, Prediction)]
        dead_letters = [outcome for outcome in outcomes if isinstance(outcome, DeadLetter)]
        with self._metrics.stage("dead_letter"):
            self._write_dead_letters(dead_letters)
        dead_lettered_s = self._clock()
        with self._metrics.stage("store"):
            self._retry("store", lambda: self._store.put(predictions))
        stored_s = self._clock()
        self._offsets.finish(decoded.record for decoded in batch)
        with self._metrics.stage("commit"):
            self._committer.commit_if_due()
        self._count(predictions, dead_letters)
        self._tracing.record_batch(batch, outcomes, BatchTimes(closed_s, predicted_s, dead_lettered_s, stored_s))
        self._last_busy_s = self._clock()

    def stop(self) -> None:
        """End after the current batch; safe in a signal handler."""
        self._stop.set()

    @property
    def since_turn_s(self) -> float:
        """Seconds since the last turn or retry."""
        return self._clock() - self._last_turn_s

    @property
    def assigned(self) -> frozenset[TopicPartition]:
        """The partitions of this worker since the last rebalance; safe to read from any thread."""
        return self._assigned

    def _poll_once(self) -> list[Record]:
        time_left_s = self._batcher.time_left_s
        timeout_s = POLL_TIMEOUT_S if time_left_s is None else min(time_left_s, POLL_TIMEOUT_S)
        records = self._consumer.poll(self._batcher.room, timeout_s)
        self._offsets.begin(records)  # before anything else can fail: no commit may pass over a polled record
        if records:
            self._last_busy_s = self._clock()
        return records

    def _decode_chunk(self, records: Sequence[Record]) -> list[Decoded]:
        return decoding.decode(records, self._clock, self._attempt)

    def _predict(self, batch: list[Decoded]) -> list[Prediction | DeadLetter]:
        """The outcome of each job, in the order of the batch."""
        closed_s = self._clock()
        samples = [decoded.sample for decoded in batch if decoded.sample]
        answers = iter(predict_each(self._model.predict, samples, self._model.warm_up))
        predict_s, now = self._clock() - closed_s, self._now()
        outcomes: list[Prediction | DeadLetter] = []
        for decoded in batch:
            answer = decoded.error or next(answers)
            wait_s = closed_s - decoded.decoded_at_s
            self._metrics.stage_s.labels("wait").observe(wait_s)
            if isinstance(answer, InvalidJob):
                attempts = decoded.decodings if decoded.error else self._attempt
                outcomes.append(make_dead_letter(decoded, answer, now, attempts))
            else:
                outcomes.append(make_prediction(decoded, answer, now, wait_s, predict_s, len(batch)))
        return outcomes

    def _write_dead_letters(self, dead_letters: list[DeadLetter]) -> None:
        """Publish until every dead letter is acknowledged, then record them in the store."""
        unacknowledged = dict(enumerate(dead_letters))

        def publish() -> None:
            for number, letter in list(unacknowledged.items()):
                acknowledged = partial(unacknowledged.pop, number, None)
                self._dead_letters.send(letter.key, encode(letter, "msgpack"), acknowledged)
            self._dead_letters.flush(DEAD_LETTER_TIMEOUT_S)
            if unacknowledged:  # checked here too: no commit may rest on the adapter alone
                raise TransportError(f"expected all dead letters acknowledged, got {len(unacknowledged)} that are not")

        if not dead_letters:
            return
        try:
            self._retry("dead_letter", publish)
        except InvalidRecord as exc:
            raise SettingsError(
                f"expected a dead-letter topic that takes larger records than the jobs' topic: {exc}; raise its "
                "max.message.bytes"
            ) from exc
        self._retry("store", lambda: self._store.put_dead_letters(dead_letters))

    def _count(self, predictions: list[Prediction], dead_letters: list[DeadLetter]) -> None:
        self.answered += len(predictions)
        self.dead_lettered += len(dead_letters)
        self._metrics.count(predictions, dead_letters, stored_at=self._now())
        self._metrics.in_flight.set(self._offsets.in_flight)
        for letter in dead_letters:
            trace = {"traceparent": letter.traceparent} if letter.traceparent else {}
            fields = dict(letter.source) | {"reason": letter.reason, "error": letter.error} | trace
            log.warning("dead letter", extra=fields)

    def _retry(self, stage: str, action: Callable[[], T]) -> T:
        """Retry until the action works, with growing pauses; stay in the group. Raises Stopped if told to stop."""
        pauses_s = Backoff(self._settings.retry_max_s)
        self._attempt = 0
        while True:
            self._attempt += 1
            try:
                result = action()
            except RetriableError as exc:
                pause_s = next(pauses_s)
                self.waiting_for = f"{stage}: {exc}"
                self._metrics.retries.labels(stage).inc()
                log.warning("will try again", extra={"stage": stage, "pause_s": pause_s, "error": str(exc)})
            else:
                self.waiting_for = ""
                return result
            if self._stop.wait(pause_s):
                raise Stopped
            self._last_turn_s = self._last_busy_s = self._clock()  # an outage does not count as idle time
            self._keep_alive()

    def _keep_alive(self) -> None:
        try:
            self._consumer.keep_alive()
        except RetriableError as exc:
            log.debug("keep-alive failed", extra={"error": str(exc)})

    def _is_idle_too_long(self) -> bool:
        limit_s = self._settings.exit_when_idle_s
        return limit_s is not None and self._clock() - self._last_busy_s >= limit_s

    def _on_assigned(self, partitions: frozenset[TopicPartition]) -> None:
        self._assigned |= partitions
        self._partitions_moved("assigned", partitions)

    def _on_revoked(self, partitions: frozenset[TopicPartition]) -> dict[TopicPartition, int]:
        """Drop what is not stored: the new owner answers it. Returns what is stored, for a last commit."""
        self._assigned -= partitions
        self._batcher.drop(lambda record: record.topic_partition in partitions and self._offsets.holds(record))
        finished = {partition: n for partition, n in self._offsets.committable().items() if partition in partitions}
        for partition in partitions:
            self._metrics.lag.remove(partition.topic, str(partition.partition))
        self._partitions_moved("revoked", partitions)
        return finished

    def _on_restarted(self, partitions: frozenset[TopicPartition]) -> None:
        """Answer what was polled, since nobody can read it again, but do not commit it: the offsets start again."""
        self._offsets.forget(partitions)
        self._committer.abandon_pending()

    def _partitions_moved(self, event: str, partitions: frozenset[TopicPartition]) -> None:
        self._offsets.forget(partitions)
        self._committer.abandon_pending()
        self._metrics.rebalances.labels(event).inc()
        self._metrics.assigned_partitions.set(len(self._assigned))
        log.info("partitions %s", event, extra={"partitions": [p.partition for p in sorted(partitions)]})
