"""The models whose encodings golden/ holds, and strategies for any others."""

from datetime import UTC, datetime, timedelta, timezone
from typing import get_args

from hypothesis import strategies as st
from opentelemetry.trace import SpanContext, TraceFlags, format_trace_id

from schemas.dead_letter import DeadLetter
from schemas.job import Job
from schemas.page import Page
from schemas.prediction import Decision, HeadAnswer, Prediction, Reason, Source, Timings
from schemas.trace import traceparent_of

CREATED_AT = datetime(2026, 1, 31, 12, 0, 0, 250_000, tzinfo=UTC)

JOB = Job(
    job_id="form-17.field-3:0",
    group="form-17",
    image=bytes(range(256)),
    audio=b"\xfb\xff\xbe>?",
    expected=0,
    created_at=CREATED_AT,
)
LEAST_JOB = Job(job_id="a", audio=b"\xfb\xff\xbe>?", created_at=CREATED_AT)
PAGE = Page(
    file_name='scans/März, "2".pdf',
    file_sha256="0f" * 32,
    number=17,
    content=bytes(range(256)),
    scanner="Example ScanSnap",
    created_at=CREATED_AT,
)
SPOKEN_PAGE = PAGE.model_copy(update={"recordings": {"member": b"\xfb\xff\xbe>?", "items.2.amount": b"", "*": b"RIFF"}})
DEAD_LETTER = DeadLetter(
    original=b'{"version": 9}\xff',
    key=b"form-17.field-3:0",
    source=Source(topic="mmdigit.jobs", partition=3, offset=2**40),
    reason="unknown_version",
    error='expected a Job of version 1; "quoted", é',
    job_id="form-17.field-3:0",
    group="form-17",
    first_seen=CREATED_AT,
    last_seen=CREATED_AT + timedelta(seconds=1),
    attempts=2,
)
REPLAYED_DEAD_LETTER = DEAD_LETTER.model_copy(update={"times_dead": 2})
TRACE = SpanContext(0x0AF7651916CD43DD8448EB211C80319C, 0xB7AD6B7169203331, is_remote=True, trace_flags=TraceFlags(1))
TRACEPARENT, TRACE_ID = traceparent_of(TRACE), format_trace_id(TRACE.trace_id)
TRACED_DEAD_LETTER = DEAD_LETTER.model_copy(update={"traceparent": TRACEPARENT})
PREDICTION = Prediction(
    label=7,
    confidence=0.5,
    probabilities=(0.0, 0.125, 0.0, 0.0, 0.0, 0.0, 0.25, 0.5, 0.125, 0.0),
    image=HeadAnswer(label=1, confidence=0.75),
    audio=HeadAnswer(label=7, confidence=1.0),
    fused=HeadAnswer(label=7, confidence=0.5),
    novelty=0.0625,
    decision="review",
    reasons=("low_confidence", "conflict"),
    model_version="2026-01-31",
    job_id="form-17.field-3:0",
    group="form-17",
    expected=7,
    source=Source(topic="mmdigit.jobs", partition=0, offset=0),
    timings=Timings(
        created_at=CREATED_AT,
        predicted_at=CREATED_AT + timedelta(seconds=0.5),
        wait_s=0.25,
        predict_s=0.125,
        batch_size=32,
    ),
)
NEW_PREDICTION = PREDICTION.model_copy(update={"worker_version": "0.6.0"})
TRACED_PREDICTION = NEW_PREDICTION.model_copy(update={"trace_id": TRACE_ID})
PAIRED_PREDICTION = NEW_PREDICTION.model_copy(
    update={
        "image": HeadAnswer(
            label=1, confidence=0.75, probabilities=(0.0, 0.75, 0.0, 0.0, 0.0, 0.0, 0.0, 0.25, 0.0, 0.0)
        ),
        "audio": HeadAnswer(label=7, confidence=1.0, probabilities=(0.0,) * 7 + (1.0, 0.0, 0.0)),
    }
)

