"""The shipped weights on the real data: a fixed sample of each official split, so that a change for the worse shows."""

import os
from pathlib import Path

import numpy as np
import pytest

from mmdigit.predictor import Predictor, Sample, read_sample
from mmdigit.training.data import FSDD_TEST, load_digits, load_glyphs
from mmdigit.training.measures import auroc

pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif("MMDIGIT_DATA" not in os.environ, reason="needs the real data sets in MMDIGIT_DATA"),
]
N_IMAGES = 2000


@pytest.fixture(scope="module")
def folder() -> Path:
    return Path(os.environ["MMDIGIT_DATA"])


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return Predictor.load()


@pytest.fixture(scope="module")
def images(folder: Path) -> list[tuple[int, Sample]]:
    digits = load_digits(folder, "test")
    rows = np.random.default_rng(0).choice(digits.labels.size, N_IMAGES, replace=False)
    return [(int(digits.labels[row]), read_sample(digits.pictures[row].tobytes(), None)) for row in rows]


@pytest.fixture(scope="module")
def clips(folder: Path) -> list[tuple[int, Sample]]:
    recordings = folder / "free-spoken-digit-dataset" / "recordings"
    paths = sorted(path for index in FSDD_TEST for path in recordings.glob(f"*_{index}.wav"))
    assert len(paths) == 300
    return [(int(path.name[0]), read_sample(None, path.read_bytes())) for path in paths]


def accuracy(predictor: Predictor, labelled: list[tuple[int, Sample]]) -> float:
    right = 0
    for start in range(0, len(labelled), 128):
        part = labelled[start : start + 128]
        answers = predictor.predict([sample for _, sample in part])
        right += sum(answer.label == label for answer, (label, _) in zip(answers, part, strict=True))
    return right / len(labelled)


def test_images(predictor: Predictor, images: list[tuple[int, Sample]]) -> None:
    assert accuracy(predictor, images) >= 0.993


def test_clips(predictor: Predictor, clips: list[tuple[int, Sample]]) -> None:
    assert accuracy(predictor, clips) >= 0.97


def test_pairs(predictor: Predictor, images: list[tuple[int, Sample]], clips: list[tuple[int, Sample]]) -> None:
    random = np.random.default_rng(0)
    spoken = [[sample for other, sample in clips if other == label] for label in range(10)]
    pairs = [
        (label, Sample(sample.image, spoken[label][random.integers(len(spoken[label]))].waveform))
        for label, sample in images
    ]
    assert accuracy(predictor, pairs) >= 0.999


def test_letters_are_newer_than_digits(folder: Path, predictor: Predictor, images: list[tuple[int, Sample]]) -> None:
    letters = [Sample(image=glyph.astype(np.float32) / 255) for glyph in load_glyphs(folder, "test")[::2]]
    known = [answer.novelty for answer in predictor.predict([sample for _, sample in images[:260]])]
    novel = [answer.novelty for answer in predictor.predict(letters)]
    assert auroc(np.array(known), np.array(novel)) >= 0.93
