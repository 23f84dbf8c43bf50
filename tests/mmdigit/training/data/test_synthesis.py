"""Synthetic speech: seeded plans, reserved voices, trimmed clips, missing and broken synthesizers."""

import shutil
import stat
import struct
from pathlib import Path

import numpy as np
import pytest

from mmdigit.reading.audio.normalize import SAMPLE_RATE_HZ, Waveform
from mmdigit.training.data import pronunciations, synthesis
from mmdigit.training.data.pronunciations import ENGLISH_OTHERS, ESPEAK_VARIANTS, PHONEME_OTHERS, RESERVED_VOICES
from mmdigit.training.data.speech_engines import ENGINES, Engine, Utterance
from mmdigit.training.data.synthesis import EMPTY, synthesize_clips
from schemas.errors import DataError

LEXICONS = [lexicon for engine in ENGINES for lexicon in engine.lexicons]


def only(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    monkeypatch.setattr(synthesis, "ENGINES", tuple(engine for engine in ENGINES if engine.name in names))


def wav(samples: np.ndarray, rate_hz: int) -> bytes:
    content = np.round(samples * 32767).astype("<i2").tobytes()
    form = struct.pack("<HHIIHH", 1, 1, rate_hz, 2 * rate_hz, 2, 16)
    head = b"RIFF" + struct.pack("<I", 36 + len(content)) + b"WAVEfmt " + struct.pack("<I", 16) + form
    return head + b"data" + struct.pack("<I", len(content)) + content


def tone(duration_s: float, rate_hz: int = 16000) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * 440 * np.arange(round(duration_s * rate_hz)) / rate_hz)


def utterance(label: int = 9, size: float = 1.0) -> Utterance:
    return Utterance("flite", "rms", "nine", label, 0.5, 1.0, size)


def test_reserved_voices_are_never_used() -> None:
    assert RESERVED_VOICES.isdisjoint({*ESPEAK_VARIANTS, *(voice for lexicon in LEXICONS for voice in lexicon.voices)})


def test_other_words_do_not_sound_like_digits() -> None:
    digits = {"to", "too", "for", "ate", "won", "oh", "o", *pronunciations.DIGIT_WORDS}
    assert digits.isdisjoint(ENGLISH_OTHERS)


@pytest.mark.parametrize("lexicon", LEXICONS, ids=lambda lexicon: lexicon.voices[0])
def test_lexicon_spells_ten_different_digits(lexicon: pronunciations.Lexicon) -> None:
    spellings = [spelling for digit in lexicon.digits for spelling in set(digit)]
    assert len(lexicon.digits) == 10
    assert len(spellings) == len(set(spellings))
    assert set(spellings).isdisjoint(lexicon.others)
    assert all('"' not in text and "\\" not in text and "<" not in text for text in (*spellings, *lexicon.others))


def test_other_words_are_not_digits_with_an_accent() -> None:
    # "tree" and "free" with an accent are "three"; "sick" may be "six".
    assert {"tr'i", "fr'i", "sr'i", "s'ik", "t'u", "v'an"}.isdisjoint(PHONEME_OTHERS)


def test_synthesize_clips_without_a_synthesizer_is_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert synthesize_clips(tmp_path, 10, 10, 1) == []
    assert "no speech from flite: flite is not installed" in capsys.readouterr().err


