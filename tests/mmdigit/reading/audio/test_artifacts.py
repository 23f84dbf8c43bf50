"""Recording artifacts neither move the word nor change its level; clean clips are not changed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mmdigit.reading.audio.artifacts import find_bursts, high_pass
from mmdigit.reading.audio.normalize import N_SAMPLES, SPEECH_RMS, speech_window, speech_windows
from tests.mmdigit.clips import tone

TIME_S = np.arange(2 * 8000) / 8000
START = 8000  # of the word, 1 s after the recording begins


def recording(seed: int = 0, level: float = 0.03) -> NDArray[np.float64]:
    """A word of half a second after a second of faint noise."""
    samples = np.random.default_rng(seed).normal(0, 1e-4, TIME_S.size)
    samples[START : START + 4000] += tone(level=level, pitch_hz=300)
    return np.asarray(samples)


def padded(at: int, samples: NDArray[np.float64]) -> NDArray[np.float64]:
    whole = np.zeros(TIME_S.size)
    whole[at : at + samples.size] = samples
    return whole


def decay(duration_s: float) -> NDArray[np.float64]:
    size = round(duration_s * 8000)
    return np.asarray(np.exp(-6 * np.arange(size) / size))


NOISE = np.random.default_rng(1).normal(0, 0.4, 640)
FAULTS = {
    "a level that drifts": 0.5 * np.exp(-TIME_S / 0.1),
    "a level that drifts slowly": -0.5 * np.exp(-TIME_S / 0.5),
    "a click": padded(80, np.full(24, 0.9)),
    "a click at the end": padded(15_900, np.full(24, -0.9)),
    "a click before the word": padded(START - 300, np.full(24, 0.9)),
    "a pop": padded(0, NOISE * decay(0.08)),
    "a low pop": padded(40, 0.8 * np.sin(2 * np.pi * 60 * TIME_S[:640]) * decay(0.08)),
    "a pop at the end": padded(15_300, NOISE * decay(0.08)),
    "a pop that ends at once": padded(40, np.random.default_rng(2).normal(0, 0.3, 640)),
    "a thump": padded(40, np.random.default_rng(3).normal(0, 0.4, 1600) * decay(0.2)),
    "ten clicks": sum(padded(at, np.full(8, 0.8)) for at in range(300, 16_000, 1600) if not START < at < START + 4000),
    "hum of 50 Hz": 0.03 * np.sin(2 * np.pi * 50 * TIME_S),
    "hum of 60 Hz": 0.03 * np.sin(2 * np.pi * 60 * TIME_S),
    "a pop and a drift": padded(0, NOISE * decay(0.08)) + 0.4 * np.exp(-TIME_S / 0.2),
    "three clicks": padded(80, np.full(24, 0.9)) + padded(4000, np.full(8, 0.5)) + padded(15_000, np.full(8, 0.7)),
}


def windowed(samples: NDArray[np.float64]) -> NDArray[np.float32]:
    samples = samples.clip(-1, 1)
    return speech_window(np.asarray(samples - samples.mean(), np.float32))


@pytest.mark.parametrize("fault", FAULTS)
def test_artifacts_do_not_move_or_scale_the_word(fault: str) -> None:
    clip, clean = windowed(recording() + FAULTS[fault]), windowed(recording())
    energy = np.square(clip)
    assert abs(float(np.arange(N_SAMPLES) @ energy / energy.sum()) - N_SAMPLES / 2) < 160  # 20 ms
    assert abs(float(np.sqrt(energy[2400:5600].mean())) - SPEECH_RMS) < 0.02
    spectrum, expected = np.abs(np.fft.rfft(clip)), np.abs(np.fft.rfft(clean))
    assert spectrum.argmax() == expected.argmax()
    assert np.square(spectrum[expected < 0.01 * expected.max()]).sum() < 0.1 * np.square(expected).sum()


@settings(deadline=None, derandomize=True)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.3, 0.03]), st.floats(0, 3e-3))
def test_speech_window_only_scales_and_shifts_clean_speech(seed: int, level: float, noise: float) -> None:
    samples = recording(seed, level) + np.random.default_rng(seed).normal(0, noise, TIME_S.size)
    waveform = np.asarray(samples, np.float32)
    clip = speech_window(waveform)
    best = np.correlate(waveform, clip[1000:7000], "valid")
    start = int(best.argmax())
    original = waveform[start : start + 6000]
    gain = float(clip[1000:7000] @ original) / float(original @ original)
    np.testing.assert_allclose(clip[1000:7000], gain * original, atol=1e-5)


def test_artifacts_are_removed_in_batches_as_alone() -> None:
    recordings = [recording(seed) + fault for seed, fault in enumerate(FAULTS.values())]
    recordings += [samples[: 9000 + 500 * number] for number, samples in enumerate(recordings)] + [recording()]
    waveforms = [np.asarray(samples, np.float32) for samples in recordings]
    for batched, waveform in zip(speech_windows(waveforms), waveforms, strict=True):
        np.testing.assert_array_equal(batched, speech_window(waveform))


def test_speech_window_does_not_modify_its_argument() -> None:
    waveform = np.asarray(recording() + FAULTS["a click"], np.float32)
    before = waveform.copy()
    speech_window(waveform)
    np.testing.assert_array_equal(waveform, before)


def test_high_pass_removes_hum_and_keeps_voices() -> None:
    def gain(pitch_hz: float) -> float:
        samples = np.sin(2 * np.pi * pitch_hz * TIME_S).astype(np.float32)
        return float(np.sqrt(2 * np.mean(high_pass(samples)[2000:-2000] ** 2)))

    assert gain(50) < 0.01
    assert gain(60) < 0.03
    assert gain(100) > 0.97
    assert gain(300) > 0.999
    assert np.abs(high_pass(np.full(8000, 0.5, np.float32))).max() < 1e-6
    for size in (1, 2, 400, 401, 801):
        assert high_pass(np.ones(size, np.float32)).shape == (size,)


def test_find_bursts_takes_a_lone_sound_as_the_word() -> None:
    energy = np.full(200, 1e-8)
    energy[50:55] = 0.1
    assert find_bursts(energy, 1e-8) == []
    energy[120:150] = 0.01
    assert find_bursts(energy, 1e-8) == [(50, 54)]
    energy[120:150] = 0.05  # as loud as the word: no harm
    assert find_bursts(energy, 1e-8) == []
    assert find_bursts(np.zeros(200), 0.0) == []


def test_find_bursts_ignores_a_vowel_between_fricatives() -> None:
    """A clearly recorded 'six': its vowel is short and far louder than the fricatives on both sides."""
    energy = np.full(200, 1e-9)
    energy[60:75], energy[76:86], energy[96:115] = 2e-4, 0.1, 2e-4
    assert find_bursts(energy, 1e-9) == []
