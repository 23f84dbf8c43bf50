"""A recording as the browser's fake microphone plays it."""

import atexit
import tempfile
from pathlib import Path

import numpy as np
import soundfile  # type: ignore[import-untyped]
import soxr  # type: ignore[import-untyped]

PACK = Path("samples/pack")
PAUSE_S = 1.0
NOISE = 5e-4
"""Of full scale: no microphone is silent."""


def microphone(recording: Path, rate_hz: int | None = None, times: int = 1) -> Path:
    """A file for FAKE_SPEECH: the recording with faint noise around it, which the browser plays over and over.

    rate_hz: of the file; None for the recording's own. times: how often it is said, a second apart.
    """
    word, own_hz = soundfile.read(recording)
    rate_hz = rate_hz or int(own_hz)
    word = soxr.resample(word, own_hz, rate_hz)
    pause = np.zeros(int(PAUSE_S * rate_hz))
    heard = np.concatenate([*([pause, word] * times), pause, pause])
    heard += np.random.default_rng(3).normal(0.0, NOISE, heard.size)
    folder = tempfile.TemporaryDirectory(prefix="mmdigit-speech-")
    atexit.register(folder.cleanup)
    path = Path(folder.name) / "microphone.wav"
    soundfile.write(path, heard.clip(-1, 1), rate_hz, subtype="PCM_16")
    return path
