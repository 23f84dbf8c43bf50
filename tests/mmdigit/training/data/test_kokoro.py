"""Kokoro: voices are mixed, phonemes are known, speech comes out; without its files there is no engine."""

import io
import os
import re
import wave
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from mmdigit.reading.audio.normalize import read_waveform
from mmdigit.training.data import pronunciations
from mmdigit.training.data.kokoro import MODEL, PHONEMES, RATE_HZ, STYLE, STYLE_ROW, kokoro
from mmdigit.training.data.pronunciations import Lexicon
from mmdigit.training.data.speech_engines import Utterance
from mmdigit.training.data.synthesis import synthesize_clips


def write_files(folder: Path) -> None:
    """A model that "speaks" a second whose level is the style's first number; voices of level 0.2 and 0.6."""
    folder = folder / "kokoro"
    (folder / "voices").mkdir(parents=True)
    for name, level in (("af_low", 0.2), ("zf_high", 0.6)):
        style = np.full((STYLE_ROW + 5, STYLE), -1, np.float32)
        style[STYLE_ROW] = level
        style.tofile(folder / "voices" / f"{name}.bin")
    random = np.random.default_rng(1).uniform(-1, 1, RATE_HZ).astype(np.float32)
    random[: RATE_HZ // 4] = random[-RATE_HZ // 4 :] = 0
    graph = helper.make_graph(
        [
            helper.make_node("ReduceMax", ["style"], ["level"], axes=[1], keepdims=0),
            helper.make_node("Mul", ["level", "sound"], ["audio"]),
        ],
        "speech",
        [
            helper.make_tensor_value_info("tokens", TensorProto.INT64, [1, None]),
            helper.make_tensor_value_info("style", TensorProto.FLOAT, [1, STYLE]),
            helper.make_tensor_value_info("speed", TensorProto.FLOAT, [1]),
        ],
        [helper.make_tensor_value_info("audio", TensorProto.FLOAT, [RATE_HZ])],
        [helper.make_tensor("sound", TensorProto.FLOAT, [RATE_HZ], random)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, folder / MODEL)


def level(file: bytes) -> float:
    with wave.open(io.BytesIO(file)) as stream:
        assert (stream.getframerate(), stream.getnchannels()) == (RATE_HZ, 1)
        return float(np.abs(np.frombuffer(stream.readframes(RATE_HZ), "<i2")).max() / 32767)


def test_there_is_no_engine_without_its_files(tmp_path: Path) -> None:
    assert kokoro(tmp_path / "kokoro") is None
    write_files(tmp_path)
    (tmp_path / "kokoro" / MODEL).unlink()
    assert kokoro(tmp_path / "kokoro") is None


def test_two_voices_are_mixed(tmp_path: Path) -> None:
    write_files(tmp_path)
    engine = kokoro(tmp_path / "kokoro")
    assert engine is not None
    utterances = [Utterance("kokoro-mixed", "af_low+zf_high", "nˈIn", 9, pitch, 1.0, 1.0) for pitch in (0.0, 0.5, 1.0)]
    levels = [level(file) for file in engine.speak(engine.program, utterances)]
    assert levels == pytest.approx([0.2, 0.3, 0.4], abs=0.01)


DIGITS = [name for name in vars(pronunciations) if re.fullmatch("KOKORO_(?!OTHERS|WORDS).*", name)]


@pytest.mark.parametrize("name", DIGITS)
def test_spellings_are_known_and_of_one_digit_each(name: str) -> None:
    digits = getattr(pronunciations, name)
    spellings = [spelling for digit in digits for spelling in digit]
    assert len(digits) == 10
    assert len(spellings) == len(set(spellings))
    assert set("".join(spellings)) <= PHONEMES.keys()
    assert set(spellings).isdisjoint(pronunciations.KOKORO_OTHERS)


def test_number_words_are_known() -> None:
    words = pronunciations.KOKORO_WORDS
    assert len(words) == len(pronunciations.NUMBER_WORDS)
    assert set("".join(spelling for word in words for spelling in word)) <= PHONEMES.keys()


def test_other_words_are_known() -> None:
    assert set("".join(pronunciations.KOKORO_OTHERS)) <= PHONEMES.keys()
    assert len(set(PHONEMES.values())) == len(PHONEMES)


def test_synthesized_clips_come_from_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_files(tmp_path)
    monkeypatch.setattr("shutil.which", lambda _: None)
    clips = synthesize_clips(tmp_path / "cache", 20, 5, 1, tmp_path)
    assert {clip.source for clip in clips} == {"kokoro-mixed"}
    assert sum(clip.label is not None for clip in clips) == 20
    assert all("+" in clip.speaker for clip in clips)


@pytest.mark.data
@pytest.mark.skipif("MMDIGIT_DATA" not in os.environ, reason="needs the real data sets in MMDIGIT_DATA")
def test_the_real_model_speaks() -> None:
    engine = kokoro(Path(os.environ["MMDIGIT_DATA"]) / "kokoro")
    if engine is None:
        pytest.skip("Kokoro's files are not among the data sets")
    lexicon: Lexicon = engine.lexicons[0]
    voice = lexicon.voices[0] + engine.variants[0]
    (file,) = engine.speak(engine.program, [Utterance(engine.name, voice, lexicon.digits[6][0], 6, 0.5, 1.0, 1.0)])
    assert 0.2 < read_waveform(file).size / 8000 < 3
