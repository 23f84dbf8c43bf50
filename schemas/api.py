"""What the HTTP API takes and gives, besides jobs and predictions. Clients ignore fields of a later gateway."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.identifiers import Identifier
from schemas.job import MAX_AUDIO_BYTES, MAX_IMAGE_BYTES
from schemas.message import ExtensibleMessage, Message
from schemas.prediction import Label, Prediction
from schemas.timestamp import Timestamp

JobState = Literal["pending", "done", "dead"]


class ProblemDetails(ExtensibleMessage):
    """An error, as RFC 9457 has it."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    """What was expected, what came, and what to do."""


class JobSubmission(Message):
    """A job as a caller sends it: one image and/or one audio clip of one digit."""

    image: Annotated[bytes, Field(max_length=MAX_IMAGE_BYTES)] | None = None
    """PNG, JPEG, TIFF, WebP, or 784 raw bytes (28x28, bright ink on dark); base64 in JSON."""
    audio: Annotated[bytes, Field(max_length=MAX_AUDIO_BYTES)] | None = None
    """WAV, FLAC or Ogg Opus, 8-192 kHz, mono or stereo; base64 in JSON."""
    job_id: Identifier | None = None
    """A job with the same id is the same job. Without one, it follows from Idempotency-Key, or else is random."""
    group: Identifier | None = None
    """Shared by jobs that belong together."""
    expected: Label | None = None
    """The true digit, where the caller knows it; the model never sees it."""


class JobStatus(ExtensibleMessage):
    """A job and, once it has one, its outcome."""

    job_id: str
    group: str | None = None
    state: JobState
    """pending: no outcome yet. dead: it can never succeed, see reason."""
    prediction: Prediction | None = None
    reason: str | None = None
    """Why the job is dead: a word such as invalid_image."""


class RejectedJob(ExtensibleMessage):
    """A job of a batch that was not taken, with its line in the file, from 1."""

    line: int
    error: str


class BatchReceipt(ExtensibleMessage):
    """What became of a batch."""

    group: str
    accepted: int
    """Jobs that the topic has acknowledged."""
    rejected: int
    rejections: tuple[RejectedJob, ...] = ()
    """The first of them."""


class RejectedPage(ExtensibleMessage):
    """A page of a scan that was not taken, with its number in the file, from 1."""

    page: int
    error: str


class PagesReceipt(ExtensibleMessage):
    """What became of a scan."""

    group: str
    accepted: int
    """Pages that the topic has acknowledged."""
    rejected: int
    rejections: tuple[RejectedPage, ...] = ()
    """The first of them."""


class Decisions(ExtensibleMessage):
    """Decisions among the outcomes that were counted. counted: how many those are; the next request counts on."""

    accept: int = 0
    review: int = 0
    counted: int = 0


class GroupStatus(ExtensibleMessage):
    """How far a group is."""

    group: str
    kind: Literal["jobs", "pages"] = "jobs"
    submitted: int | None = None
    """Jobs or pages; null if the group was not sent as a batch, so that nobody knows how many there are."""
    done: int
    dead: int
    decisions: Decisions
    """Of jobs, or of a form's fields."""
    finished: bool
    """Whether every submitted job has its outcome, or every page its values."""
    created_at: Timestamp | None = None
    left_s: float | None = None
    """Estimated seconds until it is finished; null if that is not known."""


class GroupPage(ExtensibleMessage):
    """Names of groups, newest first."""

    groups: tuple[str, ...]


class PageStatus(ExtensibleMessage):
    """A scanned page that a worker has looked at."""

    file: str
    """Its file's name, as it was sent."""
    number: int
    """In its file, from 1."""
    state: JobState
    """done: its fields have values. pending: not all of its digits are answered. dead: a person has to look at it."""
    form: str | None = None
    """Code of the form that it is of."""
    serial: int | None = None
    """Of the form's copy, if it has one."""
    reason: str | None = None
    """Why it is dead: a word such as no_markers."""
    message: str | None = None
    """The reason in full: what was expected, what came, and what to do."""


class PagesOfGroup(ExtensibleMessage):
    """Pages of a group."""

    pages: tuple[PageStatus, ...]


class OutcomePage(ExtensibleMessage):
    """Outcomes of a group, in the order in which they came."""

    outcomes: tuple[JobStatus, ...]
    next: str
    """Give it as `after` to go on; at the end it stays valid for outcomes that come later."""
