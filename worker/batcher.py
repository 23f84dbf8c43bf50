"""Decides when a batch closes: once it is full, or once its oldest job has waited long enough."""

from collections.abc import Callable
from dataclasses import dataclass

from mmdigit.reading.model_input import ModelInput
from mmdigit.transport.ports import Record
from schemas.errors import InvalidJob
from schemas.job import Job


@dataclass(frozen=True, slots=True)
class DecodedRecord:
    """A polled record and what decoding made of it: a job and its sample, or an error."""

    record: Record
    decoded_at_s: float
    """On the batcher's clock, in seconds."""
    job: Job | None
    sample: ModelInput | None
    error: InvalidJob | None
    decoding_began_s: float
    """On the batcher's clock, in seconds."""
    decode_attempts: int = 1
    """How many attempts decoding took."""


class Batcher:
    """Collects decoded records up to a count and a size. clock: monotonic, in seconds."""

    def __init__(self, max_jobs: int, max_bytes: int, max_wait_s: float, clock: Callable[[], float]) -> None:
        self._max_jobs = max_jobs
        self._max_bytes = max_bytes
        self._max_wait_s = max_wait_s
        self._clock = clock
        self._waiting: list[DecodedRecord] = []
        self._bytes = 0

    def add(self, decoded: DecodedRecord) -> None:
        self._waiting.append(decoded)
        self._bytes += len(decoded.record.value)

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def room(self) -> int:
        """How many more records fit."""
        return 0 if self._bytes >= self._max_bytes else max(0, self._max_jobs - len(self._waiting))

    @property
    def time_left_s(self) -> float | None:
        """Seconds until the batch is due, 0 once it is; None while it is empty."""
        if not self._waiting:
            return None
        if self.room == 0:
            return 0.0
        return max(0.0, self._waiting[0].decoded_at_s + self._max_wait_s - self._clock())

    def close(self) -> list[DecodedRecord]:
        """The batch, in order of arrival; the next one starts empty."""
        batch, self._waiting, self._bytes = self._waiting, [], 0
        return batch

    def drop(self, is_revoked: Callable[[Record], bool]) -> None:
        """Drop the records whose partitions went to another worker."""
        kept = [decoded for decoded in self._waiting if not is_revoked(decoded.record)]
        self._waiting, self._bytes = kept, sum(len(decoded.record.value) for decoded in kept)
