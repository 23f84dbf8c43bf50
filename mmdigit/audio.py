"""Audio bytes to the model's input: one second of mono speech at 8 kHz with the spoken part in its middle.

mmdigit.clip_files reads the bytes.
"""

from collections.abc import Sequence

import numpy as np
import soxr  # type: ignore[import-untyped]
from numpy.typing import NDArray

from mmdigit.clip_files import read_clip
from mmdigit.clip_limits import MAX_DURATION_S
from schemas.errors import InvalidAudio

__all__ = ["MAX_DURATION_S", "N_SAMPLES"]

SAMPLE_RATE_HZ = 8000  # the telephone's; the Free Spoken Digit Dataset's too
N_SAMPLES = 8000  # 1 s: 99 % of the spoken digits of the training sets are shorter

SILENCE_PEAK = 5e-4  # of full scale (-66 dB): below it there is nothing but the converter's own noise
SPEECH_RMS = 0.1  # of full scale: the level of the spoken part after normalisation
LEAST_ENERGY = 1e-20  # mean square of a frame: no clip that is let in is so faint, and the gain would overflow
FRAME, HOP = 160, 80  # samples at 8 kHz: 20 ms every 10 ms, for finding the spoken part
WINDOW = N_SAMPLES // HOP  # 100 frames
Waveform = NDArray[np.float32]


def decode_audio(data: bytes) -> Waveform:
    """One spoken digit, brought to what the model expects.

    data: a WAV or FLAC file, 8-48 kHz, mono or stereo, MIN_DURATION_S to MAX_DURATION_S.
    Returns (N_SAMPLES,), mono at SAMPLE_RATE_HZ, range [-1, 1], the spoken part in the middle at a level of its own.
    Raises InvalidAudio, and nothing else, whatever the bytes are.
    """
    return place(read_waveform(data))


def read_waveform(data: bytes) -> Waveform:
    """The whole clip as mono at SAMPLE_RATE_HZ.

    Returns (n_samples,), range [-1, 1], of any duration within the limits.
    Raises InvalidAudio, and nothing else, whatever the bytes are.
    """
    samples, rate_hz = read_clip(data)
    mono = samples.mean(axis=1) if samples.shape[1] > 1 else samples[:, 0]
    mono -= np.add.reduce(mono) / mono.size  # the mean; numpy's own costs as much again for so few
    peak = _peak(mono)
    if peak < SILENCE_PEAK:
        raise InvalidAudio(
            f"expected speech, got silence (peak {peak:.1e} of full scale, at least {SILENCE_PEAK:.0e} is needed); "
            "record it again, closer to the microphone"
        )
    if rate_hz != SAMPLE_RATE_HZ:
        mono = soxr.resample(mono, rate_hz, SAMPLE_RATE_HZ)
        peak = _peak(mono)
    return np.asarray(mono if peak <= 1 else mono.clip(-1, 1), np.float32)


def place(waveform: Waveform) -> Waveform:
    """The second that holds most of the speech, the speech in its middle, at a fixed level.

    waveform: (n_samples,), mono at SAMPLE_RATE_HZ.
    Returns (N_SAMPLES,), range [-1, 1]; all zeros for a clip of nothing.
    """
    (clip,) = place_each([waveform])
    return clip


