"""Builds the prediction of a job from the model's answer."""

from datetime import datetime

from opentelemetry.trace import format_trace_id

from mmdigit.consuming.dead_letters import source_of
from schemas import VERSION
from schemas.prediction import PREDICTION_VERSION, Answer, Prediction, Source, Timings
from schemas.trace import trace_of
from worker.batcher import DecodedRecord


def make_prediction(
    decoded: DecodedRecord, answer: Answer, now: datetime, wait_s: float, predict_s: float, batch_size: int
) -> Prediction:
    """The answer with the job's source and timings. Raises ValueError if the record holds no job."""
    job = decoded.job
    if job is None:
        raise ValueError(f"expected a decoded job, got the record {source_of(decoded.record)}")
    record, trace = decoded.record, trace_of(decoded.record.headers)
    # Unchecked: the job and the answer are valid, and the rest is our own.
    return Prediction.unchecked(
        **answer.__dict__,
        version=PREDICTION_VERSION,
        job_id=job.job_id,
        group=job.group,
        expected=job.expected,
        source=Source.unchecked(topic=record.topic, partition=record.partition, offset=record.offset),
        timings=Timings.unchecked(
            created_at=job.created_at, predicted_at=now, wait_s=wait_s, predict_s=predict_s, batch_size=batch_size
        ),
        worker_version=VERSION,
        trace_id=format_trace_id(trace.trace_id) if trace else None,
    )
