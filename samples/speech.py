"""Synthesizes spoken digits with espeak-ng, as a cheap microphone would record them."""

import io
import shutil
import subprocess

import numpy as np
import soundfile  # type: ignore[import-untyped]
import soxr  # type: ignore[import-untyped]
from numpy.typing import NDArray

from schemas.errors import DataError

Samples = NDArray[np.float64]

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
VOICES = ("en-029", "en-gb-scotland", "en-us", "en-gb")
VARIANTS = ("f2", "f4", "m3", "m5", "m6")
"""Training never uses these variants: the pack stays a fair, if synthetic, test."""
RATES_HZ = (8000, 8000, 11025, 16000)
"""Chosen at random."""
TIMEOUT_S = 20


def find_espeak() -> str:
    """The path of the espeak-ng program. Raises DataError if it is not installed."""
    program = shutil.which("espeak-ng")
    if program is None:
        raise DataError(
            "expected espeak-ng, got no such program; install it: apt-get install espeak-ng, or brew install espeak-ng"
        )
    return program


def speak(digit: int, rng: np.random.Generator) -> tuple[Samples, int]:
    """Synthesize one spoken digit, with random voice, speed, pitch, loudness, silence around the word, and noise.

    Returns (n_samples,), mono, range [-1, 1], and the rate in Hz. Raises DataError if espeak-ng is missing or fails.
    """
    voice = f"{rng.choice(VOICES)}+{rng.choice(VARIANTS)}"
    speed = str(rng.integers(120, 191))  # words a minute
    pitch = str(rng.integers(30, 71))  # 0-99
    rate_hz = int(rng.choice(RATES_HZ))
    word, word_rate_hz = run_espeak("-v", voice, "-s", speed, "-p", pitch, "--stdout", WORDS[digit])
    word = trimmed(soxr.resample(word, word_rate_hz, rate_hz))
    before, after = (int(rng.uniform(0.03, 0.18) * rate_hz) for _ in range(2))
    clip = np.concatenate([np.zeros(before), word, np.zeros(after)])
    clip *= rng.uniform(0.25, 0.9) / max(float(np.abs(clip).max()), 1e-9)
    noise_db = rng.uniform(-62.0, -42.0)  # relative to full scale
    clip += rng.normal(0.0, 10.0 ** (noise_db / 20.0), len(clip))
    return np.clip(clip, -1.0, 1.0), rate_hz


def run_espeak(*arguments: str) -> tuple[Samples, int]:
    """What espeak-ng says, (n_samples,), and the rate in Hz. Raises DataError if it is missing or fails.

    arguments: with --stdout, and the text last.
    """
    try:
        command = [find_espeak(), *arguments]
        done = subprocess.run(command, capture_output=True, check=True, timeout=TIMEOUT_S)  # noqa: S603
        samples, rate_hz = soundfile.read(io.BytesIO(done.stdout), dtype="float64")
    except (subprocess.SubprocessError, OSError, soundfile.LibsndfileError) as error:
        raise DataError(
            f"expected espeak-ng {' '.join(arguments[:-1])} to say {arguments[-1]!r}, got {error}; reinstall it"
        ) from error
    return samples, rate_hz


def trimmed(samples: Samples) -> Samples:
    """The samples from the first to the last that is louder than 1 % of the peak. Raises DataError for silence."""
    loud = np.flatnonzero(np.abs(samples) > 0.01 * np.abs(samples).max(initial=0.0))
    if not len(loud):
        raise DataError("expected speech from espeak-ng, got silence; install its data package, espeak-ng-data")
    return samples[loud[0] : loud[-1] + 1]
