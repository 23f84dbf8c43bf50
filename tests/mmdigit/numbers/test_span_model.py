"""The network that says which spans are one digit, and the file that it comes from."""

import json
from pathlib import Path

import numpy as np
import pytest

from mmdigit.numbers.span_model import FITTED, N_FEATURES, features_of, load_fitted, single_digit_odds
from mmdigit.numbers.spans import SHAPES
from schemas.errors import WeightsError


def test_features_have_the_length_that_the_file_states() -> None:
    log_chances = np.log(np.full((3, 10), 0.1))
    shapes = np.ones((3, len(SHAPES)))
    features = features_of(log_chances, np.array([-100.0, 0.0, 100.0]), shapes)
    assert features.shape == (3, N_FEATURES)
    assert np.abs(features).max() <= 8
    assert np.isfinite(single_digit_odds(log_chances, np.zeros(3), shapes, load_fitted())).all()


def test_the_shipped_file_accepts_something() -> None:
    assert 0.9 < load_fitted().accept < 1


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"\xff", b'{"model_version": "x"}'])
def test_a_damaged_file_is_one_clear_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "written.json").write_bytes(content)
    with pytest.raises(WeightsError, match="restore the file"):
        load_fitted(tmp_path / "written.json")


def test_a_file_with_a_row_too_few_is_refused(tmp_path: Path) -> None:
    fitted = json.loads(FITTED.read_text())
    fitted["hidden"].pop()
    (tmp_path / "written.json").write_text(json.dumps(fitted))
    with pytest.raises(WeightsError, match="restore the file"):
        load_fitted(tmp_path / "written.json")
    with pytest.raises(WeightsError, match="restore the file"):
        load_fitted(tmp_path / "none.json")
