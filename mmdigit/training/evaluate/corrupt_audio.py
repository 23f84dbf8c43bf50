"""Makes audio that training never uses, for evaluation: digits in four kinds of noise, and audio that is not a digit.

Training uses coloured noise and babble of other digits; here are gusts, an engine, a keyboard and music instead.
All randomness comes from the caller's generator; all waveforms are mono at SAMPLE_RATE_HZ.
"""

import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmdigit.reading.audio.normalize import N_SAMPLES, SAMPLE_RATE_HZ, Waveform, read_waveform, speech_window
from schemas.errors import InvalidAudio

MARGIN = SAMPLE_RATE_HZ // 4  # samples of noise alone before and after a clip: 0.25 s
VOICES = ("en-gb-scotland", "en-029")  # espeak-ng's, with these variants: training uses none of them, nor the words
VARIANTS = ("f2", "f4", "m3", "m5", "m6")
WORDS = tuple(
    """
    about again almost always answer basket because before better bottle bridge butter camera candle careful castle
    chicken circle coffee colour corner cousin danger daughter dinner early engine enough every father favour finger
    follow friend great holiday hospital however island jacket kitchen language leather library listen lovely market
    middle minute mirror money mother nothing office perhaps please pocket potato pretty quickly quiet rabbit really
    remember round second shoulder silver sister station story sugar teacher thank there together tomorrow under
    until village visit weather welcome wonder yesterday
    """.split()  # noqa: SIM905 - 85 quoted words would read worse
)

Random = np.random.Generator
Noise = Callable[[int, Random], NDArray[np.float64]]


def gusts(n_samples: int, random: Random) -> NDArray[np.float64]:
    """White noise that swells four times a second, as deep as the syllables of speech: (n_samples,), RMS 1."""
    swell = (0.5 + 0.5 * np.sin(2 * np.pi * (4 * _time_s(n_samples) + random.random()))) ** 2
    return _normalize_rms(random.normal(size=n_samples) * swell)


def engine(n_samples: int, random: Random) -> NDArray[np.float64]:
    """A motor that speeds up or slows down, with the rumble of traffic: (n_samples,), RMS 1."""
    start_hz, end_hz = random.uniform(50, 140, 2)
    pitch_hz = start_hz + (end_hz - start_hz) * np.linspace(0, 1, n_samples)
    phase = 2 * np.pi * np.cumsum(pitch_hz) / SAMPLE_RATE_HZ
    weights = random.uniform(0.3, 1, 25) / np.arange(1, 26) ** 0.7
    motor = sum(weight * np.sin(k * phase + random.uniform(0, 6)) for k, weight in enumerate(weights, 1))
    traffic = _low_pass(random.normal(size=n_samples), 300)
    return _normalize_rms(_normalize_rms(np.asarray(motor)) + 0.7 * _normalize_rms(traffic))


