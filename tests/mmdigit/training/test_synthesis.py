"""Synthetic speech: seeded plans, held-out voices, and quiet absence."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from mmdigit.training import synthesis
from mmdigit.training.synthesis import HELD_OUT, OTHER_WORDS, VARIANTS, VOICES, synthesise


def test_held_out_voices_are_never_used() -> None:
    assert HELD_OUT.isdisjoint({*VOICES, *VARIANTS})


def test_other_words_do_not_sound_like_digits() -> None:
    assert {"to", "too", "for", "ate", "won", "oh", "o", *synthesis.DIGIT_WORDS}.isdisjoint(OTHER_WORDS)


def test_without_the_program_nothing_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert synthesise(tmp_path, 10, 10, 1) == []


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="needs espeak-ng")
def test_the_same_seed_speaks_the_same_and_the_cache_keeps_it(tmp_path: Path) -> None:
    clips = synthesise(tmp_path / "one", 10, 3, 7)
    assert [clip.label for clip in clips] == [*range(10), None, None, None]
    again = synthesise(tmp_path / "two", 10, 3, 7)
    cached = synthesise(tmp_path / "one", 10, 3, 7)
    for clip, other, kept in zip(clips, again, cached, strict=True):
        np.testing.assert_array_equal(clip.waveform, other.waveform)
        np.testing.assert_array_equal(clip.waveform, kept.waveform)
    assert len(list((tmp_path / "one").iterdir())) == 1
