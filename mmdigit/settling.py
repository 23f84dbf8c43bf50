"""Takes out of a recording what its microphone and its mains add: a drifting level, hum, clicks, a pop.

Only clips that are found to need it come here: all others are placed sample by sample as they are.
"""

import numpy as np
from numpy.typing import NDArray

CUT_HZ = 75.0  # above the mains' 50 and 60 Hz, below nearly all voices
TAPS = 801  # of the high-pass: 0.1 s, so that it is 30 dB down at 60 Hz
LONGEST_POP, LONGEST_CLICK = 12, 4  # frames of 10 ms: what is longer is a word, what is shorter than both a click
LOUDER = 4.0  # a burst than the word's loudest frame, in power: another one sets no threshold
GAP = 15  # frames between a pop and the word: a plosive is closer to its vowel
MOST_BURSTS = 8
TAIL, TOP = 10**-3.0, 10**-1.2  # of the loudest frame's power: a word has more frames than a click within 12 dB of it
CLEAR = 10.0  # a word's loudest frame to the noise, in power

Waveform = NDArray[np.float32]
Energy = NDArray[np.float64]
Run = tuple[int, int]  # first and last frame


def without_hum(waveform: Waveform, rate_hz: int) -> Waveform:
    """The waveform without what lies below CUT_HZ: mains hum, rumble, a level that drifts. Same size, no delay."""
    half = TAPS // 2
    time = np.arange(-half, half + 1) / rate_hz
    low_pass = np.sinc(2 * CUT_HZ * time) * np.hamming(TAPS)
    low_pass /= low_pass.sum()
    # Ends are turned about their last sample: a level that drifts goes on drifting, and no step rings.
    reach = min(half, waveform.size - 1)
    around = np.concatenate(
        [2 * waveform[0] - waveform[reach:0:-1], waveform, 2 * waveform[-1] - waveform[-2 : -reach - 2 : -1]]
    ).astype(np.float64)
    around = np.pad(around, half - reach, mode="edge")
    size = 1 << (around.size + TAPS - 2).bit_length()
    low = np.fft.irfft(np.fft.rfft(around, size) * np.fft.rfft(low_pass, size), size)
    return np.asarray(waveform - low[2 * half : 2 * half + waveform.size], np.float32)


def bursts(energy: Energy, noise: float) -> list[Run]:
    """First and last frame of each burst that is louder than the word, if there is a word; else none.

    energy: (n_frames,), mean squares; noise: that of the clip's quiet frames.
    A burst is short, with quiet around it; a click may stand close to the word or in it, a pop may not.
    """
    left, found, word = energy.copy(), list[tuple[Run, Run]](), None
    while word is None and len(found) < MOST_BURSTS:
        peak = int(left.argmax())
        if left[peak] <= CLEAR * noise:
            break
        whole = _run(left, peak, max(left[peak] * TAIL, 4 * noise))
        top = _run(left, peak, max(left[peak] * TOP, 4 * noise))
        if _length(whole) > LONGEST_POP and _length(top) > LONGEST_CLICK:
            word = whole
        elif _length(whole) <= LONGEST_POP:
            found.append((_rung_out(left, whole, 4 * noise), top))
        else:
            found.append((top, top))
        if word is None:
            first, last = found[-1][0]
            left[first : last + 1] = 0
    if word is None:  # a short one, then
        later = [place for place, (_, top) in enumerate(found) if place and _length(top) > LONGEST_CLICK]
        if not later:
            return []
        word, found = found[later[0]][0], found[: later[0]]
    loudest = LOUDER * energy[word[0] : word[1] + 1].max()
    found = [(whole, top) for whole, top in found if energy[top[0] : top[1] + 1].max() > loudest]
    apart = [whole if _apart(whole, word) else top for whole, top in found]
    return [burst for burst in apart if _apart(burst, word)]


def _length(run: Run) -> int:
    return run[1] - run[0] + 1


def _apart(burst: Run, word: Run) -> bool:
    return _length(burst) <= LONGEST_CLICK or word[0] - burst[1] > GAP or burst[0] - word[1] > GAP


def _rung_out(energy: Energy, run: Run, threshold: float) -> Run:
    """The run with what fades away on either side of it."""
    first, last = run
    while last + 1 < energy.size and threshold < energy[last + 1] < energy[last]:
        last += 1
    while first and threshold < energy[first - 1] < energy[first]:
        first -= 1
    return first, last


def _run(energy: Energy, peak: int, threshold: float) -> Run:
    """First and last of the frames about the peak that are above the threshold without a gap."""
    below = np.flatnonzero(energy <= threshold)
    after = int(below.searchsorted(peak))
    first = int(below[after - 1]) + 1 if after else 0
    last = int(below[after]) - 1 if after < below.size else energy.size - 1
    return first, last
