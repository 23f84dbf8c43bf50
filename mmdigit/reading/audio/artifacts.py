"""Takes out of a recording what its microphone and its mains add: a level that drifts, hum, clicks, a pop.

Only clips that are found to need it are changed: all others are placed sample by sample as they are. The figures
were chosen on clips of Free Spoken Digit recordings 5-49, Speech Commands, AudioMNIST and cs566, spoiled at random.
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

CUT_HZ = 75.0  # above the mains' 50 and 60 Hz, below nearly all voices
TAPS = 801  # of the high-pass: 0.1 s
DRIFT = 0.2  # a hop's squared mean, which is what lies below 60 Hz, to the loudest frame's power: of voices it is less
LONE = 40.0  # the loudest frame to the loudest twelve in a row, in power, of a clip that is searched for bursts
LONGEST_POP, LONGEST_CLICK = 16, 4  # frames: what is longer is a word, what is shorter than both a click
LOUDER = 4.0  # a burst to the word's loudest frame, in power: a fainter one sets no threshold
GAP = 15  # frames between a pop and the word: a plosive is closer to its vowel
TAIL, TOP = 10**-3.0, 10**-1.2  # of the loudest frame's power: a word has more frames than a click within 12 dB of it
CLEAR = 10.0  # a word's loudest frame to the noise, in power
MOST_BURSTS = 32

Run = tuple[int, int]  # first and last frame


def drifts(means: Energy, loudest: Energy) -> NDArray[np.bool_]:
    """Which clips have hum or a level that drifts, (B,).

    means: of the samples of each hop, (B, n_hops); loudest: mean square of the loudest frame of each, (B,).
    """
    return np.asarray(np.square(np.maximum.reduce(np.abs(means), axis=1)) > DRIFT * loudest)


def lone(energy: Energy, loudest: Energy) -> NDArray[np.bool_]:
    """Whose loudest frame is far louder than any that are followed by eleven as loud, (B,).

    energy: of the frames, (B, n_frames); loudest: of the loudest of each, (B,).
    """
    two = np.minimum(energy[:, 1:], energy[:, :-1])
    four = np.minimum(two[:, 2:], two[:, :-2])
    eight = np.minimum(four[:, 4:], four[:, :-4])
    twelve = np.minimum(eight[:, 4:], four[:, :-8])
    return np.asarray(loudest > LONE * np.maximum.reduce(twelve, axis=1))


def settled(waveform: Waveform, energy: Energy, noise: float, *, is_lone: bool, is_drifting: bool) -> Waveform:
    """The waveform without bursts, drift and hum; the same object if it has none.

    energy: of its frames, (n_frames,); noise: that of the quiet ones; is_lone, is_drifting: as lone and drifts say.
    """
    quiet = _silenced(waveform, bursts(energy, noise)) if is_lone else waveform
    if quiet is not waveform:
        hops, means = hop_energy([quiet])
        is_drifting = bool(drifts(means, frame_energy(hops).max(axis=1))[0])
    if not is_drifting:
        return quiet
    level = high_pass(quiet)
    energies = frame_energy(hop_energy([level])[0])
    if not lone(energies, energies.max(axis=1))[0]:
        return level
    return _silenced(level, bursts(energies[0], float(noise_floor(energies, np.array([level.size]))[0])))


def _silenced(waveform: Waveform, runs: list[Run]) -> Waveform:
    """A copy with silence in these frames, or the same object if there are none."""
    if not runs:
        return waveform
    waveform = waveform.copy()
    for first, last in runs:
        waveform[max((first - WINDOW) * HOP, 0) : (last - WINDOW + 2) * HOP] = 0
    return waveform


def high_pass(waveform: Waveform) -> Waveform:
    """The waveform without what lies below CUT_HZ: mains hum, rumble, a level that drifts. Same size, no delay."""
    half = TAPS // 2
    low_pass = np.sinc(2 * CUT_HZ / SAMPLE_RATE_HZ * np.arange(-half, half + 1)) * np.hamming(TAPS)
    low_pass /= low_pass.sum()
    # Ends are turned about their last sample: a level that drifts goes on drifting, and no step rings.
    reach = min(half, waveform.size - 1)
    before, after = waveform[reach:0:-1], waveform[-2 : -reach - 2 : -1]
    around = np.concatenate([2 * waveform[0] - before, waveform, 2 * waveform[-1] - after])
    around = np.pad(around.astype(np.float64), half - reach, mode="edge")
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
