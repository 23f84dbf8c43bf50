"""The splits of the data sets, and clear errors for altered recordings."""

import gzip
import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from mmdigit.datasets import fsdd
from mmdigit.training.data.splits import fold_of, load_clips, load_digits, load_glyphs
from schemas.errors import DataError
from tests.mmdigit.clips import as_bytes, drawn_digit, tone, wav
from tests.mmdigit.datasets.small_mnist import write_mnist

needs_data = pytest.mark.skipif("MMDIGIT_DATA" not in os.environ, reason="needs the real data sets in MMDIGIT_DATA")


def small_mnist(folder: Path, monkeypatch: pytest.MonkeyPatch, count: int = 40) -> None:
    labels = np.arange(count, dtype=np.uint8) % 10
    for part in ("train", "t10k"):
        write_mnist(folder, monkeypatch, part, np.ones((count, 28, 28), np.uint8), labels)


def write_writers(folder: Path, rows: list[str]) -> None:
    (folder / "mnist-writers").mkdir()
    (folder / "mnist-writers" / "train.csv.gz").write_bytes(
        gzip.compress("\n".join(["index,label,writer", *rows]).encode())
    )


def test_load_digits_splits_by_writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small_mnist(tmp_path, monkeypatch)
    write_writers(tmp_path, [f"{row},{row % 10},{row // 2}" for row in range(40)])
    train, validation, test = (load_digits(tmp_path, split) for split in ("train", "validation", "test"))
    assert set(validation.writers) == {0, 10}
    assert set(train.writers).isdisjoint(validation.writers)
    assert (train.labels.size, validation.labels.size, test.labels.size) == (36, 4, 40)


def test_load_digits_without_writers_holds_out_every_tenth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small_mnist(tmp_path, monkeypatch)
    assert load_digits(tmp_path, "validation").labels.size == 4


def small_speech(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    recordings = folder / fsdd.FOLDER
    recordings.mkdir(parents=True)
    for digit in range(10):
        for index in (0, 4, 5, 9, 10, 49):
            (recordings / f"{digit}_ann_{index}.wav").write_bytes(wav(tone(0.1, pitch_hz=200 + 100 * digit)))
    monkeypatch.setattr(fsdd, "COUNT", 60)
    return recordings


def test_load_clips_splits_fsdd_by_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small_speech(tmp_path, monkeypatch)
    numbers = {split: {clip.index for clip in load_clips(tmp_path, split)} for split in ("train", "validation", "test")}
    assert numbers == {"train": {10, 49}, "validation": {5, 9}, "test": {0, 4}}


def test_load_clips_splits_speech_commands_by_speaker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small_speech(tmp_path, monkeypatch)
    folder = tmp_path / "speech-commands-digits"
    folder.mkdir()
    for speaker in range(20):
        (folder / f"{speaker % 10}_s{speaker}_0.wav").write_bytes(wav(tone(0.1)))
    speakers = [
        {clip.speaker for clip in load_clips(tmp_path, split) if clip.source == "speech-commands"}
        for split in ("train", "validation", "test")
    ]
    assert speakers[0] & speakers[1] == set()
    assert len(speakers[0] | speakers[1]) == 20
    assert speakers[1]
    assert speakers[2] == set()


def test_load_clips_has_words_in_training_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small_speech(tmp_path, monkeypatch)
    folder = tmp_path / "negatives-words"
    folder.mkdir()
    for speaker in range(20):
        (folder / f"tree_s{speaker}_0.wav").write_bytes(wav(tone(0.1)))
    (folder / "noise_silence_0.wav").write_bytes(wav(0 * tone(0.1)))  # the worker refuses it: no need to learn it
    words = {
        split: [clip for clip in load_clips(tmp_path, split) if clip.label is None] for split in ("train", "validation")
    }
    assert words["validation"] == []
    assert {clip.word for clip in words["train"]} == {"tree"}
    assert 0 < len(words["train"]) < 20  # a fifth of the speakers is for validation
    (folder / "7_s1_0.wav").write_bytes(wav(tone(0.1)))
    with pytest.raises(DataError, match=r"named \{word\}_\{speaker\}_\{index\}.wav or .flac in .*, got 7_s1_0.wav"):
        load_clips(tmp_path, "train")


@pytest.mark.parametrize("folds", [5, 6])
def test_folds_of_speakers_are_stable_and_even(folds: int) -> None:
    sizes = [sum(fold_of(f"speaker {number}", folds) == fold for number in range(1000)) for fold in range(folds)]
    assert sum(sizes) == 1000
    assert min(sizes) > 1000 / folds * 0.8
    assert fold_of("0c540988") == 2


@pytest.mark.parametrize("change", ["one missing", "wrong name", "broken", "none"])
def test_load_clips_refuses_altered_recordings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str) -> None:
    recordings = small_speech(tmp_path, monkeypatch)
    first = recordings / "0_ann_0.wav"
    if change == "one missing":
        first.unlink()
    if change == "wrong name":
        first.rename(recordings / "first.wav")
    if change == "broken":
        first.write_bytes(b"RIFF")
    if change == "none":
        recordings.rename(tmp_path / "elsewhere")
    with pytest.raises(DataError, match="expected"):
        load_clips(tmp_path, "train")


def test_load_glyphs_has_different_alphabets_in_each_split(tmp_path: Path) -> None:
    assert load_glyphs(tmp_path, "train").shape == (0, 28, 28)
    (tmp_path / "omniglot").mkdir()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for alphabet in ("Greek", "Latin", "Korean"):
            archive.writestr(f"images/{alphabet}/character01/1.png", as_bytes(drawn_digit(105).convert("1")))
    path = tmp_path / "omniglot" / "images_background_small1.zip"
    path.write_bytes(buffer.getvalue())
    assert [load_glyphs(tmp_path, split).shape[0] for split in ("train", "validation", "test")] == [1, 1, 1]
    path.write_bytes(b"no archive")
    with pytest.raises(DataError, match="Omniglot"):
        load_glyphs(tmp_path, "train")


@pytest.mark.data
@needs_data
def test_splits_of_the_real_data_have_the_expected_sizes() -> None:
    folder = Path(os.environ["MMDIGIT_DATA"])
    sizes = [load_digits(folder, split).labels.size for split in ("train", "validation", "test")]
    assert sizes[0] + sizes[1] == 60_000
    assert 5_000 < sizes[1] < 7_000
    assert sizes[2] == 10_000
    assert len(load_clips(folder, "test")) == 300
