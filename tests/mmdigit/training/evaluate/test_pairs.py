"""All pairs of the same digit, and the fused head against the baselines."""

import numpy as np
import pytest

pytest.importorskip("onnx")

from mmdigit.training.evaluate.pairs import (
    accuracy_row,
    compare_with_baselines,
    correct_tables,
    pair_accuracy_row,
    same_digit_pairs,
)
from mmdigit.training.evaluate.split_model import Encoded, SplitModel
from mmdigit.training.measures import wilson

RANDOM = np.random.default_rng(9)


def encoded(count: int) -> Encoded:
    return Encoded(
        RANDOM.normal(size=(count, 10)) * 3,
        RANDOM.random(count),
        np.abs(RANDOM.normal(size=(count, 128))).astype(np.float32),
    )


def test_same_digit_pairs_judges_each_pair_once_by_every_head() -> None:
    model = SplitModel.load()
    images, clips = encoded(12), encoded(9)
    image_labels, clip_labels = np.arange(12) % 4, np.arange(9) % 3
    pairs = same_digit_pairs(model, images, image_labels, clips, clip_labels)
    assert [(entry.label, entry.correct["fused"].shape) for entry in pairs] == [(0, (3, 3)), (1, (3, 3)), (2, (3, 3))]
    for entry in pairs:
        for row, image in enumerate(entry.rows):
            for column, clip in enumerate(entry.columns):
                assert entry.correct["image"][row, column] == (images.logits[image].argmax() == entry.label)
                assert entry.correct["audio"][row, column] == (clips.logits[clip].argmax() == entry.label)
                # With temperatures of 1 the sum of log-probabilities ranks as the sum of logits does.
                assert entry.correct["sum"][row, column] == (
                    (images.logits[image] + clips.logits[clip]).argmax() == entry.label
                )
                alone = model.fuse_pairs(images, np.array([image]), clips, np.array([clip]))
                assert entry.fused[row, column] == pytest.approx(alone[0], abs=1e-4)


def test_pair_accuracy_and_gains_are_counted() -> None:
    fused, image = np.ones((4, 5), bool), np.ones((4, 5), bool)
    fused[0, 0], image[1] = False, False
    tables = {"fused": [fused], "image": [image], "audio": [fused], "sum": [fused | True]}
    row = pair_accuracy_row("made up", tables["fused"])
    assert (row["right"], row["total"], row["accuracy"]) == (19, 20, 0.95)
    assert row["interval_95"][0] < 0.95 < row["interval_95"][1]
    gains = {name: part["fused_gains"] for name, part in compare_with_baselines(tables).items()}
    assert gains == pytest.approx({"image": 0.2, "audio": 0.0, "sum": -0.05})
    assert compare_with_baselines(tables)["image"]["accuracy"] == 0.75


def test_correct_tables_hold_every_head() -> None:
    pairs = same_digit_pairs(SplitModel.load(), encoded(2), np.array([1, 1]), encoded(3), np.array([1, 1, 2]))
    tables = correct_tables(pairs)
    assert set(tables) == {"fused", "image", "audio", "sum"}
    assert all([table.shape for table in head] == [(2, 2)] for head in tables.values())


def test_accuracy_row_has_an_interval_over_known_writers() -> None:
    right = np.arange(100) >= 10
    row = accuracy_row("made up", right, np.repeat(np.arange(10), 10), "writers")
    assert row["interval_95"] == list(wilson(90, 100))
    assert row["clustered_by"].startswith("bootstrap over 10 writers")
    assert row["interval_95_clustered"][0] < 0.8  # one writer has all the errors
    assert "interval_95_clustered" not in accuracy_row("made up", right, np.full(100, -1), "writers")
    assert "interval_95_clustered" not in accuracy_row("made up", right)