def place_each(waveforms: Sequence[Waveform]) -> list[Waveform]:
    """As place, of each waveform as if it were alone; for 32 of them that takes a fifth of the time a clip."""
    clips = np.zeros((len(waveforms), N_SAMPLES), np.float32)
    if not waveforms:
        return []
    sizes = np.array([waveform.size for waveform in waveforms])
    energy = _energy(waveforms)  # (B, n_frames)
    loudest = energy.max(axis=1)
    # Speech is within 30 dB of the loudest frame and 6 dB above the clip's own noise.
    noise = _noise(energy, sizes)
    threshold = np.minimum(np.maximum(loudest * 1e-3, noise * 4), loudest * 0.5)[:, None]
    first = _loudest_window(energy, threshold, sizes)
    windows = np.take_along_axis(energy, first[:, None] + np.arange(WINDOW), axis=1)
    spoken = windows > threshold
    level = np.sqrt((windows * spoken).sum(axis=1) / np.maximum(spoken.sum(axis=1), 1))
    starts = (first - WINDOW) * HOP  # in the waveform; negative: silence before it
    audible = (loudest >= LEAST_ENERGY).tolist()
    for clip, waveform, heard_at_all, start, rms in zip(
        clips, waveforms, audible, starts.tolist(), level.tolist(), strict=True
    ):
        heard = waveform[max(start, 0) : max(start + N_SAMPLES, 0)]
        peak = _peak(heard)
        if not heard_at_all or peak == 0:
            continue
        gain = min(SPEECH_RMS / rms, 1 / peak) if rms > 0 else 1.0
        begin = max(-start, 0)
        placed = np.multiply(heard, np.float32(gain), out=clip[begin : begin + heard.size])
        if gain * peak > 0.999:  # rounding may have gone beyond full scale
            placed.clip(-1, 1, out=placed)
    return list(clips)


def _peak(waveform: Waveform) -> float:
    """The largest magnitude, 0 of nothing."""
    return max(float(np.maximum.reduce(waveform, initial=0)), -float(np.minimum.reduce(waveform, initial=0)))


def _energy(waveforms: Sequence[Waveform]) -> NDArray[np.float64]:
    """Mean square of each frame, (B, n_frames), from a second before each waveform to a second after the longest.

    A frame is two hops long and begins at each hop.
    """
    hops = np.zeros((len(waveforms), max(-(-waveform.size // HOP) for waveform in waveforms) + 2 * WINDOW))
    for row, waveform in zip(hops, waveforms, strict=True):
        n_hops = -(-waveform.size // HOP)
        samples = np.zeros((n_hops, HOP))
        samples.reshape(-1)[: waveform.size] = waveform
        np.vecdot(samples, samples, out=row[WINDOW : WINDOW + n_hops])
    return (hops[:, 1:] + hops[:, :-1]) / FRAME


def _noise(energy: NDArray[np.float64], sizes: NDArray[np.int64]) -> NDArray[np.float64]:
    """The tenth percentile of each clip's whole frames, (B,). sizes: (B,), in samples."""
    last = np.maximum(sizes - FRAME, 0) // HOP
    frames = energy[:, WINDOW : WINDOW + 1 + int(last.max())]
    frames = np.where(np.arange(frames.shape[1]) <= last[:, None], frames, np.inf)
    frames.sort(axis=1)
    place = 10 / 100 * last
    below = place.astype(np.int64)
    rows = np.arange(sizes.size)
    low, high = frames[rows, below], frames[rows, np.minimum(below + 1, last)]
    return np.asarray(low + (high - low) * (place - below), np.float64)


def _loudest_window(
    energy: NDArray[np.float64], threshold: NDArray[np.float64], sizes: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The first of the WINDOW frames with most energy above the threshold, in decibels, of each clip: (B,).

    threshold: (B, 1); sizes: (B,), in samples.
    """
    spoken = energy > threshold
    # Whole decibels: integers, so that equally good windows tie exactly and the middle one is taken.
    weight = np.zeros((energy.shape[0], energy.shape[1] + 1), np.int64)
    loud = np.log10(energy[spoken] / np.broadcast_to(threshold, energy.shape)[spoken])
    weight[:, 1:][spoken] = 1 + 10 * loud
    sums = weight.cumsum(axis=1)
    totals = sums[:, WINDOW:] - sums[:, :-WINDOW]
    # Windows that begin behind a clip's last frame are those of longer clips.
    totals[np.arange(totals.shape[1]) > sizes[:, None] // HOP + WINDOW - 1] = -1
    rows, best = np.nonzero(totals == totals.max(axis=1, keepdims=True))
    count = np.bincount(rows)
    return np.asarray(best[count.cumsum() - count + count // 2], np.int64)
