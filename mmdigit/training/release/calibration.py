"""Calibrates on unseen writers and speakers: temperatures, risk-coverage tables and the thresholds of the decision.

mmdigit/training/evaluate/held_out.py defines the data. No test split is read.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from mmdigit.reading.decision import DEFAULT_TARGET_ERROR, HEADS, N_DIGITS, Head, sigmoid, softmax
from mmdigit.reading.error_bounds import error_bound
from mmdigit.reading.metadata import RiskTable
from mmdigit.reading.model_input import ModelInput
from mmdigit.reading.predictor import Predictor
from mmdigit.training.data.splits import Clip, Digits
from mmdigit.training.evaluate.held_out import (
    Folds,
    HeldOutLogits,
    held_out_clips,
    held_out_images,
    held_out_pairs,
    model_inputs,
    model_outputs,
    pair_each_image,
)
from mmdigit.training.evaluate.people import figures_by_group
from mmdigit.training.evaluate.writer_folds import WriterFolds
from mmdigit.training.fit.temperature import fit_temperature
from mmdigit.training.measures import alarm_limit, ece, risk_coverage
from schemas.prediction import Reason

N_PAIRS = 100_000  # drawn to measure conflicts, of the same digit and of different digits each
SEED = 5
NOVELTY_FALSE_ALARMS = 0.005  # of the digits of each modality
CONFLICT_FALSE_ALARMS = 0.01  # of the pairs of the same digit
CONFIDENCES = (
    *(0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.92, 0.94, 0.95, 0.96, 0.97, 0.98, 0.985, 0.99, 0.993, 0.995, 0.997),
    *(0.998, 0.999, 0.9993, 0.9995, 0.9997, 0.9998, 0.9999, 0.99993, 0.99995, 0.99998, 0.99999),
)
"""The rows of a risk-coverage table; an answer that is more likely wrong than right is never accepted."""
COVERAGES_BY_DIGIT = (
    *(1.0, 0.995, 0.99, 0.985, 0.98, 0.975, 0.97, 0.965, 0.96, 0.955, 0.95, 0.945, 0.94, 0.935, 0.93, 0.92, 0.91, 0.9),
    *(0.88, 0.86, 0.84, 0.82, 0.8, 0.75, 0.7, 0.65, 0.6),
)
"""The rows of a table by digit: the share of each digit's answers that is accepted. The list ends at a fixed share: a
table that continues until no error is left shows a small error by that choice alone."""
ACCEPT_ALL = {
    **{f"{head}_confidence": 0.0 for head in HEADS},
    **{"agreement": 0.0, "image_novelty": 1.0, "audio_novelty": 1.0},
}
"""The thresholds of a model that is not yet calibrated: they accept every answer."""


def calibrate(
    predictor: Predictor,
    digits: Digits,
    clips: Sequence[Clip],
    folds: Folds | None,
    writers: WriterFolds | None = None,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The `thresholds`, `temperature`, `risk` and, with writers, `photographs` of the metadata; its validation figures.

    predictor: the exported model; digits, clips: the validation split; folds, writers: of the trainings without a
    speaker and without some writers, None = there are none.
    """
    random = np.random.default_rng(SEED)
    images, waveforms, clip_labels = model_inputs(digits, clips)
    image_outputs = model_outputs(predictor, [ModelInput(image=image) for image in images])
    audio_outputs = model_outputs(predictor, [ModelInput(waveform=waveform) for waveform in waveforms])
    plain = None if writers is None else writers.plain
    held_out: dict[Head, HeldOutLogits] = {
        "image": held_out_images(image_outputs["image_logits"], digits.labels, plain),
        "audio": held_out_clips(audio_outputs["audio_logits"], clip_labels, clips, folds),
        "fused": held_out_pairs(predictor, images, waveforms, clip_labels, digits.labels, folds, random),
    }
    temperature = {head: fit_temperature(held_out[head].logits, held_out[head].labels) for head in HEADS}
    limit, conflict = conflict_limit(held_out["image"], held_out["audio"], temperature, random)
    thresholds = {
        "agreement": limit,
        "image_novelty": novelty_threshold(sigmoid(image_outputs["image_novelty_logit"])),
        "audio_novelty": novelty_threshold(sigmoid(audio_outputs["audio_novelty_logit"])),
    }
    risk = {head: head_risk(head, held_out[head], temperature[head]) for head in HEADS}
    figures: dict[str, Any] = {head: head_figures(held_out[head], temperature[head], risk[head]) for head in HEADS}
    calibration: dict[str, Any] = {"thresholds": thresholds, "temperature": temperature, "risk": risk}
    if writers is not None and writers.photographed is not None:
        calibration["photographs"] = photograph_calibration(writers.photographed)
        figures["photographs"] = head_figures(writers.photographed, **calibration["photographs"])
    left_out = 0 if folds is None else folds.n_speakers
    return calibration, {"seed": SEED, "left_out_speakers": left_out, **figures, "conflict": conflict}


