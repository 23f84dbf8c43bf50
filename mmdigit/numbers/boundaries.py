"""Where a digit of a spoken number may begin or end: where speech does, where it is quiet, and where it is heard."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mmdigit.reading.audio.normalize import SAMPLE_RATE_HZ, Waveform

FRAME = 80  # samples: 10 ms
SMOOTHING = np.array([0.25, 0.5, 1.0, 0.5, 0.25]) / 2.5  # over neighbouring frames' power
RANGE_DB, HEADROOM_DB = 35.0, 15.0  # speech is at most that far below the loudest, and at least that far above noise
NOISE_DB = 6.0  # speech is that far above the quietest frames
CLOSEST = 3  # frames between two quiet boundaries, 30 ms
AROUND = 2  # frames kept around speech


class Boundaries(NamedTuple):
    """frames: (K,), rising, in frames of 10 ms; quiet, heard: (K,), where speech begins, ends or dips, and where a
    digit is heard to begin or end; loudness: (K,), of each, range [0, 1]; level: (n_frames,), how much of each frame is
    loud speech."""

    frames: NDArray[np.int64]
    quiet: NDArray[np.bool_]
    heard: NDArray[np.bool_]
    loudness: NDArray[np.float64]
    level: NDArray[np.float64]

    @property
    def times_s(self) -> NDArray[np.float64]:
        return np.asarray(self.frames * (FRAME / SAMPLE_RATE_HZ), np.float64)

    @property
    def speech(self) -> NDArray[np.float64]:
        """How much loud speech lies before each, in frames, (K,)."""
        return np.asarray(np.concatenate([[0.0], np.cumsum(self.level)])[self.frames], np.float64)

    @property
    def total_speech(self) -> float:
        """In the whole recording, in frames."""
        return float(self.level.sum())


def find_boundaries(waveform: Waveform, ends: NDArray[np.int64]) -> Boundaries:
    """waveform: (n_samples,), 8 kHz, range [-1, 1], at least one frame; ends: frames where digits are heard to begin or
    end. Returns no others if the waveform is silent."""
    level_db = _level_db(waveform)
    loudest, quietest = np.percentile(level_db, 95), np.percentile(level_db, 5)
    threshold = max(loudest - RANGE_DB, min(quietest + NOISE_DB, loudest - HEADROOM_DB))
    loudness = np.clip((level_db - threshold) / max(loudest - threshold, 1e-9), 0, 1)
    changes = np.diff(np.concatenate([[0], (level_db > threshold).astype(np.int64), [0]]))
    found: set[int] = set()
    for first, last in zip(np.flatnonzero(changes == 1), np.flatnonzero(changes == -1), strict=True):
        found |= {max(0, int(first) - AROUND), min(level_db.size, int(last) + AROUND)}
        found |= set(_inside(level_db, int(first), int(last)))
    quiet, heard = _spread(sorted(found)), ends.clip(0, level_db.size)
    frames = np.union1d(quiet, heard)
    of_frames = np.append(loudness, 0.0)[frames]
    return Boundaries(frames, np.isin(frames, quiet), np.isin(frames, heard), of_frames, loudness)


def _level_db(waveform: Waveform) -> NDArray[np.float64]:
    """The smoothed level of each frame, (n_frames,)."""
    count = waveform.size // FRAME
    power = (waveform[: count * FRAME].reshape(count, FRAME).astype(np.float64) ** 2).mean(axis=1)
    smooth = np.convolve(power, SMOOTHING, "same") if count >= SMOOTHING.size else power
    return np.asarray(10 * np.log10(smooth + 1e-10), np.float64)


def _inside(level_db: NDArray[np.float64], first: int, last: int) -> list[int]:
    """The quietest frames within a stretch of speech."""
    stretch = level_db[first:last]
    if stretch.size <= 4:
        return []
    around = np.lib.stride_tricks.sliding_window_view(stretch, 5).min(axis=1)
    dips: list[int] = (first + 2 + np.flatnonzero(stretch[2:-2] <= around)).tolist()
    return dips


def _spread(frames: list[int]) -> NDArray[np.int64]:
    """Without those that follow another one too closely."""
    kept: list[int] = []
    for frame in frames:
        if not kept or frame - kept[-1] >= CLOSEST:
            kept.append(frame)
    return np.array(kept, np.int64)
