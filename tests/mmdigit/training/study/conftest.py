"""Small data for the studies."""

from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch")

from mmdigit.training.evaluate.corrupt_audio import gusts
from mmdigit.training.study import command, folds
from tests.mmdigit.training import made_up


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    sets = made_up.sets(tmp_path)
    clips = [replace(clip, index=clip.index + 5 * part) for clip in made_up.clips(2)[:20] for part in range(2)]
    for module in (command, folds):
        monkeypatch.setattr(module, "load_sets", lambda *_: sets)
        monkeypatch.setattr(module, "load_digits", lambda *_: made_up.digits(20, 9))
    monkeypatch.setattr(command, "load_images", lambda *_: sets.images)
    monkeypatch.setattr(folds, "load_clips", lambda _, split: clips if split == "test" else [])
    monkeypatch.setattr(folds, "FSDD_SPEAKERS", ("a", "b"))
    monkeypatch.setattr(command, "SEEDS", (1, 2))
    monkeypatch.setattr(folds, "NOISES", {"gusts": gusts})
    monkeypatch.setattr(folds, "RATIOS_DB", (5,))
    return tmp_path
