"""The spans of a batch: which jobs have some, their attributes, and that their times are consistent."""

from collections.abc import Sequence
from dataclasses import replace

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanContext, SpanKind, StatusCode, TraceFlags

from mmdigit.transport.ports import Record
from schemas.prediction import Prediction
from schemas.trace import TRACEPARENT_HEADER, traceparent_of
from tests.collector import keep_spans
from tests.schemas.samples import TRACE, TRACE_ID, TRACEPARENT
from tests.worker.fakes import Bench, Clock, FakeConsumer, FakeModel, FakeStore, job_value, record
from worker.tracing import Tracing

EPOCH_S = 1_700_000_000.0
TAKES_S = {"decode": 0.5, "predict": 2.0, "store": 4.0}


class Kept:
    """The spans that a worker made."""

    def __init__(self, spans: Sequence[ReadableSpan]) -> None:
        self.spans = spans

    def named(self, name: str) -> ReadableSpan:
        [span] = [span for span in self.spans if span.name == name]
        return span


class SlowModel(FakeModel):
    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def predict(self, samples: Sequence[object]) -> list[object]:  # type: ignore[override]
        self._clock.now_s += TAKES_S["predict"]
        return list(super().predict(samples))  # type: ignore[arg-type]


class SlowStore(FakeStore):
    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def put(self, predictions: Sequence[Prediction]) -> None:
        self._clock.now_s += TAKES_S["store"]
        super().put(predictions)


def traced(record: Record, trace: str = TRACEPARENT, queued_s: float = 10.0) -> Record:
    headers = {TRACEPARENT_HEADER: trace.encode()}
    return replace(record, headers=headers, timestamp_s=EPOCH_S + 100.0 - queued_s)


def process_batch(*records: Record) -> tuple[Kept, Bench]:
    """The spans of one batch, on a clock that starts at 100 s, which is EPOCH_S + 100 s."""
    (tracer, ended), clock = keep_spans(), Clock()
    tracing = Tracing(tracer, "kafka", "g1", clock, lambda: EPOCH_S + clock())
    bench = Bench(FakeConsumer(records), store=SlowStore(clock), model=SlowModel(clock), clock=clock, tracing=tracing)
    bench.worker.run_once()
    return Kept(ended()), bench


def seconds(span: ReadableSpan) -> tuple[float, float]:
    return (span.start_time or 0) / 1e9 - EPOCH_S, (span.end_time or 0) / 1e9 - EPOCH_S


def ids_of(context: SpanContext | None) -> tuple[int, int]:
    """The trace and the id of a span."""
    return (context.trace_id, context.span_id) if context else (0, 0)


def attributes(span: ReadableSpan) -> dict[str, object]:
    return dict(span.attributes or {})


def test_job_has_one_span_per_stage_in_its_records_trace() -> None:
    spans, bench = process_batch(record(7, job_value("other")), traced(record(8, job_value("a"))))
    assert {span.name: seconds(span) for span in spans.spans} == {
        "batch": (100, 106),
        "process jobs": (100, 106),
        "queue": (90, 100),
        "decode": (100, 100),
        "wait": (100, 100),
        "predict": (100, 102),
        "store": (102, 106),
    }
    own, batch = spans.named("process jobs"), spans.named("batch")
    assert (own.kind, own.parent, own.status.status_code) == (SpanKind.CONSUMER, TRACE, StatusCode.UNSET)
    assert [ids_of(link.context) for link in own.links] == [ids_of(batch.context)]
    assert attributes(own) == {
        "messaging.system": "kafka",
        "messaging.consumer.group.name": "g1",
        "messaging.operation.type": "process",
        "messaging.operation.name": "process",
        "messaging.destination.name": "jobs",
        "messaging.destination.partition.id": "0",
        "messaging.kafka.offset": 8,
        "messaging.message.body.size": len(job_value("a")),
        "mmdigit.job_id": "a",
        "mmdigit.group": "g",
        "mmdigit.decision": "accept",
    }
    assert attributes(batch) == {
        "messaging.system": "kafka",
        "messaging.consumer.group.name": "g1",
        "messaging.batch.message_count": 2,
    }
    assert batch.parent is None
    assert spans.named("queue").parent == TRACE
    stages = [spans.named(name) for name in ("decode", "wait", "predict", "store")]
    assert {ids_of(span.parent) for span in stages} == {ids_of(own.context)}
    places = [ids_of(span.context) for span in spans.spans]
    assert {trace_id for trace_id, _ in places} == {TRACE.trace_id, ids_of(batch.context)[0]}
    assert len({span_id for _, span_id in places} | {TRACE.span_id}) == 8
    assert [p.trace_id for p in bench.store.predictions.values()] == [None, TRACE_ID]


def test_jobs_of_one_batch_keep_their_own_traces() -> None:
    others = [SpanContext(number, number, is_remote=True, trace_flags=TraceFlags(1)) for number in (1, 2)]
    spans, _ = process_batch(
        *(traced(record(n, job_value(str(n))), traceparent_of(trace)) for n, trace in enumerate(others))
    )
    assert [span.name for span in spans.spans].count("batch") == 1
    assert [ids_of(span.context)[0] for span in spans.spans if span.name == "store"] == [1, 2]


def test_dead_letter_span_has_the_reason_and_the_trace() -> None:
    spans, bench = process_batch(traced(record(0, b"rubbish")))
    own = spans.named("process jobs")
    assert (own.status.status_code, attributes(own)["error.type"]) == (StatusCode.ERROR, "invalid_record")
    assert "mmdigit.job_id" not in attributes(own)
    assert seconds(spans.named("dead_letter")) == (100, 100)  # without the store's time
    assert [span for span in spans.spans if span.name == "store"] == []
    assert [letter.traceparent for letter in bench.publisher.letters] == [TRACEPARENT]


def test_unsampled_or_invalid_trace_makes_no_span() -> None:
    spans, bench = process_batch(
        traced(record(0, job_value("a")), f"{TRACEPARENT[:-2]}00"),
        traced(record(1, job_value("b")), TRACEPARENT.upper()),
        traced(record(2, b"rubbish"), "00-rubbish"),
    )
    assert spans.spans == ()
    assert {job_id: p.trace_id for job_id, p in bench.store.predictions.items()} == {"a": TRACE_ID, "b": None}
    assert [letter.traceparent for letter in bench.publisher.letters] == [None]


def test_queue_span_is_never_negative() -> None:
    for queued_s, start_s in ((-60.0, 100.0), (2e9, -EPOCH_S)):
        spans, _ = process_batch(traced(record(0, job_value("a")), queued_s=queued_s))
        assert seconds(spans.named("queue")) == (start_s, 100)
