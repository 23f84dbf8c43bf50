"""The traceparent: what W3C Trace Context takes and what it has ignored; it comes from anybody."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.trace import TRACEPARENT_HEADER, TraceContext, trace_headers, trace_of
from tests.schemas.samples import TRACE, traces

TRACE_ID, SPAN_ID, GOOD = TRACE.trace_id, TRACE.span_id, TRACE.traceparent

digits = st.text("0123456789abcdef")


def read(value: bytes | str) -> TraceContext | None:
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
def test_what_is_valid_is_read_and_goes_on_as_version_00(value: str, flags: int) -> None:
    trace = read(value)
    assert trace == TraceContext(TRACE_ID, SPAN_ID, flags)
    assert trace is not None
    assert trace.sampled == bool(flags & 1)
    assert trace.traceparent == f"{GOOD[:-2]}{flags:02x}"


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
def test_what_is_not_valid_is_ignored(value: str | bytes) -> None:
    assert read(value) is None


def test_no_header_is_no_trace() -> None:
    assert trace_of({}) is None
    assert trace_of({"Traceparent": GOOD.encode()}) is None  # names in Kafka have a case
    assert trace_headers(None) == {}


@given(traces)
def test_a_trace_goes_round(trace: TraceContext) -> None:
    assert trace_of(trace_headers(trace.traceparent)) == trace


@given(
    st.binary(max_size=5000)
    | st.tuples(*[digits | st.text(max_size=3)] * 4).map("-".join)
    | st.text(max_size=80).map(lambda tail: GOOD + tail)
    | st.tuples(st.integers(0, 54), st.characters()).map(lambda at: GOOD[: at[0]] + at[1] + GOOD[at[0] + 1 :])
)
def test_whatever_the_header_holds_it_is_ignored_or_safe_to_write(value: str | bytes) -> None:
    raw = value.encode("utf-8", "replace") if isinstance(value, str) else value
    trace = read(raw)
    if trace is not None:
        assert read(trace.traceparent) == trace
        assert (len(trace.traceparent), trace.traceparent.isascii()) == (55, True)
        assert trace.traceparent.encode()[3:52] == raw[3:52]


def test_a_new_trace_is_sampled_and_its_spans_share_its_id() -> None:
    source = random.Random(1)  # noqa: S311
    first, other = TraceContext.begin(source), TraceContext.begin(source)
    child = first.child(source)
    assert first.sampled
    assert len({first.trace_id, other.trace_id}) == 2
    assert (child.trace_id, child.flags) == (first.trace_id, first.flags)
    assert child.span_id != first.span_id
    assert read(child.traceparent) == child


def test_an_id_is_never_all_zeros() -> None:
    class Zeros(random.Random):
        def getrandbits(self, _bits: int) -> int:
            return 0

    trace = TraceContext.begin(Zeros())
    assert read(trace.traceparent) == trace
