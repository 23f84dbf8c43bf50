"""Prediction: what the worker stores for a job; Answer: the part of it that the model gives."""

from typing import Annotated, Final, Literal

from pydantic import Field

from schemas.identifiers import Identifier
from schemas.message import Outcome, VersionOne
from schemas.timestamp import Moment
from schemas.trace import TraceId

PREDICTION_VERSION: Final = 1
MAX_COUNT = 2**63 - 1
"""Of any number on the wire: what msgpack and SQLite hold."""

Label = Annotated[int, Field(ge=0, le=9)]
Probability = Annotated[float, Field(ge=0.0, le=1.0)]
Duration = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
Decision = Literal["accept", "review"]
WorkerVersion = Annotated[str, Field(min_length=1, max_length=64)]
Reason = Literal["low_confidence", "conflict", "not_a_digit", "several_digits", "struck_out"]
LaterReason = Annotated[str, Field(pattern="^[a-z][a-z_]{0,63}$")]
"""One that a later release may write; up to 0.7.0 readers refuse it."""


class HeadAnswer(Outcome):
    """The answer of one head: a label 0-9 and its probability."""

    label: Label
    confidence: Probability


class Answer(Outcome):
    """What the model says about one job. `label` and `confidence` are the fused head's when both
    modalities are there, otherwise those of the one that is."""

    label: Label
    confidence: Probability
    probabilities: Annotated[tuple[Probability, ...], Field(min_length=10, max_length=10)]
    image: HeadAnswer | None = None
    audio: HeadAnswer | None = None
    fused: HeadAnswer | None = None
    novelty: Probability
    """0 = like the digits the model knows, 1 = not a digit."""
    decision: Decision
    reasons: tuple[Reason | LaterReason, ...] = ()
    """Why the decision is review; empty when it is accept."""
    model_version: Annotated[str, Field(min_length=1, max_length=64)]


class Source(Outcome):
    """Where the job came from: the record's topic, partition and offset."""

    topic: Annotated[str, Field(max_length=249)]
    partition: Annotated[int, Field(ge=0, le=MAX_COUNT)]
    offset: Annotated[int, Field(ge=0, le=MAX_COUNT)]


class Timings(Outcome):
    """When the job was made and predicted, and how long its batch took, in seconds."""

    created_at: Moment
    predicted_at: Moment
    wait_s: Duration
    """From polled to the batch's closing."""
    predict_s: Duration
    """The model's time for the whole batch."""
    batch_size: Annotated[int, Field(ge=1, le=MAX_COUNT)]


class Prediction(Answer):
    """The stored answer to one job, keyed by its job_id."""

    version: VersionOne = PREDICTION_VERSION
    job_id: Identifier
    group: Identifier | None = None
    expected: Label | None = None
    """The label that the producer knows to be true, if it sent one."""
    source: Source
    timings: Timings
    worker_version: WorkerVersion | None = None
    """Of the worker that stored it; before 0.6.0 none said so."""
    trace_id: TraceId | None = None
    """Of the record's traceparent, if it had one."""
