"""The neural speech synthesizer Kokoro-82M: 54 voices, which it also mixes, so that no two utterances are one person's.

Its files are optional: `kokoro/kokoro-v1.0.int8.onnx` and `kokoro/voices/*.bin` in the folder of the data sets
(docs/use/data.md says where they come from). The model reads phonemes, so that a Chinese voice can say "sri".
Source: https://huggingface.co/hexgrad/Kokoro-82M (Apache-2.0), and its package misaki for the phonemes.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdigit.reading.audio.wav_writing import pcm_wav
from mmdigit.reading.predictor import open_session
from mmdigit.training.data import pronunciations
from mmdigit.training.data.pronunciations import Lexicon
from mmdigit.training.data.speech_engines import Engine, Utterance

MODEL, VOICES = "kokoro-v1.0.int8.onnx", "voices"
RATE_HZ = 24_000
STYLE = 256  # numbers that describe a voice at one length of text
STYLE_ROW = 60  # of the lengths: those of a short sentence, which single words sound most natural with
PHONEMES = dict(
    zip(
        "AIOQWYabdefhijklmnopstuvwzæɑɐɒɔəɚɛɜɡɪɯŋɹɾɻʃʈʤʧʊʋʌθðʒˈːʰᵊ",
        (
            *(24, 25, 31, 33, 39, 41, 43, 44, 46, 47, 48, 50, 51, 52, 53, 54, 55, 56, 57, 58, 61, 62, 63, 64, 65, 68),
            *(72, 69, 70, 71, 76, 83, 85, 86, 87, 92, 102, 110, 112, 123, 125, 126, 131, 132, 82, 133, 135, 136),
            *(138, 119, 81, 147, 156, 158, 162, 42),
        ),
        strict=True,
    )
)
"""The model's number of each phoneme that the spellings use."""


def kokoro(folder: Path) -> Engine | None:
    """The engine of the files in this folder; None if they are not there."""
    model = folder / MODEL
    voices = tuple(sorted(path.stem for path in (folder / VOICES).glob("*.bin")))
    if not model.is_file() or not voices:
        return None

    def of(prefixes: str, digits: tuple[tuple[str, ...], ...], share: float) -> list[Lexicon]:
        own = tuple(voice for voice in voices if voice[0] in prefixes)
        return [Lexicon(own, digits, pronunciations.KOKORO_OTHERS, share, pronunciations.KOKORO_WORDS)] if own else []

    lexicons = (
        *of("a", pronunciations.KOKORO_AMERICAN, 3.0),
        *of("b", pronunciations.KOKORO_BRITISH, 1.5),
        *of("h", pronunciations.KOKORO_INDIAN, 2.0),
        *of("zj", pronunciations.KOKORO_CHINESE, 2.5),
        *of("efip", pronunciations.KOKORO_EUROPEAN, 1.5),
        *of("ab", pronunciations.KOKORO_EUROPEAN, 0.5),
        *of("hzj", pronunciations.KOKORO_AMERICAN, 1.0),
    )
    return Engine("kokoro-mixed", str(model), 0.7, lexicons, (), _speak, tuple(f"+{voice}" for voice in voices))


def _speak(program: str, utterances: Sequence[Utterance]) -> list[bytes]:
    """Utterance.voice: two voices joined by +; Utterance.pitch: the second one's share, up to a half."""
    model, files = Path(program), []
    for utterance in utterances:
        first, second = (_style(model.parent / VOICES / f"{name}.bin") for name in utterance.voice.split("+"))
        style = first + 0.5 * utterance.pitch * (second - first)
        tokens = [0, *(PHONEMES[phoneme] for phoneme in utterance.text.replace(" ", "")), 0]
        speed = np.array([utterance.pace / utterance.size], np.float32)
        feed = {"tokens": np.array([tokens], np.int64), "style": style[None], "speed": speed}
        files.append(_to_wav(_session(model).run(None, feed)[0].ravel()))
    return files


@cache
def _session(model: Path) -> Any:
    return open_session(model.read_bytes(), 1)


@cache
def _style(path: Path) -> NDArray[np.float32]:
    return np.asarray(np.fromfile(path, np.float32).reshape(-1, STYLE)[STYLE_ROW], np.float32)


def _to_wav(waveform: NDArray[np.float32]) -> bytes:
    return pcm_wav((waveform.clip(-1, 1) * 32767).astype("<i2").tobytes(), RATE_HZ)
