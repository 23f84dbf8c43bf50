"""A recording as the browser's fake microphone plays it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile  # type: ignore[import-untyped]
import soxr  # type: ignore[import-untyped]

PACK = Path("samples/pack")
PAUSE_S = 1.0
NOISE = 5e-4
"""Of full scale: no microphone is silent."""


@dataclass(frozen=True)
class FakeSpeech:
    """A recording that the fake microphone plays over and over, with faint noise around it.

    rate_hz: of the sound, None for the recording's own; times: how often it is said, a second apart.
    """

    recording: Path
    rate_hz: int | None = None
    times: int = 1

    def write(self, path: Path) -> None:
        """A WAV file."""
        word, own_hz = soundfile.read(self.recording)
        rate_hz = self.rate_hz or int(own_hz)
        word = soxr.resample(word, own_hz, rate_hz)
        pause = np.zeros(int(PAUSE_S * rate_hz))
        heard = np.concatenate([*([pause, word] * self.times), pause, pause])
        heard += np.random.default_rng(3).normal(0.0, NOISE, heard.size)
        soundfile.write(path, heard.clip(-1, 1), rate_hz, subtype="PCM_16")
