"""Removes recording artifacts of microphone and mains: a drifting level, hum, clicks, pops.

Only clips that need it are changed. The constants were tuned on clips of Free Spoken Digit recordings 5-49, Speech
Commands, AudioMNIST and cs566, corrupted at random.
"""

import numpy as np
from numpy.typing import NDArray

from mmdigit.reading.audio.frames import (
    HOP,
    SAMPLE_RATE_HZ,
    WINDOW,
    Energy,
    Waveform,
    frame_energy,
    hop_energy,
    noise_floor,
)

CUTOFF_HZ = 75.0  # above the mains frequencies of 50 and 60 Hz, below nearly all voices
TAPS = 801  # of the high-pass filter: 0.1 s
# The ratios are of power.
MIN_DRIFT = 0.2  # squared mean of a hop (what is below 60 Hz) to the loudest frame; less in voices
MIN_PEAK_RATIO = 40.0  # loudest frame to the loudest twelve in a row, from which a clip is searched for bursts
MAX_POP, MAX_CLICK = 16, 4  # frames; anything longer than a pop is a word
MIN_BURST_RATIO = 4.0  # burst to the loudest frame of the word; a fainter burst does no harm
MIN_GAP = 15  # frames between a pop and the word; a plosive is closer to its vowel
TAIL, TOP = 10**-3.0, 10**-1.2  # of the loudest frame; a word has more frames within 12 dB of it than a click
MIN_WORD_RATIO = 10.0  # loudest frame of a word to the noise
MAX_BURSTS = 32

FrameRange = tuple[int, int]  # first and last frame


def has_drift(means: Energy, loudest: Energy) -> NDArray[np.bool_]:
    """Whether each clip has hum or a drifting level, (B,).

    means: of each hop, (B, n_hops). loudest: mean square of the loudest frame, (B,).
    """
    return np.asarray(np.square(np.maximum.reduce(np.abs(means), axis=1)) > MIN_DRIFT * loudest)


def has_isolated_peak(energy: Energy, loudest: Energy) -> NDArray[np.bool_]:
    """Whether the loudest frame of each clip is far louder than any twelve frames in a row, (B,).

    energy: (B, n_frames), mean squares. loudest: that of the loudest frame, (B,).
    """
    two = np.minimum(energy[:, 1:], energy[:, :-1])
    four = np.minimum(two[:, 2:], two[:, :-2])
    eight = np.minimum(four[:, 4:], four[:, :-4])
    twelve = np.minimum(eight[:, 4:], four[:, :-8])
    return np.asarray(loudest > MIN_PEAK_RATIO * np.maximum.reduce(twelve, axis=1))


def remove_artifacts(waveform: Waveform, energy: Energy, noise: float, *, isolated_peak: bool, drift: bool) -> Waveform:
    """The waveform without bursts, drift and hum; the same object if there are none.

    energy: of its frames, (n_frames,). noise: its noise floor. isolated_peak, drift: from has_isolated_peak and
    has_drift.
    """
    quiet = _silence(waveform, find_bursts(energy, noise)) if isolated_peak else waveform
    if quiet is not waveform:
        hops, means = hop_energy([quiet])
        drift = bool(has_drift(means, frame_energy(hops).max(axis=1))[0])
    if not drift:
        return quiet
    level = high_pass(quiet)
    energies = frame_energy(hop_energy([level])[0])
    if not has_isolated_peak(energies, energies.max(axis=1))[0]:
        return level
    return _silence(level, find_bursts(energies[0], float(noise_floor(energies, np.array([level.size]))[0])))


def _silence(waveform: Waveform, bursts: list[FrameRange]) -> Waveform:
    """A copy with silence in place of the bursts; the same object if there are none."""
    if not bursts:
        return waveform
    waveform = waveform.copy()
    for first, last in bursts:
        waveform[max((first - WINDOW) * HOP, 0) : (last - WINDOW + 2) * HOP] = 0
    return waveform