def photograph_calibration(held_out: HeldOutLogits) -> dict[str, Any]:
    """The `photographs` of the metadata: the image head's temperature and risk on digits found in a picture."""
    temperature = fit_temperature(held_out.logits, held_out.labels)
    return {"temperature": temperature, "risk": head_risk("image", held_out, temperature)}


def head_risk(head: Head, held_out: HeldOutLogits, temperature: float) -> dict[str, Any]:
    """A head's `risk` in the metadata: its table, and for the image head also the table by digit."""
    table = risk_table(held_out, temperature)
    return table | {"by_digit": risk_by_digit(held_out, temperature)} if head == "image" else table


def risk_table(held_out: HeldOutLogits, temperature: float) -> dict[str, Any]:
    """The error among the answers accepted from each of CONFIDENCES on."""
    probabilities = softmax(held_out.logits, temperature)
    correct = probabilities.argmax(axis=1) == held_out.labels
    rows = risk_coverage(probabilities.max(axis=1), correct, CONFIDENCES)
    rounded = [{name: round(value, 7) for name, value in row.items()} for row in rows]
    return {"split": held_out.split, "total": int(correct.size), "rows": rounded}


def risk_by_digit(held_out: HeldOutLogits, temperature: float) -> list[dict[str, Any]]:
    """The error among accepted answers when the same share of each digit's answers is accepted, COVERAGES_BY_DIGIT.

    With one confidence for all digits, some would rarely be accepted: a written 1 is read as accurately as any other
    digit, but with less confidence. Audio needs no such table: its digits have about the same confidence.
    """
    probabilities = softmax(held_out.logits, temperature)
    labels, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    correct = labels == held_out.labels
    descending = [np.sort(confidence[labels == digit])[::-1] for digit in range(N_DIGITS)]
    rows = []
    for share in COVERAGES_BY_DIGIT:
        exact = [float(own[math.ceil(share * own.size) - 1]) if own.size else 1.0 for own in descending]
        # Rounded down, so that no fewer are accepted; the figures are those of the rounded limits.
        limits = np.maximum(np.floor(np.array(exact) * 1e9) / 1e9, CONFIDENCES[0])
        accepted = confidence >= limits[labels]
        wrong, total = int((accepted & ~correct).sum()), int(accepted.sum())
        figures = {"coverage": total / correct.size, "error": wrong / max(total, 1), "bound": error_bound(wrong, total)}
        rows.append(
            {"confidence": [round(float(limit), 9) for limit in limits]}
            | {name: round(value, 7) for name, value in figures.items()}
        )
    return rows


