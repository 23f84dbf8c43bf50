"""Which jobs begin a trace, what their records carry, and when their span ends."""

import random
import time
from pathlib import Path

import pytest
from opentelemetry.trace import NoOpTracer, SpanContext, SpanKind

from mmdigit.sending.journal import Journal
from producer.publish import PublishRun
from producer.roster import Roster
from producer.settings import ProducerSettings
from producer.tracing import Tracing, open_tracing
from schemas.trace import TRACEPARENT_HEADER, trace_of
from tests.collector import collecting, keep_spans
from tests.factories import make_job
from tests.producer.fakes import FakeProgress, FakePublisher, FakeSource, FakeTime, samples
from tests.producer.test_publish import TOPIC

JOB = make_job()


def begun(tracing: Tracing, count: int) -> list[SpanContext | None]:
    headers = [tracing.begin(JOB, lambda: None)[1] for _ in range(count)]
    return [trace_of(header) if header else None for header in headers]


@pytest.mark.parametrize(("ratio", "minimum", "maximum"), [(0.0, 0, 0), (0.25, 200, 300), (1.0, 1000, 1000)])
def test_ratio_of_jobs_gets_distinct_traces(ratio: float, minimum: int, maximum: int) -> None:
    traces = [trace for trace in begun(Tracing(ratio, NoOpTracer(), source=random.Random(3)), 1000) if trace]  # noqa: S311
    assert minimum <= len(traces) <= maximum
    assert all(trace.trace_flags.sampled for trace in traces)
    assert len({trace.trace_id for trace in traces}) == len(traces)


def test_run_sends_headers_with_its_jobs(tmp_path: Path) -> None:
    publisher = FakePublisher()
    tracing = Tracing(0.5, NoOpTracer(), source=random.Random(3))  # noqa: S311
    with Roster() as roster, Journal.open(tmp_path, TOPIC, "g") as journal:
        publishing = PublishRun(publisher, journal, roster, FakeProgress(), FakeTime().clock, "g", tracing)
        assert publishing.run(FakeSource(samples(100)), "msgpack", None).sent == 100
    traced = [headers for headers in publisher.headers if headers]
    assert 30 < len(traced) < 70
    assert {tuple(headers) for headers in traced} == {(TRACEPARENT_HEADER,)}
    assert None in publisher.headers


def test_ids_are_never_all_zeros() -> None:
    class Zeros(random.Random):
        def random(self) -> float:
            return 0.0

        def getrandbits(self, _bits: int) -> int:
            return 0

    assert begun(Tracing(1.0, NoOpTracer(), source=Zeros()), 1) != [None]


def test_span_lasts_until_the_job_is_acknowledged() -> None:
    tracer, ended = keep_spans()
    acknowledged: list[int] = []
    tracing = Tracing(1.0, tracer, "kafka", "jobs")
    before_ns = time.time_ns()
    acknowledge, headers = tracing.begin(JOB, lambda: acknowledged.append(len(ended())))
    begun_ns = time.time_ns()
    assert ended() == ()
    acknowledge()
    [span] = ended()
    assert acknowledged == [0]  # first of all
    assert (span.name, span.kind, span.parent) == ("send jobs", SpanKind.PRODUCER, None)
    assert span.start_time is not None
    assert span.end_time is not None
    assert before_ns <= span.start_time <= begun_ns <= span.end_time <= time.time_ns()
    sent = trace_of(headers or {})
    assert sent is not None
    assert span.context is not None
    assert (span.context.trace_id, span.context.span_id) == (sent.trace_id, sent.span_id)
    assert sent.trace_flags.sampled
    assert span.attributes == {
        "messaging.system": "kafka",
        "messaging.operation.type": "send",
        "messaging.operation.name": "send",
        "messaging.destination.name": "jobs",
        "mmdigit.job_id": JOB.job_id,
        "mmdigit.group": JOB.group or "",
    }
    assert tracing.n_spans == 1


@pytest.mark.parametrize(("status", "expected"), [(200, []), (401, ["2 of 2 spans did not reach the collector\n"])])
def test_lost_spans_are_reported(status: int, expected: list[str]) -> None:
    said: list[str] = []
    with collecting() as collector:
        collector.status = status
        fields = {"from": "f", "to": "sqlite:///q.db", "trace_ratio": 1, "otlp_endpoint": collector.url}
        with open_tracing(ProducerSettings.model_validate(fields), said.append) as tracing:
            for _ in range(2):
                tracing.begin(JOB, lambda: None)[0]()
    assert said == expected


def test_headers_are_sent_without_a_collector() -> None:
    settings = ProducerSettings.model_validate({"from": "f", "to": "sqlite:///q.db", "trace_ratio": 1})
    with open_tracing(settings, pytest.fail) as tracing:
        assert None not in begun(tracing, 3)
