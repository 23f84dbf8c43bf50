"""Joins recordings of single digits to one recording of a number: pauses, noise, the band of a telephone."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmdigit.reading.audio.normalize import SAMPLE_RATE_HZ, Waveform
from mmdigit.training.data.spoken_strings import LEVEL

LEVEL_DB = 2.0  # standard deviation between the digits of a number
ENDS_S = 0.3  # silence before and after
ROOM_DB = 45.0  # every room is that far below speech
BAND_HZ = 300.0, 3400.0  # of a telephone
MU = 255.0  # of mu-law


@dataclass(frozen=True)
class Condition:
    """pause_ms: between two digits, negative = they overlap; noise_db: how far noise is below speech, None = a quiet
    room; phone: in the band of a telephone and in mu-law."""

    pause_ms: int
    noise_db: float | None = None
    phone: bool = False

    @property
    def name(self) -> str:
        sound = "clean" if self.noise_db is None else f"{self.noise_db:g} dB"
        return f"{self.pause_ms} ms, {sound}{', phone' if self.phone else ''}"


@dataclass(frozen=True, eq=False)
class Number:
    """A recording of a number: waveform, (n_samples,), 8 kHz, range [-1, 1]; cuts: the first sample of each digit and
    the first one after it, (n, 2)."""

    waveform: Waveform
    digits: tuple[int, ...]
    cuts: NDArray[np.int64]


def join(clips: Sequence[Waveform], digits: Sequence[int], condition: Condition, random: np.random.Generator) -> Number:
    """The digits in a row. clips: as trim returns them; digits: what each says."""
    pause = round(condition.pause_ms * SAMPLE_RATE_HZ / 1000)
    fade = max(-pause, 40)  # samples: 5 ms where nothing overlaps
    ends = round(ENDS_S * SAMPLE_RATE_HZ)
    sound = np.zeros(2 * ends + sum(clip.size + max(pause, 0) for clip in clips))
    at, cuts = ends, []
    for clip in clips:
        size = min(fade, clip.size // 2)
        ramp = np.ones(clip.size)
        ramp[:size] = np.linspace(0, 1, size)
        ramp[clip.size - size :] = np.linspace(1, 0, size)
        sound[at : at + clip.size] += clip * ramp * 10 ** (random.normal(0, LEVEL_DB) / 20)
        cuts.append((at, at + clip.size))
        at += clip.size + pause
    sound = sound[: at - pause + ends]
    noise_db = ROOM_DB if condition.noise_db is None else condition.noise_db
    sound += pink_noise(sound.size, random) * LEVEL * 10 ** (-noise_db / 20)
    if condition.phone:
        sound = telephone(sound)
    edges = np.array(cuts)
    edges[1:, 0] = edges[:-1, 1] = (edges[1:, 0] + edges[:-1, 1]) // 2  # the middle of a pause, or of what overlaps
    return Number(np.asarray(sound.clip(-1, 1), np.float32), tuple(digits), edges)


def pink_noise(size: int, random: np.random.Generator) -> NDArray[np.float64]:
    """Noise whose power falls with the frequency, level 1, (size,)."""
    spectrum = np.fft.rfft(random.standard_normal(size))
    spectrum /= np.sqrt(np.maximum(np.arange(spectrum.size), 1))
    noise = np.fft.irfft(spectrum, size)
    return np.asarray(noise / noise.std(), np.float64)


def telephone(sound: NDArray[np.float64]) -> NDArray[np.float64]:
    """In the band and the companding of a telephone: 8 bits of mu-law."""
    spectrum = np.fft.rfft(sound)
    hz = np.fft.rfftfreq(sound.size, 1 / SAMPLE_RATE_HZ)
    spectrum[(hz < BAND_HZ[0]) | (hz > BAND_HZ[1])] = 0
    clipped = np.fft.irfft(spectrum, sound.size).clip(-1, 1)
    companded = np.sign(clipped) * np.log1p(MU * np.abs(clipped)) / np.log1p(MU)
    steps = np.round(companded * 127) / 127
    return np.asarray(np.sign(steps) * np.expm1(np.abs(steps) * np.log1p(MU)) / MU, np.float64)
