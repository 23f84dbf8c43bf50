"""Frames of a waveform: the energy of each, and of what is noise among them.

A frame is two hops long and begins at each hop.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE_HZ = 8000  # the telephone's; the Free Spoken Digit Dataset's too
N_SAMPLES = 8000  # 1 s: 99 % of the spoken digits of the training sets are shorter
FRAME, HOP = 160, 80  # samples: 20 ms every 10 ms, for finding the spoken part
WINDOW = N_SAMPLES // HOP  # 100 frames

Waveform = NDArray[np.float32]
Energy = NDArray[np.float64]

_MEAN = np.full(HOP, 1 / HOP)


def peak_level(waveform: Waveform) -> float:
    """The largest magnitude, 0 of nothing."""
    if not waveform.size:
        return 0.0
    # numpy finds the place of the largest in half the time of the largest.
    return max(float(waveform[waveform.argmax()]), -float(waveform[waveform.argmin()]))


def hop_energy(waveforms: Sequence[Waveform]) -> tuple[Energy, Energy]:
    """Sum of squares and mean of each hop: (B, n_hops) each.

    From a second before each waveform to a second after the longest.
    """
    most_hops = max(-(-waveform.size // HOP) for waveform in waveforms)
    hops, means = np.zeros((2, len(waveforms), most_hops + 2 * WINDOW))
    scratch = np.empty((most_hops, HOP))
    line = scratch.reshape(-1)
    for row, mean, waveform in zip(hops, means, waveforms, strict=True):
        n_hops = -(-waveform.size // HOP)
        line[: waveform.size] = waveform
        line[waveform.size : n_hops * HOP] = 0
        samples = scratch[:n_hops]
        np.vecdot(samples, samples, out=row[WINDOW : WINDOW + n_hops])
        np.matmul(samples, _MEAN, out=mean[WINDOW : WINDOW + n_hops])
    return hops, means


def frame_energy(hops: Energy) -> Energy:
    """Mean square of each frame, (B, n_hops - 1)."""
    return (hops[:, 1:] + hops[:, :-1]) / FRAME


def noise_floor(energy: Energy, sizes: NDArray[np.int64]) -> Energy:
    """The tenth percentile of each clip's whole frames, (B,). sizes: (B,), in samples."""
    last = np.maximum(sizes - FRAME, 0) // HOP
    most = int(last.max())
    frames = energy[:, WINDOW : WINDOW + 1 + most]
    if int(last.min()) < most:
        frames = np.where(np.arange(most + 1) <= last[:, None], frames, np.inf)
    frames = np.sort(frames, axis=1)
    place = 10 / 100 * last
    below = place.astype(np.int64)
    rows = np.arange(sizes.size)
    low, high = frames[rows, below], frames[rows, np.minimum(below + 1, last)]
    return np.asarray(low + (high - low) * (place - below), np.float64)
