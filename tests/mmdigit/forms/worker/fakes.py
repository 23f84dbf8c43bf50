"""A page worker on fakes of its ports, with the real decoder and registrar."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from lab.benchmarks.forms.filling import DPI
from mmdigit.forms.pages.decoder import PageDecoder
from mmdigit.forms.spoken.heard import HeardField
from mmdigit.forms.store.ports import StoredPage
from mmdigit.forms.worker.loop import PageWorker
from mmdigit.forms.worker.metrics import PageMetrics
from mmdigit.forms.worker.registrar import PageRegistrar
from mmdigit.forms.worker.settings import PageWorkerSettings
from mmdigit.transport.ports import Record
from schemas.errors import StoreError, TransportError
from schemas.job import Job
from schemas.page import Page, page_id
from schemas.wire import decode_job, encode
from tests.mmdigit.forms.written import TEMPLATE, filled_page, png_of
from tests.worker.fakes import NOON, P0, P1, Clock, Closable, FakeConsumer, FakePublisher

SHA256 = "0f" * 32


@cache
def page_content() -> bytes:
    """A filled page as PNG."""
    return png_of(filled_page().pixels, DPI)


def page_record(
    offset: int,
    content: bytes | None = None,
    headers: Mapping[str, bytes] | None = None,
    recordings: dict[str, bytes] | None = None,
) -> Record:
    """The record of page offset + 1 of a file."""
    page = Page(
        file_name="stack.pdf",
        file_sha256=SHA256,
        number=offset + 1,
        content=page_content() if content is None else content,
        scanner="ScanSnap",
        recordings=recordings,
        created_at=NOON,
    )
    key = page_id(SHA256, offset + 1).encode()
    return Record("jobs", 0, offset, key, encode(page, "msgpack"), 0.0, headers or {})


class FakePageStore(Closable):
    """Keeps pages in memory; fails the next `failing` writes."""

    def __init__(self) -> None:
        self.kept: dict[str, StoredPage] = {}
        self.failing = 0

    def put_pages(self, pages: Sequence[StoredPage]) -> None:
        if self.failing:
            self.failing -= 1
            raise StoreError("database away")
        for page in pages:
            self.kept.setdefault(page.group, page)

    def heard(self, group: str) -> Mapping[str, HeardField] | None:
        return self.kept[group].heard if group in self.kept else None


class FakeJobs(Closable):
    """Acknowledges jobs on flush; fails the next `failing` flushes, half of their jobs acknowledged."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []
        self.headers: list[Mapping[str, bytes]] = []
        self.failing = 0
        self._buffer: list[tuple[bytes, Callable[[], object] | None]] = []

    def send(
        self,
        key: bytes | None,
        value: bytes,
        on_delivered: Callable[[], object] | None = None,
        headers: Mapping[str, bytes] | None = None,
    ) -> None:
        self._buffer.append((value, on_delivered))
        self.headers.append(headers or {})

    def flush(self, timeout_s: float) -> None:
        buffer, self._buffer = self._buffer, []
        lost = len(buffer) // 2 if self.failing else 0
        for value, on_delivered in buffer[lost:]:
            self.jobs.append(decode_job(value))
            if on_delivered is not None:
                on_delivered()
        if self.failing:
            self.failing -= 1
            raise TransportError("broker away")


@dataclass
class PageBench:
    """Everything around a page worker. close() it: the decoder is a process."""

    consumer: FakeConsumer = field(default_factory=FakeConsumer)
    options: dict[str, object] = field(default_factory=dict)
    decoder: PageDecoder = field(default_factory=PageDecoder)
    registrar: PageRegistrar = field(default_factory=lambda: PageRegistrar([TEMPLATE]))

    def __post_init__(self) -> None:
        urls = {"from": "sqlite:///q.db", "jobs": "sqlite:///q.db", "forms": "sqlite:///f.db", "template": "form.yaml"}
        fields = {**urls, "commit_every_s": 0.0, "retry_max_s": 0.001}
        self.clock, self.metrics = Clock(), PageMetrics()
        self.jobs, self.store, self.dead = FakeJobs(), FakePageStore(), FakePublisher()
        self.worker = PageWorker(
            PageWorkerSettings.model_validate(fields | self.options),
            self.decoder,
            self.registrar,
            self.consumer,
            self.jobs,
            self.store,  # type: ignore[arg-type]  # the worker only puts pages
            self.dead,
            self.metrics,
            clock=self.clock,
            now=lambda: NOON,
        )
        assert self.consumer.on_assigned is not None
        self.consumer.on_assigned(frozenset({P0, P1}))

    def close(self) -> None:
        self.decoder.__exit__()

    def count(self, name: str, **labels: str) -> float:
        value = self.metrics.registry.get_sample_value(f"mmdigit_forms_{name}", labels)
        assert value is not None, f"{name}{labels} is not exported"
        return value
