"""Logits for unseen writers and speakers: complete, of the right recordings, each image once."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnx")

from mmdigit.datasets.fsdd import TEST_INDICES
from mmdigit.reading.predictor import Predictor
from mmdigit.training.data.splits import Clip, Digits, load_digits
from mmdigit.training.evaluate.held_out import (
    FOLD_FILE,
    decode_images,
    held_out_clips,
    held_out_pairs,
    model_inputs,
    read_folds,
)
from schemas.errors import DataError
from tests.mmdigit.small_model import generation_2, save
from tests.mmdigit.training import made_up

DIGITS = made_up.digits(40, 1)


def fold(seed: int, digits: Digits = DIGITS) -> dict[str, Any]:
    """What a training without one speaker leaves: ten recordings of each digit, and 200 pairs of the kept ones."""
    random = np.random.default_rng(seed)
    labels, indices = np.repeat(np.arange(10), 10), np.tile(np.arange(10), 10)
    images = random.integers(0, digits.labels.size, 200)
    kept = [np.flatnonzero((labels == label) & (indices >= 5)) for label in range(10)]
    clips = np.array([random.choice(kept[label]) for label in digits.labels[images]])
    return {
        "audio_logits": random.normal(size=(100, 10)).astype(np.float32),
        "labels": labels,
        "indices": indices,
        "fused_logits": random.normal(size=(200, 10)).astype(np.float32),
        "fused_labels": digits.labels[images],
        "fused_images": images,
        "fused_clips": clips,
        "people": np.array(["fsdd/ann"] * 100),
        "pitch_hz": np.full(100, 210.0),
    }


def write(folder: Path, speaker: str, arrays: dict[str, Any]) -> Path:
    (folder / speaker).mkdir(parents=True, exist_ok=True)
    np.savez(folder / speaker / FOLD_FILE, **arrays)
    return folder


def test_read_folds_skips_test_recordings(tmp_path: Path) -> None:
    parts = {"ann": fold(1), "bob": fold(2)}
    for speaker, arrays in parts.items():
        write(tmp_path, speaker, arrays)
    folds = read_folds(tmp_path, DIGITS, ["bob", "ann"])
    assert (folds.audio_labels.size, folds.n_speakers, folds.fused_images.size) == (100, 2, 400)
    kept = parts["ann"]["indices"] >= len(TEST_INDICES)
    np.testing.assert_array_equal(folds.audio_logits[:50], parts["ann"]["audio_logits"][kept])


def test_held_out_pairs_use_each_image_once(tmp_path: Path) -> None:
    for speaker in ("ann", "bob"):
        write(tmp_path, speaker, fold(len(speaker)))
    folds = read_folds(tmp_path, DIGITS, ["ann", "bob"])
    predictor = Predictor.load(save(tmp_path / "m.onnx", generation_2()))
    images, waveforms, clip_labels = model_inputs(DIGITS, made_up.clips(2)[:20])
    labels = DIGITS.labels
    answers = held_out_pairs(predictor, images, waveforms, clip_labels, labels, folds, np.random.default_rng(0))
    chosen = [np.flatnonzero((folds.fused_logits == row).all(axis=1)) for row in answers.logits]
    images_used = [int(folds.fused_images[place[0]]) for place in chosen]
    assert images_used == sorted(set(folds.fused_images.tolist()))
    np.testing.assert_array_equal(answers.labels, labels[images_used])
    other = held_out_pairs(predictor, images, waveforms, clip_labels, labels, folds, np.random.default_rng(1))
    assert not np.array_equal(answers.logits, other.logits)

    alone = held_out_pairs(predictor, images, waveforms, clip_labels, labels, None, np.random.default_rng(0))
    assert alone.logits.shape == (40, 10)
    np.testing.assert_array_equal(alone.labels, labels)


def test_held_out_clips_take_fsdd_from_the_folds(tmp_path: Path) -> None:
    folds = read_folds(write(tmp_path, "ann", fold(1)), DIGITS, ["ann"])
    waveform = np.zeros(8000, np.float32)
    clips = [Clip(waveform, label, source, "x", 0) for label, source in ((1, "fsdd"), (2, "speech-commands"))]
    logits, clip_labels = np.arange(20, dtype=np.float32).reshape(2, 10), np.array([1, 2])
    pooled = held_out_clips(logits, clip_labels, clips, folds)
    assert pooled.labels.size == 51
    np.testing.assert_array_equal(pooled.logits[-1], logits[1])
    assert "50 recordings of 1 people" in pooled.split
    assert pooled.people is not None
    assert pooled.people.names.tolist() == ["fsdd/ann"] * 50 + ["speech-commands/x"]
    alone = held_out_clips(logits, clip_labels, clips, None)
    np.testing.assert_array_equal(alone.logits, logits)
    assert "seen in training" in alone.split


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("fused_clips", np.zeros(200, np.int64), "recordings of the test split"),
        ("fused_labels", np.zeros(200, np.int64), "have other labels"),
        ("fused_images", np.full(200, 40), "out of bounds"),
        ("fused_images", np.full(200, -1), "below 0"),
        ("labels", np.full(100, 10), "are not digits"),
        ("labels", np.zeros(99, np.int64), "different lengths"),
        ("audio_logits", np.zeros((100, 9), np.float32), "shape"),
        ("fused_logits", np.full((200, 10), np.nan, np.float32), "finite logits"),
        ("people", np.arange(100), "who spoke"),
        ("pitch_hz", np.zeros(99), "who spoke"),
        ("indices", None, "indices"),
        ("indices", np.array([{}] * 100, dtype=object), "allow_pickle"),
    ],
)
def test_read_folds_refuses_other_data(tmp_path: Path, name: str, value: Any, message: str) -> None:
    arrays = fold(1) | {name: value}
    if value is None:
        del arrays[name]
    with pytest.raises(DataError, match="left this speaker out") as caught:
        read_folds(write(tmp_path, "ann", arrays), DIGITS, ["ann"])
    assert message in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not an archive", b"\x93NUMPY\x01\x00"])
def test_read_folds_refuses_damaged_and_missing_files(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(DataError, match="omit --folds"):
        read_folds(tmp_path, DIGITS, ["ann"])
    (tmp_path / "ann").mkdir()
    (tmp_path / "ann" / FOLD_FILE).write_bytes(content)
    with pytest.raises(DataError, match="omit --folds"):
        read_folds(tmp_path, DIGITS, ["ann"])


@pytest.mark.data
@pytest.mark.skipif("MMDIGIT_DATA" not in os.environ, reason="needs the real data sets in MMDIGIT_DATA")
def test_decode_images_leaves_mnist_unchanged() -> None:
    images = load_digits(Path(os.environ["MMDIGIT_DATA"]), "validation").images
    np.testing.assert_array_equal(np.stack(decode_images(images)), np.asarray(images / 255, np.float32))
