"""The second of a waveform that holds the speech, alone and in batches."""

import numpy as np

from mmdigit.reading.audio.speech_window import speech_window, speech_windows


def test_speech_window_of_silence_is_silence() -> None:
    assert not speech_window(np.zeros(4000, np.float32)).any()


def test_speech_windows_equal_speech_window() -> None:
    random = np.random.default_rng(0)
    waveforms = [np.zeros(size, np.float32) for size in (0, 1, 79, 80, 81, 160, 4000, 8000, 80_000)]
    for size in random.integers(1, 30_000, 40).tolist():
        waveform = random.normal(0, 0.001, size).astype(np.float32)
        start = int(random.integers(0, size))
        waveform[start : start + 3000] += random.normal(0, 0.3, waveform[start : start + 3000].size).astype(np.float32)
        waveforms.append(waveform.clip(-1, 1))
    for together, waveform in zip(speech_windows(waveforms), waveforms, strict=True):
        np.testing.assert_array_equal(together, speech_window(waveform))