def test_synthesize_clips_skips_a_broken_synthesizer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    only(monkeypatch, "flite")
    program = tmp_path / "flite"
    program.write_text("#!/bin/sh\nexit 3\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert synthesize_clips(tmp_path / "cache", 10, 10, 1) == []
    first, line = capsys.readouterr().err.replace("\n", " ").split("no speech from ")[1:]
    assert first.startswith("kokoro-mixed: its files are not there")
    assert line.startswith("flite: ")
    assert "is broken" in line


def test_speak_drops_only_the_word_that_crashes_a_voice() -> None:
    def speak(_: str, utterances: list[Utterance]) -> list[bytes]:
        if any(each.text == "crash" for each in utterances):
            raise OSError("crashed")
        return [wav(tone(0.5), 16000) for _ in utterances]

    engine = Engine("flite", "flite", 1.0, pronunciations.FLITE, (), speak)  # type: ignore[arg-type]
    plan = [Utterance("flite", "rms", text, 9, 0.5, 1.0, 1.0) for text in ("nine", "nine", "crash", "nine", "nine")]
    assert [bool(clip.size) for clip in synthesis._speak(engine, plan, synthesis._word)] == [
        True,
        True,
        False,
        True,
        True,
    ]


def word(file: bytes, said: Utterance) -> Waveform:
    return synthesis._word(synthesis._decode(file, said), said)


def test_extract_speech_removes_silence() -> None:
    silence = 1e-3 * np.random.default_rng(0).standard_normal(16000)
    clip = word(wav(np.concatenate([silence, tone(0.5), silence]), 16000), utterance())
    assert clip.size / SAMPLE_RATE_HZ == pytest.approx(0.5 + 2 * synthesis.MARGIN_S, abs=0.04)


@pytest.mark.parametrize(
    ("duration_s", "label", "kept"), [(0.5, 9, True), (1.8, 9, False), (1.8, -1, True), (2.7, -1, False)]
)
def test_extract_speech_drops_long_clips(duration_s: float, label: int, kept: bool) -> None:
    assert bool(word(wav(tone(duration_s), 16000), utterance(label)).size) == kept


@pytest.mark.parametrize("file", [b"", b"RIFF", b"not a file", wav(np.zeros(8000), 16000), wav(tone(0.05), 16000)])
def test_extract_speech_drops_non_speech(file: bytes) -> None:
    np.testing.assert_array_equal(word(file, utterance()), EMPTY)


def test_extract_speech_scales_pitch_and_tempo_with_size() -> None:
    clip = word(wav(tone(0.6), 16000), utterance(size=1.1))
    spectrum = np.abs(np.fft.rfft(clip))
    assert spectrum.argmax() * SAMPLE_RATE_HZ / clip.size == pytest.approx(440 * 1.1, rel=0.01)
    assert clip.size / SAMPLE_RATE_HZ == pytest.approx(0.6 / 1.1, abs=0.04)


@pytest.mark.parametrize("name", [engine.name for engine in ENGINES])
def test_engines_speak_all_digits_and_other_words(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    program = next(engine.program for engine in ENGINES if engine.name == name)
    if shutil.which(program) is None:
        pytest.skip(f"needs {program}")
    only(monkeypatch, name)
    clips = synthesize_clips(tmp_path, 20, 6, 7)
    if "none of its voices" in capsys.readouterr().err:
        pytest.skip(f"needs voices of {program}")
    assert [clip.label for clip in clips] == [*range(10), *range(10), *[None] * 6]
    assert {clip.source for clip in clips} == {name}
    assert all(0.1 <= clip.waveform.size / SAMPLE_RATE_HZ <= 1.6 for clip in clips[:20])


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="needs espeak-ng")
def test_synthesize_clips_is_seeded_and_cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, "espeak", "espeak-accent")
    clips = synthesize_clips(tmp_path / "one", 10, 3, 7)
    assert {clip.source for clip in clips} == {"espeak", "espeak-accent"}
    again = synthesize_clips(tmp_path / "two", 10, 3, 7)
    monkeypatch.setattr(synthesis, "_speak_all", None)  # calling it would fail: only the cache is read
    cached = synthesize_clips(tmp_path / "one", 10, 3, 7)
    for clip, other, kept in zip(clips, again, cached, strict=True):
        np.testing.assert_array_equal(clip.waveform, other.waveform)
        np.testing.assert_array_equal(clip.waveform, kept.waveform)
    assert len(list((tmp_path / "one").iterdir())) == 1


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="needs espeak-ng")
def test_synthesize_clips_caches_each_set_of_engines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("espeak", "espeak-accent"):
        only(monkeypatch, name)
        assert {clip.source for clip in synthesize_clips(tmp_path, 10, 0, 7)} == {name}
    assert len(list(tmp_path.iterdir())) == 2


def test_string_keeps_its_pauses() -> None:
    pause = 1e-3 * np.random.default_rng(0).standard_normal(8000)
    sound = wav(np.concatenate([pause, tone(0.5), pause, tone(0.5), pause]), 16000)
    string = synthesis._string(synthesis._decode(sound, utterance(-1)), utterance(-1))
    assert string.size / SAMPLE_RATE_HZ == pytest.approx(1.5, abs=0.1)
    assert not synthesis._string(synthesis._decode(wav(tone(5), 16000), utterance(-1)), utterance(-1)).size


def test_voices_for_measuring_teach_no_number_words() -> None:
    taught = synthesis._with_number_words(dict.fromkeys(ENGINES, ""))
    assert {engine.name for engine in taught} == {"espeak", "espeak-accent"}
    assert all(lexicon.number_words for engine in taught for lexicon in engine.lexicons)


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="needs espeak-ng")
def test_number_words_are_named_in_their_clips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, "espeak")
    clips = synthesis.synthesize_number_words(tmp_path, 6, seed=1)
    assert [clip.word for clip in clips] == [*pronunciations.NUMBER_WORDS] * 2
    assert {clip.label for clip in clips} == {None}
    strings = synthesis.synthesize_strings(tmp_path, 4, seed=1)
    assert len(strings) == 4
    assert synthesis.synthesize_number_words(tmp_path, 0, seed=1) == []


def test_damaged_cache_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "speech.npz"
    synthesis._write(path, [np.zeros(9, np.float32), EMPTY])
    assert [clip.size for clip in synthesis._read(path)] == [9, 0]
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(DataError, match=r"expected synthetic speech in .*, got a damaged file \(.*\); remove it"):
        synthesis._read(path)
