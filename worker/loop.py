"""The loop, `Worker.run_once`: poll, decode, batch, predict, store, commit."""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Protocol

from mmdigit.consuming.dead_letters import make_dead_letter
from mmdigit.consuming.loop import POLL_TIMEOUT_S, ConsumingLoop
from mmdigit.reading.model_input import ModelInput
from mmdigit.telemetry.metrics import observe_all
from mmdigit.transport.ports import Consumer, PredictionStore, Publisher, Record, TopicPartition
from schemas.dead_letter import DeadLetter
from schemas.errors import InvalidJob
from schemas.prediction import Answer, Prediction
from schemas.printable import escaped
from worker import decoding
from worker.batcher import Batcher, DecodedRecord
from worker.isolation import predict_each
from worker.metrics import Metrics
from worker.outcomes import make_prediction
from worker.settings import WorkerSettings
from worker.tracing import NO_TRACING, BatchTimes, Tracing


class Model(Protocol):
    """What the loop needs of mmdigit.reading.predictor.Predictor."""

    @property
    def model_version(self) -> str: ...
    def predict(self, samples: Sequence[ModelInput]) -> list[Answer]: ...
    def warm_up(self) -> None: ...


class Worker(ConsumingLoop):
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
        super().__init__(settings, consumer, dead_letters, metrics, clock)
        self._model = model
        self._store = store
        self._metrics = metrics
        self._now = now
        self._tracing = tracing
        self._batcher = Batcher(settings.batch_size, settings.batch_bytes, settings.batch_wait_s, clock)
        self.answered = 0
        """Jobs since the start."""
        metrics.model_info.labels(escaped(model.model_version)).set(1)

    def run_once(self) -> None:
        """One turn: poll, decode and batch; once the batch is due, predict, store or dead-letter, and commit."""
        records = self._poll()
        self._decode(records)
        if self._batcher.time_left_s == 0:
            self._process_batch(self._batcher.close())
        elif not records:
            self._committer.commit_now()

    def poll_limits(self) -> tuple[int, float]:
        time_left_s = self._batcher.time_left_s
        return self._batcher.room, POLL_TIMEOUT_S if time_left_s is None else min(time_left_s, POLL_TIMEOUT_S)

    def finish_open(self) -> None:
        if len(self._batcher):
            self._process_batch(self._batcher.close())

    def drop_open(self, partitions: frozenset[TopicPartition]) -> None:
        self._batcher.drop(lambda record: record.topic_partition in partitions and self._offsets.holds(record))

    def _decode(self, records: Sequence[Record]) -> None:
        """Decode the records and add them to the open batch."""
        with self._metrics.stage("decode"):
            for chunk in decoding.chunks(records):
                for decoded in self._retry("decode", partial(self._decode_chunk, chunk)):
                    if self._offsets.holds(decoded.record):  # a retry may outlast the ownership of the partition
                        self._batcher.add(decoded)
                self._last_turn_s = self._clock()  # large images take seconds: the loop is not stuck
        self._metrics.in_flight.set(self._offsets.in_flight)

    def _process_batch(self, batch: list[DecodedRecord]) -> None:
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

    def _decode_chunk(self, records: Sequence[Record]) -> list[DecodedRecord]:
        return decoding.decode(records, self._clock, self._attempt)

    def _predict(self, batch: list[DecodedRecord]) -> list[Prediction | DeadLetter]:
        """The outcome of each job, in the order of the batch."""
        closed_s = self._clock()
        samples = [decoded.sample for decoded in batch if decoded.sample]
        answers = iter(predict_each(self._model.predict, samples, self._model.warm_up))
        predict_s, now = self._clock() - closed_s, self._now()
        outcomes: list[Prediction | DeadLetter] = []
        waits_s = []
        for decoded in batch:
            answer = decoded.error or next(answers)
            wait_s = closed_s - decoded.decoded_at_s
            waits_s.append(wait_s)
            if isinstance(answer, InvalidJob):
                attempts = decoded.decode_attempts if decoded.error else self._attempt
                outcomes.append(_dead_letter(decoded, answer, now, attempts))
            else:
                outcomes.append(make_prediction(decoded, answer, now, wait_s, predict_s, len(batch)))
        observe_all(self._metrics.stage_s.labels("wait"), waits_s)
        return outcomes

    def _write_dead_letters(self, dead_letters: list[DeadLetter]) -> None:
        """Publish until every dead letter is acknowledged, then record them in the store."""
        if dead_letters:
            self._publish_dead_letters(dead_letters)
            self._retry("store", lambda: self._store.put_dead_letters(dead_letters))

    def _count(self, predictions: list[Prediction], dead_letters: list[DeadLetter]) -> None:
        self.answered += len(predictions)
        self._metrics.count(predictions, dead_letters, stored_at=self._now())
        self._metrics.in_flight.set(self._offsets.in_flight)
        self._log_dead_letters(dead_letters)


def _dead_letter(decoded: DecodedRecord, error: InvalidJob, now: datetime, attempts: int) -> DeadLetter:
    job = decoded.job
    return make_dead_letter(
        decoded.record, error, now, attempts, job.job_id if job else None, job.group if job else None
    )
