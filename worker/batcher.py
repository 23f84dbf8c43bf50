"""Decides when a batch closes: when it is full, or when its oldest job has waited long enough."""

from collections.abc import Callable
from dataclasses import dataclass

from mmdigit.reading.model_input import ModelInput
from mmdigit.transport.ports import Record
from schemas.errors import InvalidJob
from schemas.job import Job


@dataclass(frozen=True, slots=True)
class Decoded:
    """A polled record with what became of it: a job with its sample, or the reason why it can never succeed."""

    record: Record
    polled_at_s: float
    """On the batcher's clock."""
    job: Job | None
    sample: ModelInput | None
    error: InvalidJob | None
    decoding_since_s: float
    """On the batcher's clock."""
    decodings: int = 1
    """How often decoding was tried until this came of it."""


class Batcher:
    """Collects decoded records. Bounded by count and by bytes; the clock is monotonic, in seconds."""

    def __init__(self, max_jobs: int, max_bytes: int, max_wait_s: float, clock: Callable[[], float]) -> None:
        self._max_jobs = max_jobs
        self._max_bytes = max_bytes
        self._max_wait_s = max_wait_s
        self._clock = clock
        self._waiting: list[Decoded] = []
        self._bytes = 0

    def add(self, decoded: Decoded) -> None:
        self._waiting.append(decoded)
        self._bytes += len(decoded.record.value)

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def room(self) -> int:
        """How many more records the batch takes."""
        return 0 if self._bytes >= self._max_bytes else max(0, self._max_jobs - len(self._waiting))

    @property
    def time_left_s(self) -> float | None:
        """How long the batch may still wait for more; None while it is empty, 0 once it is due."""
        if not self._waiting:
            return None
        if self.room == 0:
            return 0.0
        return max(0.0, self._waiting[0].polled_at_s + self._max_wait_s - self._clock())

    def close(self) -> list[Decoded]:
        """The batch, in the order of arrival; the next one starts empty."""
        batch, self._waiting, self._bytes = self._waiting, [], 0
        return batch

    def drop(self, is_anothers: Callable[[Record], bool]) -> None:
        """Forget the records that went to another worker with their partitions."""
        kept = [decoded for decoded in self._waiting if not is_anothers(decoded.record)]
        self._waiting, self._bytes = kept, sum(len(decoded.record.value) for decoded in kept)
