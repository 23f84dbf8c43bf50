"""The shipped model on a fixed sample of each official split of the real data, so that a regression fails."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from mmdigit.datasets import fsdd
from mmdigit.reading.audio.normalize import read_waveform
from mmdigit.reading.decision import softmax
from mmdigit.reading.image.normalize import normalize
from mmdigit.reading.model_input import ModelInput, decode_input
from mmdigit.reading.predictor import WEIGHTS, Predictor
from mmdigit.training.data.photographs import KINDS, photograph
from mmdigit.training.data.splits import load_digits, load_glyphs
from mmdigit.training.evaluate.corrupt_audio import NOISES, add_noise
from mmdigit.training.evaluate.held_out import decode_images, model_outputs
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
def images(folder: Path) -> list[tuple[int, ModelInput]]:
    digits = load_digits(folder, "test")
    rows = np.random.default_rng(0).choice(digits.labels.size, N_IMAGES, replace=False)
    return [(int(digits.labels[row]), decode_input(digits.images[row].tobytes(), None)) for row in rows]


@pytest.fixture(scope="module")
def clips(folder: Path) -> list[tuple[int, ModelInput]]:
    recordings = [each for each in fsdd.list_recordings(folder / fsdd.FOLDER) if fsdd.split_of(each.index) == "test"]
    assert len(recordings) == 300
    return [(each.digit, decode_input(None, each.path.read_bytes())) for each in recordings]


def accuracy(predictor: Predictor, labelled: list[tuple[int, ModelInput]]) -> float:
    right = 0
    for start in range(0, len(labelled), 128):
        part = labelled[start : start + 128]
        answers = predictor.predict([sample for _, sample in part])
        right += sum(answer.label == label for answer, (label, _) in zip(answers, part, strict=True))
    return right / len(labelled)


def test_accuracy_on_images(predictor: Predictor, images: list[tuple[int, ModelInput]]) -> None:
    assert accuracy(predictor, images) >= 0.993


def test_acceptance_of_every_digit(predictor: Predictor, images: list[tuple[int, ModelInput]]) -> None:
    answers = predictor.predict([sample for _, sample in images])
    accepted = np.array([answer.decision == "accept" for answer in answers])
    labels = np.array([label for label, _ in images])
    assert min(accepted[labels == digit].mean() for digit in range(10)) >= 0.88  # 0.93 of all 10,000
    wrong = np.array([answer.label for answer in answers]) != labels
    assert (wrong & accepted).sum() <= 2


def test_risk_table_by_digit_holds_for_the_validation_writers(folder: Path, predictor: Predictor) -> None:
    digits = load_digits(folder, "validation")
    found = model_outputs(predictor, [ModelInput(image=image) for image in decode_images(digits.images)])
    probabilities = softmax(found["image_logits"], predictor.temperature["image"])
    labels, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    for row in json.loads(WEIGHTS.with_suffix(".json").read_text())["risk"]["image"]["by_digit"]:
        accepted = confidence >= np.array(row["confidence"])[labels]
        assert accepted.mean() >= row["coverage"] - 0.005  # the table also counts trainings of fewer epochs
        expected = row["bound"] * accepted.sum()
        assert (accepted & (labels != digits.labels)).sum() <= expected + 3 * np.sqrt(expected) + 1


def test_accuracy_on_clips(predictor: Predictor, clips: list[tuple[int, ModelInput]]) -> None:
    assert accuracy(predictor, clips) >= 0.97


def test_accuracy_on_pairs(
    predictor: Predictor, images: list[tuple[int, ModelInput]], clips: list[tuple[int, ModelInput]]
) -> None:
    random = np.random.default_rng(0)
    spoken = [[sample for other, sample in clips if other == label] for label in range(10)]
    pairs = [
        (label, ModelInput(sample.image, spoken[label][random.integers(len(spoken[label]))].waveform))
        for label, sample in images
    ]
    assert accuracy(predictor, pairs) >= 0.999


def test_novelty_separates_letters_from_digits(
    folder: Path, predictor: Predictor, images: list[tuple[int, ModelInput]]
) -> None:
    letters = [ModelInput(image=glyph.astype(np.float32) / 255) for glyph in load_glyphs(folder, "test")[::2]]
    known = [answer.novelty for answer in predictor.predict([sample for _, sample in images[:260]])]
    novel = [answer.novelty for answer in predictor.predict(letters)]
    assert auroc(np.array(known), np.array(novel)) >= 0.93


@pytest.mark.parametrize(("kind", "least"), [("sheet", 0.96), ("register", 0.91), ("box", 0.9)])
def test_accuracy_on_photographs_of_validation_writers(
    folder: Path, predictor: Predictor, kind: str, least: float
) -> None:
    digits = load_digits(folder, "validation")
    random = np.random.default_rng(1)
    assert kind in KINDS
    crops = []
    for row in random.choice(digits.labels.size, 400, replace=False):
        crop, _ = photograph(digits.images[row], digits.images[:64], random, kind, int(digits.labels[row]))
        crops.append((int(digits.labels[row]), ModelInput(image=normalize(crop))))
    assert accuracy(predictor, crops) >= least


@pytest.mark.parametrize(("kind", "least"), [("gusts", 0.84), ("engine", 0.95), ("keyboard", 0.91), ("music", 0.91)])
def test_accuracy_in_noise_unseen_in_training(folder: Path, predictor: Predictor, kind: str, least: float) -> None:
    recordings = folder / fsdd.FOLDER
    random = np.random.default_rng(2)
    clips = [
        (int(path.name[0]), ModelInput(waveform=add_noise(read_waveform(path.read_bytes()), NOISES[kind], 10, random)))
        for index in fsdd.TEST_INDICES
        for path in sorted(recordings.glob(f"*_{index}.wav"))
    ]
    assert accuracy(predictor, clips) >= least


def test_conflicts_go_to_review(
    predictor: Predictor, images: list[tuple[int, ModelInput]], clips: list[tuple[int, ModelInput]]
) -> None:
    random = np.random.default_rng(3)
    pairs = [
        ModelInput(image.image, sound.waveform)
        for label, image in images[:1000]
        for spoken, sound in [clips[random.integers(len(clips))]]
        if spoken != label
    ]
    answers = predictor.predict(pairs)
    assert np.mean(["conflict" in answer.reasons for answer in answers]) >= 0.97
    assert np.mean([answer.decision == "review" for answer in answers]) >= 0.99
