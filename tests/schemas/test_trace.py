"""The traceparent header: which values are accepted and which are ignored. It is untrusted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.trace import SpanContext, format_span_id

from schemas.trace import MAX_HEADER_BYTES, TRACEPARENT_HEADER, trace_headers, trace_of, traceparent_of
from tests.schemas.samples import TRACE, TRACE_ID, TRACEPARENT, traces

GOOD, SPAN_ID = TRACEPARENT, format_span_id(TRACE.span_id)

digits = st.text("0123456789abcdef")


def read(value: bytes | str) -> SpanContext | None:
    return trace_of({TRACEPARENT_HEADER: value.encode() if isinstance(value, str) else value})


@pytest.mark.parametrize(
    ("value", "flags"),
    [
        (GOOD, 1),
        (GOOD[:-2] + "00", 0),
        (GOOD[:-2] + "03", 3),
        (GOOD[:-2] + "ff", 3),  # bits that have no meaning yet are not passed on
        (f"cc{GOOD[2:]}", 1),
        (f"cc{GOOD[2:]}-what the-future will be like.09", 1),
        (f"01{GOOD[2:]}-", 1),
    ],
)
def test_valid_header_is_read_and_written_as_version_00(value: str, flags: int) -> None:
    trace = read(value)
    assert trace is not None
    assert (trace.trace_id, trace.span_id) == (TRACE.trace_id, TRACE.span_id)
    assert trace.trace_flags.sampled == bool(flags & 1)
    assert traceparent_of(trace) == f"{GOOD[:-2]}{flags:02x}"


@pytest.mark.parametrize(
    "value",
    [
        "",
        GOOD.upper(),
        f"ff{GOOD[2:]}",
        f"0{GOOD[2:]}",
        f"{GOOD}-",
        f"{GOOD}-00",
        f"{GOOD}\n",
        f" {GOOD}",
        f"{GOOD}\t",
        f"cc{GOOD[2:]}-{' ' * MAX_HEADER_BYTES}x",
        f"cc{GOOD[2:]}.00",
        GOOD.replace(TRACE_ID, "0" * 32),
        GOOD.replace(SPAN_ID, "0" * 16),
        GOOD.replace(TRACE_ID, TRACE_ID[1:]),
        GOOD.replace("-", "_"),
        GOOD.replace("0af7", "0xf7"),
        GOOD.replace("0af7", "٣af7"),
        f"{GOOD},{GOOD}",
        b"\xff" * 55,
        GOOD.encode("utf-16"),
    ],
)
def test_invalid_header_is_ignored(value: str | bytes, caplog: pytest.LogCaptureFixture) -> None:
    assert read(value) is None
    assert caplog.records == []  # who may write to the topic could fill the log


def test_missing_header_gives_no_trace() -> None:
    assert trace_of({}) is None
    assert trace_of({"Traceparent": GOOD.encode()}) is None  # names in Kafka have a case
    assert trace_headers(None) == {}


@given(traces)
def test_trace_round_trip(trace: SpanContext) -> None:
    assert trace_of(trace_headers(traceparent_of(trace))) == trace


@given(
    st.binary(max_size=5000)
    | st.tuples(*[digits | st.text(max_size=3)] * 4).map("-".join)
    | st.text(max_size=80).map(lambda tail: GOOD + tail)
    | st.tuples(st.integers(0, 54), st.characters()).map(lambda at: GOOD[: at[0]] + at[1] + GOOD[at[0] + 1 :])
)
def test_any_header_is_ignored_or_safe_to_write(value: str | bytes) -> None:
    raw = value.encode("utf-8", "replace") if isinstance(value, str) else value
    trace = read(raw)
    if trace is not None:
        written = traceparent_of(trace)
        again = read(written)
        assert again is not None
        assert traceparent_of(again) == written
        assert (len(written), written.isascii()) == (55, True)
        assert written.encode()[3:52] == raw[3:52]
