"""The pitch of a voice, by which figures of speakers are grouped: higher voices are rarer in training."""

import numpy as np
from numpy.typing import NDArray

from mmdigit.reading.audio.normalize import SAMPLE_RATE_HZ, Waveform

LOWEST_HZ, HIGHEST_HZ = 60, 400
FRAME, HOP = 320, 80  # samples: 40 ms every 10 ms
LOUD = 0.05  # of the loudest frame's power
PERIODIC = 0.6  # the least autocorrelation of a voiced frame
EARLIER = 0.9  # of the highest autocorrelation: an earlier peak that high is the period, and the highest a multiple


def pitch_hz(waveform: Waveform) -> float:
    """The median pitch of the voiced frames, range [60, 400]; NaN if fewer than three frames are voiced.

    waveform: (n_samples,), 8 kHz. Source: Boersma 1993, "Accurate short-term analysis of the fundamental frequency",
    the autocorrelation of a frame divided by that of its window.
    """
    if waveform.size < FRAME:
        return float("nan")
    frames = np.lib.stride_tricks.sliding_window_view(waveform.astype(np.float64), FRAME)[::HOP]
    frames = frames - frames.mean(axis=1, keepdims=True)
    power = (frames**2).mean(axis=1)
    window = np.hanning(FRAME)
    frames = frames[power > LOUD * power.max()] * window
    correlation = _autocorrelation(frames) / (_autocorrelation(window[None]) + 1e-3)
    shortest, longest = SAMPLE_RATE_HZ // HIGHEST_HZ, SAMPLE_RATE_HZ // LOWEST_HZ
    found = []
    for row in correlation[:, shortest : longest + 1]:
        lag = int(np.flatnonzero(row >= EARLIER * row.max())[0])
        while lag + 1 < row.size and row[lag + 1] > row[lag]:
            lag += 1
        if row.max() > PERIODIC:
            found.append(SAMPLE_RATE_HZ / (shortest + lag))
    return float(np.median(found)) if len(found) >= 3 else float("nan")


def _autocorrelation(frames: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of each frame, relative to lag 0, (N, FRAME)."""
    power = np.abs(np.fft.rfft(frames, 2 * FRAME)) ** 2
    correlation = np.fft.irfft(power)[:, :FRAME]
    return np.asarray(correlation / np.maximum(correlation[:, :1], 1e-12), np.float64)
