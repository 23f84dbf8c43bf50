"""Boundaries of a recording: at the ends of what is loud and where digits are heard, whatever the samples are."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mmdigit.numbers.boundaries import CLOSEST, FRAME, find_boundaries
from tests.mmdigit.clips import tone


def test_loud_stretches_begin_and_end_at_boundaries() -> None:
    silence = np.zeros(4000)
    waveform = np.concatenate([silence, tone(0.3), silence, tone(0.4), silence]).astype(np.float32)
    noise = np.random.default_rng(0).normal(0, 1e-4, waveform.size).astype(np.float32)
    found = find_boundaries(waveform + noise, np.zeros(0, np.int64))
    for edge_s in (0.5, 0.8, 1.3, 1.7):
        assert np.abs(found.times_s - edge_s).min() < 0.06
    assert not ((found.times_s > 0.9) & (found.times_s < 1.2)).any()
    assert found.total_speech > 40


@settings(deadline=None)
@given(st.integers(0, 1000), st.integers(FRAME, 40 * FRAME), st.sampled_from([0.0, 1e-5, 0.1, 1.0]))
def test_boundaries_rise_and_lie_inside(seed: int, size: int, level: float) -> None:
    random = np.random.default_rng(seed)
    waveform = (random.uniform(-1, 1, size) * level * random.integers(0, 2, size)).astype(np.float32)
    heard = random.integers(-40, size // FRAME + 40, random.integers(0, 9))
    found = find_boundaries(waveform, heard)
    assert (np.diff(found.frames) > 0).all()
    assert (np.diff(found.frames[found.quiet]) >= CLOSEST).all()
    assert set(found.frames[found.heard].tolist()) == set(heard.clip(0, size // FRAME).tolist())
    assert (found.quiet | found.heard).all()
    assert {field.size for field in (found.quiet, found.heard, found.loudness, found.speech)} == {found.frames.size}
    assert ((found.frames >= 0) & (found.frames <= size // FRAME)).all()
    assert (np.diff(found.speech) >= 0).all()
    assert (found.speech <= found.total_speech + 1e-9).all()
    assert ((found.loudness >= 0) & (found.loudness <= 1)).all()
