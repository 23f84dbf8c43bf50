"""Cuts the second that holds most of the speech out of a waveform, at a fixed level."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mmdigit.reading.audio.artifacts import has_drift, has_isolated_peak, remove_artifacts
from mmdigit.reading.audio.frames import (
    HOP,
    N_SAMPLES,
    WINDOW,
    Energy,
    Waveform,
    frame_energy,
    hop_energy,
    noise_floor,
    peak_level,
)

SPEECH_RMS = 0.1  # of full scale: the level of the speech after normalization
MIN_ENERGY = 1e-20  # mean square of a frame; no accepted clip is as faint, and the gain would overflow

_WINDOW_FRAMES = np.arange(WINDOW)


def speech_window(waveform: Waveform) -> Waveform:
    """The second that holds most of the speech, with the speech in the middle, at a fixed level.

    waveform: (n_samples,), mono at SAMPLE_RATE_HZ.
    Returns (N_SAMPLES,), range [-1, 1]; all zeros for a silent waveform.
    """
    (clip,) = speech_windows([waveform])
    return clip


def speech_windows(waveforms: Sequence[Waveform]) -> list[Waveform]:
    """The speech_window of each waveform, independent of the others; for 32 of them, each takes a fifth of the time.

    waveforms: each (n_samples,), mono at SAMPLE_RATE_HZ. Returns as many of (N_SAMPLES,), range [-1, 1].
    """
    if not waveforms:
        return []
    clips = np.zeros((len(waveforms), N_SAMPLES), np.float32)
    sizes = np.array([waveform.size for waveform in waveforms])
    hops, means = hop_energy(waveforms)
    energy = frame_energy(hops)  # (B, n_frames)
    loudest, noise = np.maximum.reduce(energy, axis=1), noise_floor(energy, sizes)
    isolated_peak, drift = has_isolated_peak(energy, loudest), has_drift(means, loudest)
    for row in (isolated_peak | drift).nonzero()[0].tolist():
        waveform = remove_artifacts(
            waveforms[row],
            energy[row],
            float(noise[row]),
            isolated_peak=bool(isolated_peak[row]),
            drift=bool(drift[row]),
        )
        if waveform is not waveforms[row]:
            waveforms = [*waveforms[:row], waveform, *waveforms[row + 1 :]]
            cleaned = frame_energy(hop_energy([waveform])[0])
            energy[row, : cleaned.size] = cleaned[0]
            loudest[row], noise[row] = cleaned.max(), noise_floor(cleaned, sizes[row : row + 1])[0]
    # Speech is within 30 dB of the loudest frame and 6 dB above the clip's own noise.
    threshold = np.minimum(np.maximum(loudest * 1e-3, noise * 4), loudest * 0.5)[:, None]
    first = _loudest_window(energy, threshold, sizes)
    windows = energy[np.arange(sizes.size)[:, None], first[:, None] + _WINDOW_FRAMES]
    spoken = windows > threshold
    levels = np.sqrt(np.add.reduce(windows * spoken, axis=1) / np.maximum(np.add.reduce(spoken, axis=1), 1))
    starts = (first - WINDOW) * HOP  # in the waveform; negative: the window begins with silence
    audible = (loudest >= MIN_ENERGY).tolist()
    for clip, waveform, is_audible, start, rms in zip(
        clips, waveforms, audible, starts.tolist(), levels.tolist(), strict=True
    ):
        samples = waveform[max(start, 0) : max(start + N_SAMPLES, 0)]
        peak = peak_level(samples)
        if not is_audible or peak == 0:
            continue
        gain = min(SPEECH_RMS / rms, 1 / peak) if rms > 0 else 1.0
        begin = max(-start, 0)
        scaled = np.multiply(samples, np.float32(gain), out=clip[begin : begin + samples.size])
        if gain * peak > 0.999:  # rounding may exceed full scale
            scaled.clip(-1, 1, out=scaled)
    return list(clips)


def _loudest_window(energy: Energy, threshold: Energy, sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each waveform, the first of the WINDOW frames with the highest sum of decibels above the threshold, (B,).

    threshold: (B, 1). sizes: (B,), in samples.
    """
    spoken = energy > threshold
    # Whole decibels: with integers, equally good windows tie exactly, and the middle one is chosen.
    weight = np.zeros((energy.shape[0], energy.shape[1] + 1), np.int64)
    loud = np.log10((energy / np.maximum(threshold, MIN_ENERGY**2))[spoken])
    weight[:, 1:][spoken] = 1 + 10 * loud
    sums = weight.cumsum(axis=1)
    totals = sums[:, WINDOW:] - sums[:, :-WINDOW]
    # Ignore windows that begin after the last frame of a waveform: only longer waveforms have them.
    totals[np.arange(totals.shape[1]) > sizes[:, None] // HOP + WINDOW - 1] = -1
    rows, best = np.nonzero(totals == np.maximum.reduce(totals, axis=1, keepdims=True))
    count = np.bincount(rows)
    return np.asarray(best[count.cumsum() - count + count // 2], np.int64)
