"""Stereo to mono: the mix of both channels, or the better one where mixing costs speech.

Two channels may cancel each other (one inverted, or later by a fraction of a millisecond), and one may hold nothing
but noise or hum. The figures were chosen on clips of Free Spoken Digit recordings 5-49, Speech Commands, AudioMNIST
and cs566, made stereo at random.
"""

import numpy as np

from mmdigit.reading.audio.limits import Samples

CLEARER = 2.0  # speech to noise of a channel to that of the mix, in power: mixing equal ones loses nothing
LOST = 0.35  # of a channel's power in the mix: two of unrelated phase leave a half
LASTING = 10  # frames of 10 ms: louder for a shorter time is no speech
FLOOR = 1e-10  # mean square of a frame: the rounding of 16 bits


def mono(samples: Samples, rate_hz: int) -> Samples:
    """One channel, (n_frames,), of one or two, (n_frames, n_channels)."""
    if samples.shape[1] == 1:
        return samples[:, 0]
    mix = samples.mean(axis=1)
    measured = [_measure(samples[:, 0], rate_hz), _measure(samples[:, 1], rate_hz)]
    ratio, power = _measure(mix, rate_hz)
    better = int(measured[1][0] > measured[0][0])
    if measured[better][0] > CLEARER * ratio or power < LOST * measured[better][1]:
        return samples[:, better].copy()
    return np.asarray(mix, np.float32)


def _measure(channel: Samples, rate_hz: int) -> tuple[float, float]:
    """Power of what lasts to that of the quiet frames, and the mean power."""
    size = rate_hz // 100
    frames = channel[: channel.size // size * size].reshape(-1, size) - channel.mean()
    powers = np.sort(np.vecdot(frames, frames) / size) + FLOOR
    lasting = powers[-min(LASTING, (powers.size + 1) // 2)]
    return float(lasting / powers[powers.size // 10]), float(powers.mean())
