"""Prediction: the stored answer to a job; Answer: the part of it that the model gives."""

from typing import Annotated, Final, Literal

from pydantic import Field

from schemas.identifiers import Identifier
from schemas.message import ExtensibleMessage, VersionOne
from schemas.timestamp import Timestamp
from schemas.trace import TraceId

PREDICTION_VERSION: Final = 1
MAX_COUNT = 2**63 - 1
"""The largest number on the wire: the limit of msgpack and SQLite."""

Label = Annotated[int, Field(ge=0, le=9)]
Probability = Annotated[float, Field(ge=0.0, le=1.0)]
Probabilities = Annotated[tuple[Probability, ...], Field(min_length=10, max_length=10)]
"""One for each digit."""
Duration = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
Decision = Literal["accept", "review"]
WorkerVersion = Annotated[str, Field(min_length=1, max_length=64)]
Reason = Literal["low_confidence", "conflict", "not_a_digit", "several_digits", "struck_out"]
LaterReason = Annotated[str, Field(pattern="^[a-z][a-z_]{0,63}$")]
"""A reason of a later release; readers before 0.8.0 refuse it."""


class HeadAnswer(ExtensibleMessage):
    """The answer of one head: a label 0-9 and its probability."""

    label: Label
    confidence: Probability
    probabilities: Probabilities | None = None
    """Of the image's and the clip's head in a job with both; otherwise they are the answer's own. Missing before
    0.9.0."""


class Answer(ExtensibleMessage):
    """The model's answer to one job. `label` and `confidence` are the fused head's if the job has both modalities,
    otherwise those of the one it has."""

    label: Label
    confidence: Probability
    probabilities: Probabilities
    image: HeadAnswer | None = None
    audio: HeadAnswer | None = None
    fused: HeadAnswer | None = None
    novelty: Probability
    """0 = like the digits that the model knows, 1 = not a digit."""
    decision: Decision
    reasons: tuple[Reason | LaterReason, ...] = ()
    """Why the decision is review; empty when it is accept."""
    model_version: Annotated[str, Field(min_length=1, max_length=64)]


class Source(ExtensibleMessage):
    """Where the job came from: the record's topic, partition and offset."""

    topic: Annotated[str, Field(max_length=249)]
    partition: Annotated[int, Field(ge=0, le=MAX_COUNT)]
    offset: Annotated[int, Field(ge=0, le=MAX_COUNT)]


class Timings(ExtensibleMessage):
    """When the job was created and predicted, and how long its batch took, in seconds."""

    created_at: Timestamp
    predicted_at: Timestamp
    wait_s: Duration
    """From the end of decoding until the batch closed."""
    predict_s: Duration
    """The model's time for the whole batch."""
    batch_size: Annotated[int, Field(ge=1, le=MAX_COUNT)]


class Prediction(Answer):
    """The stored answer to one job, keyed by its job_id."""

    version: VersionOne = PREDICTION_VERSION
    job_id: Identifier
    group: Identifier | None = None
    expected: Label | None = None
    """The true label, if the producer sent it."""
    source: Source
    timings: Timings
    worker_version: WorkerVersion | None = None
    """The version of the worker that stored it; missing before 0.6.0."""
    trace_id: TraceId | None = None
    """From the record's traceparent header, if it had one."""
