"""Builds the prediction of a job from the model's answer."""

from datetime import datetime

from opentelemetry.trace import format_trace_id

from mmdigit.consuming.dead_letters import source_of
from schemas import VERSION
from schemas.prediction import Answer, Prediction, Timings
from schemas.trace import trace_of
from worker.batcher import DecodedRecord


def make_prediction(
    decoded: DecodedRecord, answer: Answer, now: datetime, wait_s: float, predict_s: float, batch_size: int
) -> Prediction:
    """The answer with the job's source and timings. Raises ValueError if the record holds no job."""
    job = decoded.job
    if job is None:
        raise ValueError(f"expected a decoded job, got the record {source_of(decoded.record)}")
    trace = trace_of(decoded.record.headers)
    timings = Timings(
        created_at=job.created_at, predicted_at=now, wait_s=wait_s, predict_s=predict_s, batch_size=batch_size
    )
    return Prediction(
        **answer.__dict__,  # dict(answer) takes as long as everything else here
        job_id=job.job_id,
        group=job.group,
        expected=job.expected,
        source=source_of(decoded.record),
        timings=timings,
        worker_version=VERSION,
        trace_id=format_trace_id(trace.trace_id) if trace else None,
    )
