"""Augmented clips: seeded, cached, and without the left-out speakers."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from mmdigit.training.data.augmented_clips import NOT_A_DIGIT, load_augmented_clips, row_batches, rows_without_speakers
from mmdigit.training.data.log_mel import N_FRAMES, N_MELS
from schemas.errors import DataError
from tests.mmdigit.training import made_up

PLAN = made_up.plan().audio


def test_augmented_clips_are_seeded_and_cached(tmp_path: Path) -> None:
    clips = made_up.clips(2)
    augmented = load_augmented_clips(clips, PLAN, 1, tmp_path / "one")
    assert augmented.features.shape == (PLAN.rows, N_FRAMES, N_MELS)
    assert bool(np.isfinite(augmented.features.astype(np.float32)).all())
    again = load_augmented_clips(clips, PLAN, 1, tmp_path / "two")
    np.testing.assert_array_equal(again.features, augmented.features)
    np.testing.assert_array_equal(again.labels, augmented.labels)
    assert not np.array_equal(load_augmented_clips(clips, PLAN, 2, tmp_path / "one").features, augmented.features)
    (folder,) = (tmp_path / "two").iterdir()
    written = (folder / "rows.npz").stat().st_mtime_ns
    load_augmented_clips(clips, PLAN, 1, tmp_path / "two")
    assert (folder / "rows.npz").stat().st_mtime_ns == written


def test_augmented_clips_keep_the_labels(tmp_path: Path) -> None:
    clips = made_up.clips(2)
    augmented = load_augmented_clips(clips, PLAN, 1, tmp_path)
    for label, clip in zip(augmented.labels, augmented.clips, strict=True):
        assert label == NOT_A_DIGIT or clips[clip].label == label
    assert set(augmented.labels) == {NOT_A_DIGIT, *range(10)}
    assert 0 < (augmented.labels == NOT_A_DIGIT).mean() < 0.3


def test_rows_without_speakers_excludes_them(tmp_path: Path) -> None:
    clips = made_up.clips(2)
    augmented = load_augmented_clips(clips, PLAN, 1, tmp_path)
    rows = rows_without_speakers(augmented, clips, ("fsdd/a",))
    assert {clips[clip].speaker for clip in augmented.clips[rows]} == {"b", "c"}
    assert rows_without_speakers(augmented, clips, ()).size == PLAN.rows
    with pytest.raises(DataError, match="got 'fsdd/nobody'"):
        rows_without_speakers(augmented, clips, ("fsdd/nobody",))


def test_left_out_speakers_are_in_no_other_row(tmp_path: Path) -> None:
    """With other sounds from a speaker, only the rows of that speaker are others."""
    clips = [*made_up.clips(2), *made_up.number_words()]
    other = [replace(clip, waveform=clip.waveform[::-1].copy()) if clip.name == "fsdd/a" else clip for clip in clips]
    plan = PLAN.model_copy(update={"rows": 512})
    before, after = (load_augmented_clips(each, plan, 1, tmp_path) for each in (clips, other))
    kept = rows_without_speakers(before, clips, ("fsdd/a",))
    assert 100 < kept.size < 400
    np.testing.assert_array_equal(after.features[kept], before.features[kept])
    assert not np.array_equal(after.features, before.features)


def test_row_batches_read_each_row_once() -> None:
    batches = list(row_batches(np.arange(100, 200), 32, seed=1))
    read = np.concatenate(batches)
    assert [batch.size for batch in batches] == [32, 32, 32]
    assert np.unique(read).size == 96
    assert set(read) <= set(range(100, 200))


def test_augmented_clips_need_every_digit(tmp_path: Path) -> None:
    clips = [clip for clip in made_up.clips(1) if clip.label != 4]
    with pytest.raises(DataError, match="all ten digits from fsdd, espeak"):
        load_augmented_clips(clips, PLAN, 1, tmp_path)
