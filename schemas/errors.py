"""The error tree, and what each leaf leads to.

    MmdigitError
    ├── InvalidJob              can never succeed: a job or a page
    │   ├── InvalidRecord       dead letter   not a record of that topic in any known encoding
    │   │   ├── RecordTooLarge  dead letter   more bytes than any record may have
    │   │   └── UnknownVersion  dead letter   a schema version that this program does not read
    │   ├── InvalidImage        dead letter   the image bytes cannot be read as one digit
    │   ├── InvalidAudio        dead letter   the audio bytes cannot be read as one clip
    │   ├── DecoderFailed       dead letter   a decoder fails on it unexpectedly
    │   └── ModelRejected       dead letter   the model fails on this job alone
    ├── RetriableError          may succeed later: nothing is committed; exit 3 if the program cannot start
    │   ├── TransportError      retry         broker or queue file unreachable or not ready
    │   ├── StoreError          retry         prediction store unreachable or not ready
    │   ├── IssuerError         HTTP 503      the identity provider's keys cannot be fetched
    │   ├── ModelError          retry         the model fails on everything, or memory runs out
    │   └── RebalanceError      retry         partitions moved before the commit; the new owner repeats the work
    ├── UnreadableScan          one file of a stack cannot be read; it is told, and the others are sent
    ├── AccessDenied            HTTP 401      a caller of the gateway shows no valid token
    ├── SettingsError           exit 2        the program was started wrongly: one line on standard error
    │   ├── DataError           exit 2        a data folder, manifest or download is missing or altered
    │   ├── WeightsError        exit 2        the model file is missing or not the pinned one
    │   ├── TopicError          exit 2        the topic does not exist; no program creates it
    │   └── AccessError         exit 2        broker or store refuses the password, certificate or permission
    ├── ApiError                mmdigit.client  the HTTP API refuses a request, or does not answer
    └── TooManyDeadLetters      exit 4        so many jobs fail that the deployment is the likelier fault

`exit_code` is the exit code of a program that such an error ends: 1, or 2 for settings, 3 for retriable errors, 4 for
too many dead letters. Exit code 5 has no error here: a worker left its batch unfinished
(mmdigit/consuming/stopping.py).
`InvalidJob.reason` is a fixed word, used as a metric label and in dead letters.
Outside stand `Stopped` (mmdigit/consuming/loop.py), a requested stop, which nothing that handles errors may catch,
`Problem` (mmdigit/gateway/problems.py), an answer over HTTP, and `Unavailable` (mmdigit/telemetry/health.py), what a
scrape gets while there are no metrics.
Third-party errors are mapped to these where they arise, always `from exc`.
"""

from typing import ClassVar


class MmdigitError(Exception):
    """Base of every error this project raises on purpose."""

    exit_code: ClassVar[int] = 1


class InvalidJob(MmdigitError):  # noqa: N818  named after what failed, as its leaves are
    """The job can never succeed; it becomes a dead letter."""

    reason: ClassVar[str] = "invalid_job"


class InvalidRecord(InvalidJob):
    """The record is not what its topic holds, in any known encoding or schema version."""

    reason: ClassVar[str] = "invalid_record"


class RecordTooLarge(InvalidRecord):
    """The record has more bytes than any job or page may have."""

    reason: ClassVar[str] = "record_too_large"


class UnknownVersion(InvalidRecord):
    """The record has a schema version that this program does not read."""

    reason: ClassVar[str] = "unknown_version"


class InvalidImage(InvalidJob):
    """The image bytes cannot be read as an image of one digit."""

    reason: ClassVar[str] = "invalid_image"


class InvalidAudio(InvalidJob):
    """The audio bytes cannot be read as a clip of one digit."""

    reason: ClassVar[str] = "invalid_audio"


class DecoderFailed(InvalidJob):
    """A decoder failed with an error outside this tree: a bug in this project; please report it."""

    reason: ClassVar[str] = "decoder_failed"


class ModelRejected(InvalidJob):
    """The model fails on this job even when it is alone in its batch."""

    reason: ClassVar[str] = "model_rejected"


class RetriableError(MmdigitError):
    """The same call may succeed later; nothing may be committed."""

    exit_code: ClassVar[int] = 3


class TransportError(RetriableError):
    """The broker or queue file is unreachable or not ready."""


class StoreError(RetriableError):
    """The prediction store is unreachable or not ready."""


class IssuerError(RetriableError):
    """The keys of the identity provider cannot be fetched, so that nobody knows whether its tokens are valid."""


class ModelError(RetriableError):
    """The model fails on everything, or memory runs out: the jobs are not at fault."""


class RebalanceError(RetriableError):
    """Partitions moved before the commit; their new owner repeats the work."""


class UnreadableScan(MmdigitError):  # noqa: N818  named after what failed
    """One file of a stack of scans cannot be read, the others may be. Its message begins "it" and says why."""


class AccessDenied(MmdigitError):  # noqa: N818  named after what the caller is told
    """A request's credentials are missing or not valid. Its message is for the caller, and never repeats them."""


class SettingsError(MmdigitError):
    """The program was started wrongly."""

    exit_code: ClassVar[int] = 2


class DataError(SettingsError):
    """A data folder, manifest or download is missing, incomplete or altered."""


class WeightsError(SettingsError):
    """The model file is missing, or its SHA-256 is not the pinned one."""


class TopicError(SettingsError):
    """The topic does not exist, and no program creates it."""


class AccessError(SettingsError):
    """Broker or store refuses the password, certificate or permission, or its own certificate is not trusted."""


class ApiError(MmdigitError):
    """The HTTP API refuses a request, or does not answer.

    status: the HTTP status; None if there was no answer.
    title, detail: what the answer said (RFC 9457): "expected X, got Y; do Z".
    retry_after_s: after how many seconds the API asks to try again; None if it does not say.
    """

    def __init__(self, status: int | None, title: str, detail: str, retry_after_s: float | None = None) -> None:
        super().__init__(f"{detail} ({title if status is None else f'{status} {title}'})")
        self.status = status
        self.title = title
        self.detail = detail
        self.retry_after_s = retry_after_s


class TooManyDeadLetters(MmdigitError):  # noqa: N818  named after what happened
    """So many jobs fail that the deployment is the likelier fault; the worker stops before it dead-letters more."""

    exit_code: ClassVar[int] = 4
