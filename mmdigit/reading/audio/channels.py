"""Turns stereo into mono: mixes both channels, or picks the better one if mixing would lose speech.

Two channels may cancel each other (one inverted, or delayed by a fraction of a millisecond), and one may hold only
noise or hum. The constants were tuned on clips of Free Spoken Digit recordings 5-49, Speech Commands, AudioMNIST and
cs566, made stereo at random.
"""

import numpy as np

from mmdigit.reading.audio.limits import Samples

MIN_SNR_GAIN = 2.0  # a channel's speech-to-noise ratio (power) relative to the mix's, from which the channel is better
MIN_KEPT_POWER = 0.35  # of a channel's power in the mix; channels of unrelated phase keep half of it
SPEECH_FRAMES = 10  # of 10 ms; a louder sound that is shorter is not speech
POWER_FLOOR = 1e-10  # mean square of a frame: the rounding of 16 bits


def to_mono(samples: Samples, rate_hz: int) -> Samples:
    """One channel, (n_frames,). samples: (n_frames, 1 or 2)."""
    if samples.shape[1] == 1:
        return samples[:, 0]
    channels = np.ascontiguousarray(samples.T)
    mix = (channels[0] + channels[1]) / np.float32(2)
    measured = _measure(channels[0], rate_hz), _measure(channels[1], rate_hz)
    ratio, power = _measure(mix, rate_hz)
    better = int(measured[1][0] > measured[0][0])
    better_ratio, better_power = measured[better]
    if better_ratio > MIN_SNR_GAIN * ratio or power < MIN_KEPT_POWER * better_power:
        return np.asarray(channels[better], np.float32)
    return np.asarray(mix, np.float32)


def _measure(channel: Samples, rate_hz: int) -> tuple[float, float]:
    """The speech-to-noise ratio, in power, and the mean power."""
    size = rate_hz // 100
    frames = channel[: channel.size // size * size].reshape(-1, size) - channel.mean()
    powers = np.sort(np.vecdot(frames, frames) / size) + POWER_FLOOR
    speech = powers[-min(SPEECH_FRAMES, (powers.size + 1) // 2)]
    return float(speech / powers[powers.size // 10]), float(powers.mean())