def high_pass(waveform: Waveform) -> Waveform:
    """The waveform without frequencies below CUTOFF_HZ: hum, rumble, a drifting level. Same size, no delay."""
    half = TAPS // 2
    low_pass = np.sinc(2 * CUTOFF_HZ / SAMPLE_RATE_HZ * np.arange(-half, half + 1)) * np.hamming(TAPS)
    low_pass /= low_pass.sum()
    # Extend both ends by point reflection: a drifting level continues, and no step rings.
    reach = min(half, waveform.size - 1)
    before, after = waveform[reach:0:-1], waveform[-2 : -reach - 2 : -1]
    extended = np.concatenate([2 * waveform[0] - before, waveform, 2 * waveform[-1] - after])
    extended = np.pad(extended.astype(np.float64), half - reach, mode="edge")
    size = 1 << (extended.size + TAPS - 2).bit_length()
    low = np.fft.irfft(np.fft.rfft(extended, size) * np.fft.rfft(low_pass, size), size)
    return np.asarray(waveform - low[2 * half : 2 * half + waveform.size], np.float32)


def find_bursts(energy: Energy, noise: float) -> list[FrameRange]:
    """The bursts that are louder than the word, by their first and last frame; an empty list if there is no word.

    energy: (n_frames,), mean squares. noise: the clip's noise floor.
    A burst is short, with quiet around it. A click may be close to the word or within it, a pop may not.
    """
    remaining, found, word = energy.copy(), list[tuple[FrameRange, FrameRange]](), None
    while word is None and len(found) < MAX_BURSTS:
        peak = int(remaining.argmax())
        if remaining[peak] <= MIN_WORD_RATIO * noise:
            break
        whole = _range_around(remaining, peak, max(remaining[peak] * TAIL, 4 * noise))
        top = _range_around(remaining, peak, max(remaining[peak] * TOP, 4 * noise))
        if _length(whole) > MAX_POP and _length(top) > MAX_CLICK:
            word = whole
        elif _length(whole) <= MAX_POP:
            found.append((_with_decay(remaining, whole, 4 * noise), top))
        else:
            found.append((top, top))
        if word is None:
            first, last = found[-1][0]
            remaining[first : last + 1] = 0
    if word is None:  # perhaps a word as short as a pop
        later = [number for number, (_, top) in enumerate(found) if number and _length(top) > MAX_CLICK]
        if not later:
            return []
        word, found = found[later[0]][0], found[: later[0]]
    loudest = MIN_BURST_RATIO * energy[word[0] : word[1] + 1].max()
    found = [(whole, top) for whole, top in found if energy[top[0] : top[1] + 1].max() > loudest]
    separate = [whole if _is_separate(whole, word) else top for whole, top in found]
    return [burst for burst in separate if _is_separate(burst, word)]


def _length(frames: FrameRange) -> int:
    return frames[1] - frames[0] + 1


def _is_separate(burst: FrameRange, word: FrameRange) -> bool:
    return _length(burst) <= MAX_CLICK or word[0] - burst[1] > MIN_GAP or burst[0] - word[1] > MIN_GAP


def _with_decay(energy: Energy, frames: FrameRange, threshold: float) -> FrameRange:
    """The frames together with those on either side in which the sound rises and decays."""
    first, last = frames
    while last + 1 < energy.size and threshold < energy[last + 1] < energy[last]:
        last += 1
    while first and threshold < energy[first - 1] < energy[first]:
        first -= 1
    return first, last


def _range_around(energy: Energy, peak: int, threshold: float) -> FrameRange:
    """The frames around the peak that are above the threshold without a gap."""
    below = np.flatnonzero(energy <= threshold)
    after = int(below.searchsorted(peak))
    first = int(below[after - 1]) + 1 if after else 0
    last = int(below[after]) - 1 if after < below.size else energy.size - 1
    return first, last
