"""Spans on their way to a collector: the real exporter, a collector in this process, or none that answers."""

import logging
import random
import subprocess
import sys
import time
from collections import Counter

import pytest

from lab.kit.polling import until
from lab.kit.services import free_port
from mmdigit.telemetry.otlp import MAX_QUEUED, MAX_REQUEST_SPANS
from mmdigit.telemetry.spans import Span, SpanOutcome, Spans, open_spans
from schemas.errors import SettingsError
from schemas.trace import TraceContext
from tests.collector import attributes, collecting
from tests.schemas.samples import TRACE


def span(name: str = "s", error: str = "") -> Span:
    source = random.Random(name)  # noqa: S311
    link = TraceContext.begin(source)
    return Span(
        name, TRACE.child(source), TRACE, "consumer", 1_700_000_000.25, 1_700_000_000.5, {"a": 1, "b": "é"}, link, error
    )


class Counts(Counter[SpanOutcome]):
    def __call__(self, outcome: SpanOutcome, spans: int) -> None:
        self[outcome] += spans


def opened(url: str) -> tuple[Spans, Counts]:
    counts = Counts()
    return open_spans(url, "mmdigit-test", counts), counts


def test_a_span_arrives_as_it_was_handed_over() -> None:
    first = Span("batch", TraceContext("1" * 32, "2" * 16, 1), None, "internal", 1.0, 2.0, {})
    sent = span("process jobs", "invalid_image")
    with collecting() as collector:
        spans, counts = opened(collector.url + "/")
        spans.add([first, sent])
        spans.close()
        spans.close()
        spans.add([first])
    assert collector.paths == ["/v1/traces"]
    assert counts == {"exported": 2, "dropped": 1}
    [root], [came] = collector.named("batch"), collector.named("process jobs")
    assert (root.trace_id.hex(), root.span_id.hex()) == (first.context.trace_id, first.context.span_id)
    assert root.parent_span_id == b""
    assert (came.trace_id.hex(), came.span_id.hex()) == (TRACE.trace_id, sent.context.span_id)
    assert came.parent_span_id.hex() == TRACE.span_id
    assert (came.start_time_unix_nano, came.end_time_unix_nano) == (
        1_700_000_000_250_000_000,
        1_700_000_000_500_000_000,
    )
    assert attributes(came) == {"a": 1, "b": "é", "error.type": "invalid_image"}
    assert (came.kind, came.status.code, root.status.code) == (
        came.SPAN_KIND_CONSUMER,
        came.status.STATUS_CODE_ERROR,
        0,
    )
    [link] = came.links
    assert sent.link is not None
    assert (link.trace_id.hex(), link.span_id.hex()) == (sent.link.trace_id, sent.link.span_id)
    assert {service for service, _ in collector.spans} == {"mmdigit-test"}


def test_what_a_slow_collector_has_no_room_for_is_dropped_at_once_and_counted() -> None:
    seven = [span(str(number)) for number in range(7)]
    with collecting() as collector:
        collector.go.clear()
        spans, counts = opened(collector.url)
        for _ in range(MAX_QUEUED // 7):
            spans.add(seven)
        until(lambda: collector.paths, 10, "a request")
        assert counts == {}
        spans.add(seven)
        assert counts == {"dropped": 7}  # those that are on their way take room, too
        collector.go.set()
        until(lambda: counts["exported"] >= MAX_REQUEST_SPANS, 10, "an answer")
        spans.add(seven)
        spans.close()
    assert counts == {"dropped": 7, "exported": MAX_QUEUED // 7 * 7 + 7}
    assert len(collector.spans) == counts["exported"]


@pytest.fixture
def short_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mmdigit.telemetry.otlp.CLOSE_WITHIN_S", 0.3)


@pytest.mark.usefixtures("short_end")
def test_a_collector_that_is_not_there_is_one_line_and_no_delay(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    spans, counts = opened(f"http://user:s3cret@127.0.0.1:{free_port()}")
    for _ in range(3 * MAX_REQUEST_SPANS):
        spans.add([span()])
    began_s = time.monotonic()
    spans.close()
    assert time.monotonic() - began_s < 2
    until(lambda: counts.total() == 3 * MAX_REQUEST_SPANS, 4, "no further try of any request")
    assert counts == {"failed": 3 * MAX_REQUEST_SPANS}
    lines = [record for record in caplog.records if "collector takes no spans" in record.getMessage()]
    assert len(lines) == 1
    assert "refused" in vars(lines[0])["error"]
    assert "s3cret" not in str([vars(record) for record in caplog.records])
    assert not [record for record in caplog.records if record.name.startswith("opentelemetry")]


def test_a_collector_that_refuses_is_named_with_its_answer(caplog: pytest.LogCaptureFixture) -> None:
    with collecting() as collector:
        collector.status = 401
        spans, counts = opened(collector.url)
        spans.add([span()])
        spans.close()
    assert counts == {"failed": 1}
    [line] = caplog.records
    assert "401" in vars(line)["error"]


@pytest.mark.usefixtures("short_end")
def test_a_collector_that_never_answers_holds_nobody_up() -> None:
    with collecting() as collector:
        collector.go.clear()
        spans, _ = opened(collector.url)
        spans.add([span()])
        began_s = time.monotonic()
        spans.close()
        assert time.monotonic() - began_s < 2


@pytest.mark.parametrize(
    "url", ["", "collector:4318", "grpc://collector:4317", "http://", "http://h:x", "http://h:99999", "http://h/?a=b"]
)
def test_a_wrong_address_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="expected the URL of a collector as otlp_endpoint"):
        opened(url)


def test_without_the_packages_it_is_said_which_extra_has_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "mmdigit.telemetry.otlp")
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(SettingsError, match=r"opentelemetry-sdk .*pip install 'mmdigit\[otel\]'"):
        opened("http://localhost:4318")


def test_whoever_names_no_collector_imports_nothing_for_it() -> None:
    script = "import sys, worker.__main__, producer.__main__; print([n for n in sys.modules if 'opentel' in n])"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