identifiers = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}", fullmatch=True)
offsets = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes(datetime(1971, 1, 2), datetime(9998, 12, 30), timezones=offsets | st.just(UTC))
contents = st.binary(max_size=64)
traces = st.builds(
    SpanContext,
    st.integers(1, 2**128 - 1),
    st.integers(1, 2**64 - 1),
    st.just(True),
    st.integers(0, 3).map(TraceFlags),
)
jobs = st.builds(
    Job,
    job_id=identifiers,
    group=st.none() | identifiers,
    image=contents,
    audio=st.none() | contents,
    expected=st.none() | st.integers(0, 9),
    created_at=moments,
) | st.builds(Job, job_id=identifiers, audio=contents, created_at=moments)
recording_names = st.from_regex(r"\*|[A-Za-z][A-Za-z0-9_]{0,39}(\.[1-9][0-9]?\.[a-z]{1,9})?", fullmatch=True)
pages = st.builds(
    Page,
    file_name=st.text(min_size=1, max_size=255),
    file_sha256=st.from_regex(r"[0-9a-f]{64}", fullmatch=True),
    number=st.integers(1, 1_000_000),
    content=st.binary(min_size=1, max_size=64),
    scanner=st.text(max_size=200),
    recordings=st.none() | st.dictionaries(recording_names, contents, max_size=9),
    created_at=moments,
)
sources = st.builds(
    Source, topic=st.text(max_size=249), partition=st.integers(0, 2**31), offset=st.integers(0, 2**63 - 1)
)
dead_letters = st.builds(
    DeadLetter,
    original=st.binary(max_size=200),
    key=st.none() | contents,
    source=sources,
    reason=st.from_regex(r"[a-z_]{1,40}", fullmatch=True),
    error=st.text(max_size=1000),
    job_id=st.none() | identifiers,
    group=st.none() | identifiers,
    first_seen=moments,
    last_seen=moments,
    attempts=st.integers(1, 2**31),
    times_dead=st.integers(1, 1000),
    traceparent=st.none() | traces.map(traceparent_of),
)
probabilities = (
    st.floats(0, 1)
    | st.sampled_from([0.0, 1.0, 0.5, 2.0**-11, 1 - 2.0**-11, 1 - 2.0**-53])
    | st.floats(0, 45).map(lambda exponent: 10**-exponent)
    | st.floats(0, 15).map(lambda exponent: 1 - 10**-exponent)
)
ten_probabilities = st.tuples(*[probabilities] * 10)
heads = st.builds(HeadAnswer, label=st.integers(0, 9), confidence=probabilities)
full_heads = st.builds(HeadAnswer, label=st.integers(0, 9), confidence=probabilities, probabilities=ten_probabilities)
short_texts = st.text(min_size=1, max_size=64) | st.sampled_from(["0.7.0", "mmdigit-2-f7b82bf2", "mmdigit", "\x01"])
counts = st.integers(1, 2**63 - 1)
near_moments = st.datetimes(datetime(1971, 1, 2), datetime(2200, 1, 1), timezones=offsets | st.just(UTC))
durations = st.floats(0, 1e6) | st.floats(0, allow_nan=False, allow_infinity=False)
timings = st.builds(
    Timings,
    created_at=near_moments,
    predicted_at=near_moments,
    wait_s=st.floats(0, 1e6),
    predict_s=st.floats(0, 1e6),
    batch_size=counts,
)
odd_timings = st.builds(
    Timings, created_at=moments, predicted_at=moments, wait_s=durations, predict_s=durations, batch_size=counts
)
some_predictions = st.builds(
    Prediction,
    label=st.integers(0, 9),
    confidence=probabilities,
    probabilities=ten_probabilities,
    image=st.none() | heads,
    audio=st.none() | heads,
    fused=st.none() | heads,
    novelty=probabilities,
    decision=st.sampled_from(get_args(Decision)),
    reasons=st.lists(st.sampled_from(get_args(Reason)), max_size=4).map(tuple),
    model_version=short_texts,
    job_id=identifiers | st.from_regex(r"[0-9a-fA-F]{32}", fullmatch=True),
    group=st.none() | identifiers,
    expected=st.none() | st.integers(0, 9),
    source=sources,
    timings=timings | odd_timings,
    worker_version=st.none() | short_texts,
    trace_id=st.none() | traces.map(lambda trace: format_trace_id(trace.trace_id)),
)
paired_predictions = st.builds(
    lambda prediction, image, audio: prediction.model_copy(update={"image": image, "audio": audio}),
    some_predictions,
    full_heads,
    full_heads | heads,
)
predictions = some_predictions | paired_predictions
