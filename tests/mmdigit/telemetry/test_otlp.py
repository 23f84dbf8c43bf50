"""Spans on their way to a collector: the real exporter, a collector in this process, or none that answers."""

import logging
import subprocess
import sys
import time
from collections import Counter

import pytest
from opentelemetry.context import Context
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, SpanKind, StatusCode, Tracer, set_span_in_context

from lab.kit.polling import until
from lab.kit.services import free_port
from mmdigit.telemetry.otlp import MAX_QUEUED, MAX_REQUEST_SPANS, REQUEST_TIMEOUT_S
from mmdigit.telemetry.spans import open_tracer
from schemas.errors import SettingsError
from tests.collector import attributes, collecting
from tests.schemas.samples import TRACE

IN_TRACE = set_span_in_context(NonRecordingSpan(TRACE), Context())


def job(tracer: Tracer, spans: int = 6) -> None:
    """The spans of one job: its own, and those that follow it."""
    tracer.start_span("process", IN_TRACE, SpanKind.CONSUMER).end()
    for _ in range(spans - 1):
        tracer.start_span("stage", IN_TRACE).end()


class Counts(Counter[str]):
    def __call__(self, outcome: str, spans: int) -> None:
        self[outcome] += spans


def test_span_arrives_at_the_collector_unchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OTEL_TRACES_SAMPLER", "OTEL_EXPORTER_OTLP_ENDPOINT"):
        monkeypatch.setenv(name, "always_off")  # of no effect
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=t0ken")
    counts = Counts()
    with collecting() as collector:
        with open_tracer(collector.url + "/", "mmdigit-test", counts) as tracer:
            link = Link(SpanContext(1, 2, is_remote=False))
            sent = tracer.start_span(
                "process jobs", IN_TRACE, SpanKind.CONSUMER, {"a": 1, "b": "é"}, [link], 1_700_000_000_250_000_000
            )
            sent.set_status(StatusCode.ERROR)
            sent.end(1_700_000_000_500_000_000)
            tracer.start_span("batch", Context()).end()
        tracer.start_span("late", Context()).end()  # raises nothing
    assert collector.paths == ["/v1/traces"]
    assert collector.tokens == ["t0ken"]
    assert counts == {"exported": 2}
    [root], [received] = collector.named("batch"), collector.named("process jobs")
    assert (root.parent_span_id, root.kind, root.status.code) == (b"", root.SPAN_KIND_INTERNAL, 0)
    assert int(received.trace_id.hex(), 16) == TRACE.trace_id
    assert int(received.span_id.hex(), 16) == sent.get_span_context().span_id
    assert int(received.parent_span_id.hex(), 16) == TRACE.span_id
    assert (received.start_time_unix_nano, received.end_time_unix_nano) == (
        1_700_000_000_250_000_000,
        1_700_000_000_500_000_000,
    )
    assert attributes(received) == {"a": 1, "b": "é"}
    assert (received.kind, received.status.code) == (received.SPAN_KIND_CONSUMER, received.status.STATUS_CODE_ERROR)
    [link] = received.links
    assert (int(link.trace_id.hex(), 16), int(link.span_id.hex(), 16)) == (1, 2)
    assert {service for service, _ in collector.spans} == {"mmdigit-test"}


def test_spans_beyond_the_queue_are_dropped_and_counted() -> None:
    counts = Counts()
    jobs = MAX_QUEUED // 6
    with collecting() as collector:
        collector.go.clear()
        with open_tracer(collector.url, "mmdigit-test", counts) as tracer:
            for _ in range(jobs):
                job(tracer)
            until(lambda: collector.paths, "a request")
            assert counts == {}
            job(tracer)
            assert counts == {"dropped": 6}  # those that are on their way take room, too
            collector.go.set()
            until(lambda: counts["exported"] >= MAX_REQUEST_SPANS, "an answer")
            job(tracer)
    assert counts == {"dropped": 6, "exported": 6 * (jobs + 1)}
    assert Counter(span.name for _, span in collector.spans) == {"process": jobs + 1, "stage": 5 * (jobs + 1)}


@pytest.fixture
def short_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mmdigit.telemetry.otlp.CLOSE_WITHIN_S", 0.3)


def closing_s(url: str, counts: Counts, jobs: int) -> float:
    """How long it takes to leave a tracer that made so many jobs of one span."""
    with open_tracer(url, "mmdigit-test", counts) as tracer:
        for _ in range(jobs):
            job(tracer, 1)
        began_s = time.monotonic()
    return time.monotonic() - began_s


@pytest.mark.usefixtures("short_end")
def test_missing_collector_logs_one_line_and_delays_nothing(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    counts = Counts()
    assert closing_s(f"http://user:s3cret@127.0.0.1:{free_port()}", counts, 3 * MAX_REQUEST_SPANS) < REQUEST_TIMEOUT_S
    until(lambda: counts.total() == 3 * MAX_REQUEST_SPANS, "no further try of any request")
    assert counts == {"failed": 3 * MAX_REQUEST_SPANS}
    lines = [record for record in caplog.records if "collector accepts no spans" in record.getMessage()]
    assert len(lines) == 1
    assert "refused" in vars(lines[0])["error"]
    assert "s3cret" not in str([vars(record) for record in caplog.records])
    assert not [record for record in caplog.records if record.name.startswith("opentelemetry")]


def test_refusing_collector_is_logged_with_its_answer(caplog: pytest.LogCaptureFixture) -> None:
    counts = Counts()
    with collecting() as collector:
        collector.status = 401
        closing_s(collector.url, counts, 1)
    assert counts == {"failed": 1}
    [line] = caplog.records
    assert "401" in vars(line)["error"]


@pytest.mark.usefixtures("short_end")
def test_silent_collector_delays_nothing() -> None:
    with collecting() as collector:
        collector.go.clear()
        assert closing_s(collector.url, Counts(), 1) < REQUEST_TIMEOUT_S


@pytest.mark.parametrize(
    "url", ["", "collector:4318", "grpc://collector:4317", "http://", "http://h:x", "http://h:99999", "http://h/?a=b"]
)
def test_invalid_endpoint_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="expected the URL of a collector as otlp_endpoint"):
        open_tracer(url, "mmdigit-test", Counts())


def test_missing_packages_name_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "mmdigit.telemetry.otlp")
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(SettingsError, match=r"opentelemetry-sdk .*pip install 'mmdigit\[otel\]'"):
        open_tracer("http://localhost:4318", "mmdigit-test", Counts())


def test_no_endpoint_imports_neither_sdk_nor_exporter() -> None:
    script = "import sys, worker.__main__, producer.__main__; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    modules = ran.stdout.split()
    assert "opentelemetry.trace" in modules
    assert [
        name for name in modules if name.startswith(("opentelemetry.sdk", "opentelemetry.exporter", "requests"))
    ] == []
