"""The whole error tree, and what each leaf leads to.

    MmdigitError
    ├── InvalidJob              can never succeed
    │   ├── InvalidRecord       dead letter   not a job in any known encoding
    │   │   ├── RecordTooLarge  dead letter   more bytes than any job may have
    │   │   └── UnknownVersion  dead letter   a schema version that this program does not read
    │   ├── InvalidImage        dead letter   the image bytes cannot be read as one digit
    │   ├── InvalidAudio        dead letter   the audio bytes cannot be read as one clip
    │   ├── DecoderFailed       dead letter   a decoder fails on it in a way that nobody foresaw
    │   └── ModelRejected       dead letter   the model fails on this job alone, and on no other
    ├── RetriableError          may succeed later: nothing is committed; exit 3 where a program cannot even start
    │   ├── TransportError      retry         broker or queue file not reachable, or not ready
    │   ├── StoreError          retry         prediction store not reachable, or not ready
    │   ├── ModelError          retry         the model fails on everything, or memory is short
    │   └── RebalanceError      retry         the partitions moved before the commit; the new owner repeats the work
    ├── SettingsError           the program was started wrongly: one line
    │   ├── DataError           exit 2        a data folder, manifest or download is missing or altered
    │   ├── WeightsError        exit 2        the model file is missing or not the pinned one
    │   ├── TopicError          exit 2        the topic does not exist and is never created on the fly
    │   └── AccessError         exit 2        broker or store refuses: password, certificate or a right
    └── TooManyDeadLetters      exit 4        so many jobs fail that the deployment is the likelier fault

`exit_code` is what a program ends with when the error reaches its top: 1, 2 for settings, 3 for retriable ones, 4 for
too many dead letters. 5 is no error of this tree: a worker that had to leave before its batch was finished.
`InvalidJob.reason` is a short fixed word, used as a metric label and in dead letters.
Third-party errors are mapped to these at the edge where they arise, always `from exc`.
"""

from typing import ClassVar


class MmdigitError(Exception):
    """Base of every error this project raises on purpose."""

    exit_code: ClassVar[int] = 1


class InvalidJob(MmdigitError):  # noqa: N818 (it names what failed, as its leaves do)
    """The job can never succeed; it goes to the dead letters."""

    reason: ClassVar[str] = "invalid_job"


class InvalidRecord(InvalidJob):
    """The record is not a job in any known encoding or schema version."""

    reason: ClassVar[str] = "invalid_record"


class RecordTooLarge(InvalidRecord):
    """The record has more bytes than any job may have."""

    reason: ClassVar[str] = "record_too_large"


class UnknownVersion(InvalidRecord):
    """The record has a schema version that this program does not read."""

    reason: ClassVar[str] = "unknown_version"


class InvalidImage(InvalidJob):
    """The image bytes cannot be read as a picture of one digit."""

    reason: ClassVar[str] = "invalid_image"


class InvalidAudio(InvalidJob):
    """The audio bytes cannot be read as a clip of one digit."""

    reason: ClassVar[str] = "invalid_audio"


class DecoderFailed(InvalidJob):
    """A decoder failed on the job with an error of none of these kinds: a mistake in this project, to be reported."""

    reason: ClassVar[str] = "decoder_failed"


class ModelRejected(InvalidJob):
    """The model fails on this job even when it is alone in its batch."""

    reason: ClassVar[str] = "model_rejected"


class RetriableError(MmdigitError):
    """The same call may succeed later; nothing may be committed."""

    exit_code: ClassVar[int] = 3


class TransportError(RetriableError):
    """The broker or queue file is not reachable, or not ready."""


class StoreError(RetriableError):
    """The prediction store is not reachable, or not ready."""


class ModelError(RetriableError):
    """The model fails on everything it is given, or memory is short: no fault of the jobs."""


class RebalanceError(RetriableError):
    """The partitions were taken away before the commit; their new owner repeats the work."""


class SettingsError(MmdigitError):
    """The program was started wrongly; it ends with exit code 2."""

    exit_code: ClassVar[int] = 2


class DataError(SettingsError):
    """A data folder, manifest or download is missing, incomplete or altered."""


class WeightsError(SettingsError):
    """The model file is missing, or its SHA-256 is not the pinned one."""


class TopicError(SettingsError):
    """The topic does not exist; topics are created on purpose, never on the fly."""


class AccessError(SettingsError):
    """Broker or store refuses whoever asks, or cannot be trusted: password, certificate, or a right that is missing."""


class TooManyDeadLetters(MmdigitError):  # noqa: N818 (it names what happened)
    """So many jobs fail that the deployment is the likelier fault: the worker stops before it dead-letters the rest."""

    exit_code: ClassVar[int] = 4
