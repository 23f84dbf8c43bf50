"""Frames of a waveform: their energy and their noise floor. A frame begins at each hop and is two hops long."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE_HZ = 8000  # that of telephones and of the Free Spoken Digit Dataset
N_SAMPLES = 8000  # 1 s: 99 % of the spoken digits in the training sets are shorter
FRAME, HOP = 160, 80  # samples: 20 ms every 10 ms, for finding the speech
WINDOW = N_SAMPLES // HOP  # 100 frames

Waveform = NDArray[np.float32]
Energy = NDArray[np.float64]

_MEAN = np.full(HOP, 1 / HOP)


def peak_level(waveform: Waveform) -> float:
    """The largest magnitude; 0 for an empty waveform."""
    if not waveform.size:
        return 0.0
    # In numpy, argmax takes half the time of max.
    return max(float(waveform[waveform.argmax()]), -float(waveform[waveform.argmin()]))


def hop_energy(waveforms: Sequence[Waveform]) -> tuple[Energy, Energy]:
    """The sum of squares and the mean of each hop, (B, n_hops) each.

    The hops begin one second before each waveform and end one second after the longest.
    """
    max_hops = max(-(-waveform.size // HOP) for waveform in waveforms)
    hops, means = np.zeros((2, len(waveforms), max_hops + 2 * WINDOW))
    scratch = np.empty((max_hops, HOP))
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
    """The mean square of each frame, (B, n_hops - 1)."""
    return (hops[:, 1:] + hops[:, :-1]) / FRAME


def noise_floor(energy: Energy, sizes: NDArray[np.int64]) -> Energy:
    """The tenth percentile of the energy of each waveform's whole frames, (B,). sizes: (B,), in samples."""
    last = np.maximum(sizes - FRAME, 0) // HOP
    longest = int(last.max())
    frames = energy[:, WINDOW : WINDOW + 1 + longest]
    if int(last.min()) < longest:
        frames = np.where(np.arange(longest + 1) <= last[:, None], frames, np.inf)
    frames = np.sort(frames, axis=1)
    rank = 10 / 100 * last
    below = rank.astype(np.int64)
    rows = np.arange(sizes.size)
    low, high = frames[rows, below], frames[rows, np.minimum(below + 1, last)]
    return np.asarray(low + (high - low) * (rank - below), np.float64)