def conflict_limit(
    image: HeldOutLogits, audio: HeldOutLogits, temperature: Mapping[Head, float], random: np.random.Generator
) -> tuple[float, dict[str, Any]]:
    """The agreement below which two different labels are a conflict, and the share of different digits that it detects.

    At most CONFLICT_FALSE_ALARMS of the pairs of the same digit are below it. It is 1, so that any two different labels
    are a conflict, if no more pairs than that have different labels.
    """
    image_probabilities, audio_probabilities = (
        softmax(image.logits, temperature["image"]),
        softmax(audio.logits, temperature["audio"]),
    )
    by_label = [np.flatnonzero(audio.labels == label) for label in range(10)]
    first = random.choice(np.flatnonzero(np.isin(image.labels, audio.labels)), N_PAIRS)
    second = np.array([random.choice(by_label[label]) for label in image.labels[first]])
    same = _agreements(image_probabilities[first], audio_probabilities[second])
    limit = alarm_limit(same, CONFLICT_FALSE_ALARMS)
    first, second = random.integers(0, image.labels.size, N_PAIRS), random.integers(0, audio.labels.size, N_PAIRS)
    mixed = image.labels[first] != audio.labels[second]
    different = _agreements(image_probabilities[first[mixed]], audio_probabilities[second[mixed]])
    return limit, {
        "split": f"{N_PAIRS} pairs of the same digit, {different.size} of different digits, data of both heads",
        "detected": round(float((different < limit).mean()), 5),
        "false_alarms": round(float((same < limit).mean()), 5),
    }


def novelty_threshold(novelty: NDArray[np.float64]) -> float:
    """The novelty that at most NOVELTY_FALSE_ALARMS of the validation digits exceed; at least 0.5."""
    return math.ceil(max(0.5, float(np.quantile(novelty, 1 - NOVELTY_FALSE_ALARMS, method="higher"))) * 1e6) / 1e6


def review_rates(predictor: Predictor, digits: Digits, clips: Sequence[Clip]) -> dict[str, Any]:
    """The share of the validation split that goes to review, for each reason and in total.

    predictor: the calibrated model. Each image is in one pair, with a clip of the same digit.
    """
    images, waveforms, clip_labels = model_inputs(digits, clips)
    random = np.random.default_rng(SEED)
    pairs = [
        ModelInput(images[row], waveforms[clip]) for row, clip in pair_each_image(digits.labels, clip_labels, random)
    ]
    rates: dict[str, Any] = {"target_error": DEFAULT_TARGET_ERROR}
    for name, samples in (
        ("image", [ModelInput(image=image) for image in images]),
        ("audio", [ModelInput(waveform=waveform) for waveform in waveforms]),
        ("both", pairs),
    ):
        answers = list(predictor.predict_all(samples))
        rates[name] = {"total": len(answers)} | {
            reason: round(sum(reason in answer.reasons for answer in answers) / len(answers), 5)
            for reason in get_args(Reason)
        }
        rates[name]["review"] = round(sum(answer.decision == "review" for answer in answers) / len(answers), 5)
    return rates


def _agreements(
    image_probabilities: NDArray[np.float64], audio_probabilities: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The agreement of each pair as decide() computes it, 1 where the labels are equal. (N, 10) twice to (N,)."""
    same = image_probabilities.argmax(axis=1) == audio_probabilities.argmax(axis=1)
    return np.where(same, 1.0, (image_probabilities * audio_probabilities).sum(axis=1))


def head_figures(held_out: HeldOutLogits, temperature: float, risk: dict[str, Any]) -> dict[str, Any]:
    """A head's validation figures in the metadata; of clips also those of each group of speakers, at the default target
    error."""
    probabilities = softmax(held_out.logits, temperature)
    labels, before, after = (
        probabilities.argmax(axis=1),
        softmax(held_out.logits).max(axis=1),
        probabilities.max(axis=1),
    )
    correct = labels == held_out.labels
    groups: dict[str, Any] = {}
    if held_out.people is not None:
        least = np.array(RiskTable.model_validate(risk).operating_point(DEFAULT_TARGET_ERROR).confidences)
        groups["groups"] = figures_by_group(held_out.people, correct, after >= least[labels])
    return {
        "split": held_out.split,
        "total": int(correct.size),
        "accuracy": round(float(correct.mean()), 5),
        "ece_uncalibrated": round(ece(before, correct), 5),
        "ece": round(ece(after, correct), 5),
        **groups,
    }
