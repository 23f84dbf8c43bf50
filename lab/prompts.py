"""Speaks the prompts of `mmdigit say` with Kokoro-82M: `python -m lab.prompts --kokoro DIR` writes WAV files.

DIR holds the synthesizer's files as docs/use/data.md describes them. The prompts are trimmed and equally loud.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soxr  # type: ignore[import-untyped]
from numpy.typing import NDArray

from mmdigit.numbers.prompts import FOLDER, NOTHING_HEARD, RATE_HZ
from mmdigit.reading.audio.decode import read_clip
from mmdigit.reading.audio.wav_writing import pcm_wav
from mmdigit.settings.program import run_program
from mmdigit.training.data.kokoro import kokoro
from mmdigit.training.data.speech_engines import Utterance
from schemas.errors import DataError

VOICE = "af_kore"
DIGITS = ("zˈiɹO", "wˈʌn", "tʰˈu", "θɹˈi", "fˈɔɹ", "fˈIv", "sˈɪks", "sˈɛvən", "ˈAt", "nˈIn")
TEXTS = {**{str(digit): text for digit, text in enumerate(DIGITS)}, NOTHING_HEARD: "nˈO dˈɪʤɪt hˈɜɹd"}
"""In the phonemes of Kokoro's package misaki."""
PACE = 1.05
RMS, PEAK = 0.1, 0.8  # of full scale
SPEECH_DB = 35.0  # speech is at most that far below the loudest frame
SILENCE_S = 0.03  # at either end
FADE_S = 0.005


def speak(folder: Path) -> dict[str, NDArray[np.int16]]:
    """Each prompt by its name, 16-bit samples at RATE_HZ. Raises DataError if the synthesizer's files are missing."""
    engine = kokoro(folder)
    if engine is None:
        raise DataError(f"expected Kokoro's model and voices in {folder}, got none; see docs/use/data.md")
    voice = f"{VOICE}+{VOICE}"
    said = [Utterance(engine.name, voice, text, -1, 0.0, PACE, 1.0) for text in TEXTS.values()]
    files = engine.speak(engine.program, said)
    return {name: _finished(*read_clip(file)) for name, file in zip(TEXTS, files, strict=True)}


def _finished(samples: NDArray[np.float32], rate_hz: int) -> NDArray[np.int16]:
    sound = np.asarray(soxr.resample(samples[:, 0], rate_hz, RATE_HZ), np.float64)
    frame = RATE_HZ // 100
    power = (sound[: sound.size // frame * frame].reshape(-1, frame) ** 2).mean(axis=1)
    spoken = np.flatnonzero(power > power.max() * 10 ** (-SPEECH_DB / 10))
    sound = sound[spoken[0] * frame : (spoken[-1] + 1) * frame]
    fade = np.linspace(0, 1, round(FADE_S * RATE_HZ))
    sound[: fade.size] *= fade
    sound[-fade.size :] *= fade[::-1]
    gain = min(RMS / np.sqrt((sound**2).mean()), PEAK / np.abs(sound).max())
    return np.asarray(np.round(np.pad(sound * gain, round(SILENCE_S * RATE_HZ)) * 32767), np.int16)


def _main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m lab.prompts", description=__doc__)
    parser.add_argument("--kokoro", type=Path, required=True, metavar="DIR", help="the synthesizer's files")
    parser.add_argument("--output", type=Path, default=FOLDER, metavar="DIR", help="default: the shipped prompts")
    given = parser.parse_args(argv)
    for name, samples in speak(given.kokoro).items():
        (given.output / f"{name}.wav").write_bytes(pcm_wav(samples.astype("<i2").tobytes(), RATE_HZ))
    sys.stdout.write(f"{len(TEXTS)} prompts: {given.output}\n")
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    return run_program("lab.prompts", _main, argv)


if __name__ == "__main__":
    sys.exit(main())
