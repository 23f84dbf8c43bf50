"""The constants of spoken numbers: those of the shipped model, and confidences that rise with what speaks for them."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmdigit.numbers.frame_evidence import shipped_listener
from mmdigit.numbers.spoken_calibration import FILE, Confidence, SpokenCalibration, shipped
from mmdigit.reading.predictor import Predictor

FLOATS = st.floats(-1e6, 1e6)
MARGINS = st.floats(0, 1e6)


def test_shipped_constants_are_read() -> None:
    assert shipped().model_dump(mode="json") == json.loads(FILE.read_text())
    assert len(shipped().scoring.usual_s) == 10


def test_shipped_constants_are_those_of_the_shipped_weights() -> None:
    assert shipped().model_version == Predictor.load().model_version
    assert shipped().listener_sha256 == shipped_listener().sha256


def test_wrong_constants_are_refused(tmp_path: Path) -> None:
    text = FILE.read_text()
    (tmp_path / "wrong.json").write_text(text.replace('"temperature": ', '"temperature": -'))
    with pytest.raises(ValueError, match="temperature"):
        SpokenCalibration.read(tmp_path / "wrong.json")


@given(MARGINS, FLOATS, FLOATS, MARGINS, MARGINS, MARGINS)
def test_confidence_rises_with_each_term(
    margin: float, fit: float, count_margin: float, more: float, fitter: float, surer: float
) -> None:
    for confidence in (shipped().known, shipped().unknown, Confidence(intercept=0, margin=1, fit=1, count_margin=1)):
        low = confidence.of(margin, fit, count_margin)
        assert 0 <= low <= confidence.of(margin + more, fit + fitter, count_margin + surer) <= 1
