"""A recording as the browser's fake microphone plays it."""

import atexit
import tempfile
from pathlib import Path

import numpy as np
import soundfile  # type: ignore[import-untyped]

PACK = Path("samples/pack")
PAUSE_S = 1.0
NOISE = 5e-4
"""Of full scale: no microphone is silent."""


def microphone(recording: Path) -> Path:
    """A file for FAKE_SPEECH: the recording with faint noise around it, which the browser plays over and over."""
    word, rate_hz = soundfile.read(recording)
    pause = np.zeros(int(PAUSE_S * rate_hz))
    heard = np.concatenate([pause, word, pause, pause])
    heard += np.random.default_rng(3).normal(0.0, NOISE, heard.size)
    folder = tempfile.TemporaryDirectory(prefix="mmdigit-speech-")
    atexit.register(folder.cleanup)
    path = Path(folder.name) / "microphone.wav"
    soundfile.write(path, heard.clip(-1, 1), rate_hz, subtype="PCM_16")
    return path
