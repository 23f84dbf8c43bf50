"""A batch in memory: how its jobs are named, counted and cut into chunks."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from mmdigit.consuming.publishing import Outgoing
from mmdigit.gateway.access.principal import SCOPES, Principal
from mmdigit.gateway.intake import batch
from mmdigit.gateway.intake.batch import BatchIntake
from mmdigit.gateway.intake.json_lines import LineSplitter
from mmdigit.gateway.registry.ports import number_of
from mmdigit.gateway.services import BATCH_TURNS, Services
from schemas.errors import InvalidRecord, TransportError
from schemas.wire import decode_job

LINE = b'{"image":"NA=="}'


@dataclass
class FakeServices:
    """Keeps what is published, a list for each chunk; stands for its own publisher and backlog."""

    chunks: list[Sequence[Outgoing]] = field(default_factory=list)
    refuses: Callable[[bytes], bool] = lambda _: False
    is_away: bool = False
    probes: list[str] = field(default_factory=list)
    batch_turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(BATCH_TURNS))
    publishing: int = 0
    most_publishing: int = 0

    @property
    def publisher(self) -> "FakeServices":
        return self

    @property
    def backlog(self) -> "FakeServices":
        return self

    @property
    def reader(self) -> "FakeServices":
        return self

    async def read(self, call: Callable[["FakeServices"], list[None]]) -> list[None]:
        return call(self)

    def get(self, job_ids: Sequence[str]) -> list[None]:
        return [None] * len(job_ids)  # no job has a prediction

    def sent(self, job_id: str) -> None:
        self.probes.append(job_id)

    def now(self) -> datetime:
        return datetime(2026, 11, 28, tzinfo=UTC)

    async def publish(self, records: Sequence[Outgoing]) -> None:
        if self.is_away:
            raise TransportError("broker away")
        if any(self.refuses(record.value) for record in records):
            raise InvalidRecord("expected a smaller record")
        self.publishing += 1
        self.most_publishing = max(self.most_publishing, self.publishing)
        await asyncio.sleep(0)
        self.publishing -= 1
        self.chunks.append(records)

    @property
    def ids(self) -> list[str]:
        return [decode_job(record.value).job_id for chunk in self.chunks for record in chunk]


def intake_on(services: FakeServices, group: str = "g", key: str | None = None, tenant: str = "") -> BatchIntake:
    return BatchIntake(cast(Services, services), Principal(tenant, SCOPES, "test"), group, key)


def take(lines: Sequence[bytes], services: FakeServices, **options: Any) -> BatchIntake:
    intake = intake_on(services, **options)

    async def all_lines() -> None:
        for number, line in enumerate(lines, 1):
            await intake.take_line(number, line)
        await intake.flush()

    run(all_lines())
    return intake


def run(coroutine: Coroutine[Any, Any, None]) -> None:
    asyncio.run(coroutine)


def ids_of(lines: Sequence[bytes], **options: Any) -> list[str]:
    services = FakeServices()
    take(lines, services, **options)
    return services.ids


def line(number: int) -> bytes:
    return b'{"image":"NA==","expected":%d}' % number


def test_ids_follow_from_key_group_and_line() -> None:
    assert ids_of([line(1), line(2)]) == ids_of([line(1), line(2)])
    others = [ids_of([line(1)]), ids_of([line(2)]), ids_of([line(1)], group="h"), ids_of([line(1)], key="k")]
    assert len({name for each in others for name in each}) == 4


def test_equal_lines_are_jobs_of_their_own() -> None:
    names = ids_of([line(1)] * 5)
    assert len(set(names)) == 5
    assert ids_of([line(2), line(1), line(3), line(1)])[1::2] == names[:2]


def test_counters_are_shared_without_doubling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "_COUNTERS", 1)
    lines = [line(number % 10) for number in range(100)]
    names = ids_of(lines)
    assert len(set(names)) == 100
    assert names == ids_of(lines)


def test_chunks_are_bounded_in_jobs_and_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "CHUNK_JOBS", 3)
    services = FakeServices()
    assert len(take([LINE] * 7, services).numbers) == 7
    assert [len(chunk) for chunk in services.chunks] == [3, 3, 1]
    assert services.probes == [services.ids[2], services.ids[5], services.ids[6]]
    size = len(services.chunks[0][0].value)
    monkeypatch.setattr(batch, "CHUNK_BYTES", 2 * size)
    services = FakeServices()
    take([LINE] * 5, services)
    assert [len(chunk) for chunk in services.chunks] == [2, 2, 1]


def test_job_larger_than_a_chunk_goes_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "CHUNK_BYTES", 10)
    services = FakeServices()
    take([LINE] * 2, services)
    assert [len(chunk) for chunk in services.chunks] == [1, 1]


def test_refused_record_is_rejected_and_not_counted() -> None:
    services = FakeServices(refuses=lambda value: decode_job(value).job_id in ("b", "d"))
    lines = [b'{"image":"NA==","job_id":"%s"}' % name for name in (b"a", b"b", b"c", b"d", b"a")]
    intake = take(lines, services)
    assert intake.numbers == sorted([number_of("a"), number_of("c")])
    assert intake.rejected == 2
    assert [rejection.line for rejection in intake.rejections] == [2, 4]
    assert services.ids == ["a", "c", "a"]


def test_topic_that_is_away_ends_the_batch() -> None:
    with pytest.raises(TransportError):
        take([LINE], FakeServices(is_away=True))


@pytest.mark.parametrize("chunk", [1, 10])
def test_jobs_of_a_batch_are_bounded(monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    monkeypatch.setattr(batch, "MAX_JOBS", 2)
    monkeypatch.setattr(batch, "CHUNK_JOBS", chunk)
    intake = take([line(number) for number in range(3)], FakeServices())
    assert (len(intake.numbers), [rejection.line for rejection in intake.rejections]) == (2, [3])


def test_long_line_is_rejected() -> None:
    services = FakeServices()
    intake = intake_on(services)
    run(intake.take_line(7, None))
    assert [rejection.line for rejection in intake.rejections] == [7]


def test_any_cut_of_a_body_gives_the_same_jobs() -> None:
    body = b"\n".join(line(number % 10) for number in range(20))

    def lines(size: int) -> list[bytes]:
        splitter = LineSplitter(1000)
        chunks = [body[start : start + size] for start in range(0, len(body), size)]
        found = [each for chunk in chunks for each in splitter.feed(chunk)] + list(splitter.end())
        return [each.content or b"" for each in found]

    assert ids_of(lines(1)) == ids_of(lines(7)) == ids_of(lines(1000))


def test_many_batches_take_turns() -> None:
    """Otherwise they would fill the publisher, and each be refused midway."""
    services = FakeServices()

    async def one(number: int) -> None:
        intake = intake_on(services, f"g{number}")
        for index in range(3):
            await intake.take_line(index, line(index))
            await intake.flush()

    async def all_at_once() -> None:
        await asyncio.gather(*map(one, range(30)))

    run(all_at_once())
    assert len(services.ids) == 90
    assert services.most_publishing == BATCH_TURNS
