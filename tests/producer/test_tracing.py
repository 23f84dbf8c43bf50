"""Which jobs begin a trace, what their records carry, and when their span ends."""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import pytest

from mmdigit.telemetry.spans import Span
from producer.journal import Journal
from producer.publish import PublishRun
from producer.roster import Roster
from producer.settings import ProducerSettings
from producer.tracing import Tracing, open_tracing
from schemas.trace import TRACEPARENT_HEADER, TraceContext, trace_of
from tests.collector import collecting
from tests.factories import make_job
from tests.producer.fakes import FakeProgress, FakePublisher, FakeSource, FakeTime, samples
from tests.producer.test_publish import TOPIC

JOB = make_job()


class FakeSpans:
    def __init__(self) -> None:
        self.spans: list[Span] = []

    def add(self, spans: Sequence[Span]) -> None:
        self.spans += spans

    def close(self) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None: ...


def begun(tracing: Tracing, count: int) -> list[TraceContext | None]:
    headers = [tracing.begin(JOB, lambda: None)[1] for _ in range(count)]
    return [trace_of(header) if header else None for header in headers]


@pytest.mark.parametrize(("ratio", "least", "most"), [(0.0, 0, 0), (0.25, 200, 300), (1.0, 1000, 1000)])
def test_so_large_a_share_is_drawn_each_with_a_trace_of_its_own(ratio: float, least: int, most: int) -> None:
    traces = [trace for trace in begun(Tracing(ratio, source=random.Random(3)), 1000) if trace]  # noqa: S311
    assert least <= len(traces) <= most
    assert all(trace.sampled for trace in traces)
    assert len({trace.trace_id for trace in traces}) == len(traces)


def test_a_run_sends_the_headers_with_its_jobs(tmp_path: Path) -> None:
    publisher = FakePublisher()
    tracing = Tracing(0.5, source=random.Random(3))  # noqa: S311
    with Roster() as roster, Journal.open(tmp_path, TOPIC, "g") as journal:
        publishing = PublishRun(publisher, journal, roster, FakeProgress(), FakeTime().clock, "g", tracing)
        assert publishing.run(FakeSource(samples(100)), "msgpack", None).sent == 100
    traced = [headers for headers in publisher.headers if headers]
    assert 30 < len(traced) < 70
    assert {tuple(headers) for headers in traced} == {(TRACEPARENT_HEADER,)}
    assert None in publisher.headers


def test_a_span_is_made_when_the_job_is_acknowledged() -> None:
    spans, acknowledged, times = FakeSpans(), [], iter([1.0, 3.5])
    tracing = Tracing(1.0, "kafka", "jobs", spans, epoch=lambda: next(times))
    acknowledge, headers = tracing.begin(JOB, lambda: acknowledged.append(len(spans.spans)))
    assert spans.spans == []
    acknowledge()
    [span] = spans.spans
    assert acknowledged == [0]  # first of all
    assert (span.name, span.kind, span.start_s, span.end_s) == ("send jobs", "producer", 1.0, 3.5)
    assert span.parent is None
    assert span.context == trace_of(headers or {})
    assert span.attributes["mmdigit.job_id"] == JOB.job_id
    assert span.attributes["messaging.destination.name"] == "jobs"


@pytest.mark.parametrize(("status", "expected"), [(200, []), (401, ["2 of 2 spans did not reach the collector\n"])])
def test_spans_that_do_not_reach_the_collector_are_said(status: int, expected: list[str]) -> None:
    said: list[str] = []
    with collecting() as collector:
        collector.status = status
        fields = {"from": "f", "to": "sqlite:///q.db", "trace_ratio": 1, "otlp_endpoint": collector.url}
        with open_tracing(ProducerSettings.model_validate(fields), said.append) as tracing:
            for _ in range(2):
                tracing.begin(JOB, lambda: None)[0]()
    assert said == expected


def test_without_a_collector_the_headers_are_sent_all_the_same() -> None:
    settings = ProducerSettings.model_validate({"from": "f", "to": "sqlite:///q.db", "trace_ratio": 1})
    with open_tracing(settings, pytest.fail) as tracing:
        assert None not in begun(tracing, 3)
