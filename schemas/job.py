"""Job: one image and/or one audio clip of one digit, as a producer sends it."""

from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from schemas.identifiers import Identifier
from schemas.message import Message, VersionOne
from schemas.prediction import Label
from schemas.timestamp import Timestamp

JOB_VERSION: Final = 1
MAX_IMAGE_BYTES = 2 * 1024 * 1024
MAX_AUDIO_BYTES = 2 * 1024 * 1024
MAX_RECORD_BYTES = 6 * 1024 * 1024
"""Fits an image and a clip of the largest size in base64 (4/3), and the other fields."""


class Job(Message):
    """One image and/or one audio clip of one digit. On the wire, JSON with base64 bytes or msgpack."""

    version: VersionOne = JOB_VERSION
    job_id: Identifier
    """Chosen by the producer; a job with the same id is the same job, and is answered once."""
    group: Identifier | None = None
    """Shared by jobs that belong together: a form, a field, a backfill."""
    image: Annotated[bytes, Field(max_length=MAX_IMAGE_BYTES)] | None = None
    """PNG, JPEG, TIFF, WebP, or 784 raw bytes (28x28, bright ink on dark)."""
    audio: Annotated[bytes, Field(max_length=MAX_AUDIO_BYTES)] | None = None
    """WAV, FLAC or Ogg Opus, 8-192 kHz, mono or stereo."""
    expected: Label | None = None
    """The true label, where the producer knows it; the model never sees it."""
    created_at: Timestamp
    """End-to-end latency counts from this time."""

    @model_validator(mode="after")
    def _has_a_modality(self) -> Self:
        if self.image is None and self.audio is None:
            raise ValueError("a job needs an image, an audio clip, or both")
        return self