def keyboard(n_samples: int, random: Random) -> NDArray[np.float64]:
    """About nine key strokes a second, each a click with a resonance of its own: (n_samples,), RMS 1."""
    waveform = np.zeros(n_samples + SAMPLE_RATE_HZ)
    count = 2 + random.poisson(9 * n_samples / SAMPLE_RATE_HZ)
    for start in random.integers(0, n_samples, count):
        time_s = _time_s(SAMPLE_RATE_HZ // 12)
        ring = np.sin(2 * np.pi * random.uniform(700, 3200) * time_s) + random.normal(size=time_s.size)
        waveform[start : start + time_s.size] += (
            random.uniform(0.3, 1) * ring * np.exp(-time_s / random.uniform(3e-3, 9e-3))
        )
    return _normalize_rms(waveform[:n_samples])


def music(n_samples: int, random: Random) -> NDArray[np.float64]:
    """Plucked chords, three to five a second, in a random key: (n_samples,), RMS 1."""
    waveform = np.zeros(n_samples + 2 * SAMPLE_RATE_HZ)
    beat, root = int(SAMPLE_RATE_HZ / random.uniform(3, 5)), int(random.integers(45, 60))  # MIDI notes
    for start in range(0, n_samples, beat):
        chord = root + random.choice([0, 5, 7, 9]) + np.array([0, 3 + random.integers(0, 2), 7, 12])
        time_s = _time_s(2 * beat)
        for note in chord:
            pitch_hz = 440 * 2 ** ((note - 69) / 12)
            tone = sum(np.sin(2 * np.pi * pitch_hz * k * time_s) / k**1.5 for k in range(1, 6) if pitch_hz * k < 3800)
            waveform[start : start + time_s.size] += tone * np.exp(-time_s / 0.25) * np.minimum(time_s / 5e-3, 1)
    return _normalize_rms(waveform[:n_samples])


NOISES: dict[str, Noise] = {"gusts": gusts, "engine": engine, "keyboard": keyboard, "music": music}


def add_noise(waveform: Waveform, noise: Noise, ratio_db: float, random: Random) -> Waveform:
    """Adds noise to a clip, from before its start to after its end, and cuts it to length as the decoder does.

    waveform: (n_samples,), range [-1, 1], cut to the speech; ratio_db: RMS of the clip to that of the noise.
    Returns (N_SAMPLES,), range [-1, 1].
    """
    padded = np.pad(waveform.astype(np.float64), MARGIN)
    level = float(np.sqrt(np.mean(waveform.astype(np.float64) ** 2)))
    mixed = padded + noise(padded.size, random) * level * 10 ** (-ratio_db / 20)
    return speech_window(_limit_peak(mixed))


def noise_only(noise: Noise, count: int, random: Random) -> Waveform:
    """Noise alone, 0.4 to 2 s of it, cut to length as the decoder does: (count, N_SAMPLES)."""
    lengths = random.integers(int(0.4 * SAMPLE_RATE_HZ), 2 * SAMPLE_RATE_HZ, count)
    return np.stack([speech_window(_limit_peak(noise(int(length), random) * 0.1)) for length in lengths])


def hiss(count: int, random: Random) -> Waveform:
    """A quiet room: white noise 50 to 60 dB below full scale: (count, N_SAMPLES)."""
    levels = 10 ** (-random.uniform(50, 60, count) / 20)
    return np.stack([speech_window((random.normal(size=N_SAMPLES) * level).astype(np.float32)) for level in levels])


def reverse(waveform: Waveform) -> Waveform:
    """A digit played backwards: (N_SAMPLES,)."""
    return speech_window(waveform[::-1])


def concatenate(first: Waveform, second: Waveform) -> Waveform:
    """Two clips with 60 ms between them, cut to the one second with the most speech, as the decoder does."""
    return speech_window(np.concatenate([first, np.zeros(SAMPLE_RATE_HZ * 6 // 100, np.float32), second]))


def other_words(random: Random) -> Waveform:
    """WORDS, spoken by espeak-ng in VOICES: (n_words, N_SAMPLES); n_words = 0 if it is not installed."""
    program = shutil.which("espeak-ng")
    spoken: list[Waveform] = []
    for word in WORDS if program is not None else ():
        voice = f"{random.choice(VOICES)}+{random.choice(VARIANTS)}"
        pitch, speed = int(random.integers(20, 85)), int(random.integers(120, 200))
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "word.wav")
            command = [str(program), "-v", voice, "-p", str(pitch), "-s", str(speed), "-w", str(path), word]
            subprocess.run(command, capture_output=True, check=True)  # noqa: S603 - a fixed program and words
            try:
                spoken.append(speech_window(read_waveform(path.read_bytes())))
            except InvalidAudio:  # silence: the voice is not installed
                continue
    return np.stack(spoken) if spoken else np.zeros((0, N_SAMPLES), np.float32)


def _time_s(n_samples: int) -> NDArray[np.float64]:
    return np.arange(n_samples) / SAMPLE_RATE_HZ


def _normalize_rms(waveform: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scales to an RMS of 1."""
    return np.asarray(waveform / max(float(np.sqrt(np.mean(waveform**2))), 1e-12), np.float64)


def _low_pass(waveform: NDArray[np.float64], limit_hz: float) -> NDArray[np.float64]:
    """Attenuates by 6 dB per octave above the limit."""
    frequency = np.fft.rfftfreq(waveform.size, 1 / SAMPLE_RATE_HZ)
    return np.asarray(np.fft.irfft(np.fft.rfft(waveform) / (1 + frequency / limit_hz), waveform.size), np.float64)


def _limit_peak(waveform: NDArray[np.float64]) -> Waveform:
    """Scales down to [-1, 1] if necessary."""
    return np.asarray(waveform / max(1.0, float(np.abs(waveform).max())), np.float32)
