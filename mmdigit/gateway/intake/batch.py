"""The jobs of a batch: each gets its id, and they are published in chunks, so that a body of any size fits."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import NamedTuple

import numpy as np

from mmdigit.consuming.publishing import Outgoing
from mmdigit.gateway.access.principal import Principal
from mmdigit.gateway.intake.records import OTHER_GROUP, record_of
from mmdigit.gateway.intake.single import submission_of_json
from mmdigit.gateway.problems import Problem
from mmdigit.gateway.registry.ports import number_of
from mmdigit.gateway.services import Services
from schemas.api import JobSubmission, RejectedJob
from schemas.errors import InvalidRecord
from schemas.identifiers import id_of
from schemas.job import MAX_RECORD_BYTES
from schemas.printable import printable

CHUNK_JOBS = 500
CHUNK_BYTES = 4 * 1024 * 1024
MAX_REJECTIONS = 100
MAX_REJECTED = 10_000
MAX_JOBS = 1_000_000
"""In one batch: 8 bytes of memory each, and a row of the registry."""
_MAX_ERROR = 300
_COUNTERS = 1 << 16


class _Taken(NamedTuple):
    """A job that is not acknowledged yet. named: whether the caller has chosen its id."""

    line: int
    record: Outgoing
    named: bool


@dataclass
class BatchIntake:
    """One batch on its way to the topic. group: as its caller knows it. key: ids follow from it besides the group."""

    services: Services
    principal: Principal
    group: str
    key: str | None
    rejected: int = 0
    rejections: list[RejectedJob] = field(default_factory=list)
    """The first MAX_REJECTIONS of them."""

    def __post_init__(self) -> None:
        self._stored_group = self.principal.stored(self.group)
        self._waiting: list[_Taken] = []
        self._size = self._blank = 0
        self._numbers = array("q")
        self._occurrences = array("I", bytes(4 * _COUNTERS))

    @property
    def numbers(self) -> list[int]:
        """number_of each job that is acknowledged, once."""
        return np.unique(np.frombuffer(self._numbers, np.int64)).tolist() if self._numbers else []

    async def take_line(self, line: int, content: bytes | None) -> None:
        """Take a line of JSON Lines. content: None if it is too long. Raises as flush()."""
        if content == b"":
            self._blank += 1
            if self._blank > MAX_JOBS:
                raise Problem(
                    HTTPStatus.UNPROCESSABLE_ENTITY,
                    f"expected jobs, got more than {MAX_JOBS} blank lines; leave them out",
                )
            return
        if content is None:
            self.reject(line, f"expected a line of at most {MAX_RECORD_BYTES} bytes, got a longer one; send it smaller")
            return
        try:
            submission = submission_of_json(content)
        except Problem as exc:
            self.reject(line, exc.detail)
            return
        name = submission.job_id
        await self.take(line, submission, self._id_of(content) if name is None else name, named=name is not None)

    async def take(self, line: int, submission: JobSubmission, name: str, *, named: bool) -> None:
        """Take a job. name: its id. named: whether the caller has chosen it. Raises as flush()."""
        if submission.group not in (None, self.group):
            self.reject(
                line, f"group: expected {self.group} as the batch's or none, got another; send a batch for each"
            )
            return
        try:
            job_id = self.principal.stored(name)
        except ValueError as exc:
            self.reject(line, f"job_id: expected {exc}")
            return
        if len(self._numbers) + len(self._waiting) >= MAX_JOBS:
            self.reject(line, f"expected at most {MAX_JOBS} jobs in a batch, got more; send another batch")
            return
        record = record_of(submission, job_id, self._stored_group, self.services)
        if self._size + len(record.value) > CHUNK_BYTES:
            await self.flush()
        self._waiting.append(_Taken(line, record, named))
        self._size += len(record.value)
        if len(self._waiting) >= CHUNK_JOBS:
            await self.flush()

    def reject(self, line: int, error: str) -> None:
        """A job is not taken. Raises Problem (422) if too many are not: it is another file."""
        self.rejected += 1
        if self.rejected > MAX_REJECTED:
            raise Problem(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                f"expected jobs, got more than {MAX_REJECTED} lines that are none, the last {line} ({error}); check "
                "the file, and send it again under the same group",
            )
        if len(self.rejections) < MAX_REJECTIONS:
            self.rejections.append(RejectedJob(line=line, error=printable(error, _MAX_ERROR)))

    async def flush(self) -> None:
        """Return when the topic has acknowledged every job that was taken.

        Raises TransportError if it does not: some may have arrived, so the caller sends the batch again.
        """
        waiting, self._waiting, self._size = self._waiting, [], 0
        taken = await self._without_known(waiting)
        if not taken:
            return
        try:
            await self._publish(taken)
        except InvalidRecord:  # the topic refuses one of them, and does not say which
            for each in taken:
                try:
                    await self._publish([each])
                except InvalidRecord as exc:
                    self.reject(each.line, str(exc))

    async def _without_known(self, taken: "list[_Taken]") -> "list[_Taken]":
        """Reject the jobs whose ids have predictions in other groups: they would never count in this one."""
        named = [each for each in taken if each.named]
        if not named:
            return taken
        ids = [(each.record.key or b"").decode() for each in named]
        found = await self.services.reader.read(lambda store: store.get(ids))
        known = {
            each.line
            for each, prediction in zip(named, found, strict=True)
            if prediction is not None and prediction.group != self._stored_group
        }
        for line in sorted(known):
            self.reject(line, OTHER_GROUP)
        return [each for each in taken if each.line not in known]

    async def _publish(self, taken: "Sequence[_Taken]") -> None:
        async with self.services.batch_turns:
            await self.services.publisher.publish([each.record for each in taken])
        self._numbers.extend(number_of(each.record.key or b"") for each in taken)
        self.services.backlog.sent((taken[-1].record.key or b"").decode())

    def _id_of(self, content: bytes) -> str:
        """The id of a job without one: the same if the batch is sent again, another for each of equal lines."""
        counter = number_of(content) % _COUNTERS  # equal lines share one; few others do
        number = self._occurrences[counter]
        self._occurrences[counter] += 1
        return id_of("line", self.key, self.group, content, str(number))
