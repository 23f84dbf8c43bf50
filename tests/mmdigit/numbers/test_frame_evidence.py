"""The listener's odds: of every length of recording; in a span, those of its best run of steps; damage is one line."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mmdigit.numbers.frame_evidence import (
    FIRST_S,
    LEAST,
    NUMBER_WORDS,
    REACH,
    STEP_S,
    FrameListener,
    heard_ends,
    shipped_listener,
    span_log_odds,
)
from mmdigit.numbers.lattice import Floats
from schemas.errors import WeightsError
from tests.mmdigit.clips import tone


@given(arrays(np.float64, (12, 10), elements=st.floats(-9, 9)), st.sets(st.integers(0, 50), min_size=2, max_size=8))
def test_span_has_the_odds_of_its_best_run(log_odds: Floats, tens: set[int]) -> None:
    times_s = np.array(sorted(tens)) / 100
    first, last = np.triu_indices(times_s.size, 1)
    found = span_log_odds(log_odds, first, last, times_s)
    middles_s = FIRST_S + STEP_S * np.arange(len(log_odds))
    for row, (start, end) in enumerate(zip(times_s[first], times_s[last], strict=True)):
        inside = log_odds[(middles_s >= start - 1e-9) & (middles_s < end - 1e-9)]
        runs = [inside[i:j].sum(axis=0) for i in range(len(inside)) for j in range(i + 1, len(inside) + 1)]
        assert found[row] == pytest.approx(np.maximum(LEAST, np.max(runs, axis=0, initial=LEAST)))


def test_no_spans_have_no_odds() -> None:
    none = np.zeros(0, np.int64)
    assert span_log_odds(np.zeros((3, 10)), none, none, np.zeros(0)).shape == (0, 10)


def test_digits_end_halfway_between_peaks_and_near_them() -> None:
    log_odds = np.full((60, 13), -9.0)
    log_odds[10, 3], log_odds[14, 3], log_odds[15, 8], log_odds[44, 12] = 5.0, -3.9, -3.9, 2.0
    log_odds[30, 7] = -4.1  # no digit
    assert heard_ends(log_odds).tolist() == [42 - REACH, 52, 62 + REACH, 178 - REACH, 178 + REACH]
    assert heard_ends(np.full((60, 13), -9.0)).size == heard_ends(np.zeros((0, 13))).size == 0


@pytest.mark.parametrize("samples", [1, 800, 8000, 8001, 80_000])
def test_listener_hears_every_length(samples: int) -> None:
    log_odds = shipped_listener().log_odds(np.resize(tone(0.3), samples).astype(np.float32))
    assert np.isfinite(log_odds).all()
    assert log_odds.shape[1] == 10 + len(NUMBER_WORDS)
    assert abs(len(log_odds) * STEP_S - samples / 8000) <= 2 * STEP_S


def test_older_listener_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "spoken.onnx"
    value = onnx.helper.make_tensor_value_info
    node = onnx.helper.make_node("Identity", ["waveform"], ["log_odds"])
    ends = (value(name, onnx.TensorProto.FLOAT, ["steps", 10]) for name in ("waveform", "log_odds"))
    graph = onnx.helper.make_graph([node], "older", [next(ends)], [next(ends)])
    opsets = [onnx.helper.make_opsetid("", 17)]
    path.write_bytes(onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString())
    with pytest.raises(WeightsError, match=r"got an error \(expected odds of 10 digits and 3 words, got 10\)"):
        FrameListener.load(path)


@pytest.mark.parametrize("content", [None, b"", b"not a model"])
def test_damaged_listener_is_one_line(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "spoken.onnx"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(
        WeightsError, match=r"expected the listener at .*spoken.onnx, got an error .*; restore the file"
    ):
        FrameListener.load(path)
