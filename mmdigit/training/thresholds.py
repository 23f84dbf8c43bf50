"""Thresholds of the decision, chosen on the validation split and on nothing else."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdigit.audio import place
from mmdigit.decision import Thresholds, agreement
from mmdigit.image import decode_image
from mmdigit.predictor import Predictor, Sample
from mmdigit.training.data import load_digits, load_spoken
from schemas.prediction import Answer

BATCH = 256
N_PAIRS = 20_000
SEED = 5
TARGET_ERROR = {"image": 0.001, "audio": 0.01, "fused": 0.0005}  # of the accepted; 349 clips cannot show less
NOVELTY_FALSE_ALARMS = 0.005  # of the digits of either modality
CONFLICT_FALSE_ALARMS = 0.01  # of the pairs that do agree
CONFIDENCES = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.98, 0.99, 0.995, 0.998, 0.999)
OPEN = Thresholds(0.0, 0.0, 0.0, 0.0, 1.0, 1.0)
"""Accepts everything: what a model has before its thresholds are chosen."""


def choose_thresholds(predictor: Predictor, folder: Path) -> tuple[Thresholds, dict[str, Any]]:
    """The thresholds, and the validation figures that they follow from.

    Raises DataError if the data is missing or altered.
    """
    digits, clips = load_digits(folder, "validation"), load_spoken(folder, "validation")
    images = [decode_image(picture.tobytes()) for picture in digits.pictures]
    sounds = [place(clip.waveform) for clip in clips]
    heard = np.array([clip.label for clip in clips])
    random = np.random.default_rng(SEED)
    first = random.integers(0, len(images), N_PAIRS)
    by_label = [np.flatnonzero(heard == label) for label in range(10)]
    second = np.array([random.choice(by_label[label]) for label in digits.labels[first]])

    seen = _answers(predictor, [Sample(image=image) for image in images])
    spoken = _answers(predictor, [Sample(waveform=sound) for sound in sounds])
    pairs = [Sample(images[image], sounds[sound]) for image, sound in zip(first, second, strict=True)]
    paired = _answers(predictor, pairs)
    labels = {"image": digits.labels, "audio": heard, "fused": digits.labels[first]}
    found = {"image": seen, "audio": spoken, "fused": paired}
    confidence = {}
    figures: dict[str, Any] = {}
    for head, head_answers in found.items():
        right = np.array([answer.label for answer in head_answers]) == labels[head]
        sure = np.array([answer.confidence for answer in head_answers])
        confidence[head] = confidence_threshold(right, sure, TARGET_ERROR[head])
        taken = sure >= confidence[head]
        figures[head] = {
            "total": int(right.size),
            "accuracy": round(float(right.mean()), 5),
            "accepted": round(float(taken.mean()), 5),
            "error_of_accepted": round(float(1 - right[taken].mean()), 5),
        }
    chances = np.array(
        [
            agreement(np.array(seen[image].probabilities), np.array(spoken[sound].probabilities))
            if seen[image].label != spoken[sound].label
            else 1.0
            for image, sound in zip(first, second, strict=True)
        ]
    )
    thresholds = Thresholds(
        image_confidence=confidence["image"],
        audio_confidence=confidence["audio"],
        fused_confidence=confidence["fused"],
        agreement=round(float(np.quantile(chances, CONFLICT_FALSE_ALARMS)), 6),
        image_novelty=novelty_threshold(np.array([answer.novelty for answer in seen])),
        audio_novelty=novelty_threshold(np.array([answer.novelty for answer in spoken])),
    )
    return thresholds, {"split": "validation", "seed": SEED, **figures, "thresholds": asdict(thresholds)}


def confidence_threshold(right: NDArray[np.bool_], confidence: NDArray[np.float64], target_error: float) -> float:
    """The lowest of CONFIDENCES at which the error among accepted answers meets the target; the highest if none does.

    right, confidence: (N,).
    """
    for threshold in CONFIDENCES:
        taken = confidence >= threshold
        if bool(taken.any()) and float(1 - right[taken].mean()) <= target_error:
            return threshold
    return CONFIDENCES[-1]


def novelty_threshold(novelty: NDArray[np.float64]) -> float:
    """Above it lie NOVELTY_FALSE_ALARMS of the validation digits; at least 0.5, where it becomes likelier than not."""
    return round(max(0.5, float(np.quantile(novelty, 1 - NOVELTY_FALSE_ALARMS))), 6)


def _answers(predictor: Predictor, samples: list[Sample]) -> list[Answer]:
    found: list[Answer] = []
    for start in range(0, len(samples), BATCH):
        found += predictor.predict(samples[start : start + BATCH])
    return found
