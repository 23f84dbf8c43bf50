"""Calibration on people whom training did not meet: temperatures, risk-coverage tables, thresholds of the decision.

Which answers these are, `mmdigit/training/evaluate/held_out.py` says. No test split is ever read.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from mmdigit.reading.decision import DEFAULT_TARGET_ERROR, HEADS, N_DIGITS, Head, sigmoid, softmax
from mmdigit.reading.error_bounds import error_bound
from mmdigit.reading.model_input import ModelInput
from mmdigit.reading.predictor import Predictor
from mmdigit.training.data.datasets import Clip, Digits
from mmdigit.training.evaluate.held_out import (
    Folds,
    HeldOut,
    Labels,
    batches,
    held_out_images,
    held_out_pairs,
    held_out_sounds,
    inputs,
    one_clip_each,
    outputs,
)
from mmdigit.training.evaluate.measures import alarm_limit, ece, risk_coverage
from schemas.prediction import Reason

N_PAIRS = 100_000  # drawn for the conflicts, of the same and of different digits each
SEED = 5
TEMPERATURES = (0.1, 10.0)
NOVELTY_FALSE_ALARMS = 0.005  # of the digits of either modality
CONFLICT_FALSE_ALARMS = 0.01  # of the pairs that do agree
CONFIDENCES = (
    *(0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.92, 0.94, 0.95, 0.96, 0.97, 0.98, 0.985, 0.99, 0.993, 0.995, 0.997),
    *(0.998, 0.999, 0.9993, 0.9995, 0.9997, 0.9998, 0.9999, 0.99993, 0.99995, 0.99998, 0.99999),
)
"""The rows of a risk-coverage table; what is likelier wrong than right is never accepted."""
COVERAGES_BY_DIGIT = (
    *(1.0, 0.995, 0.99, 0.985, 0.98, 0.975, 0.97, 0.965, 0.96, 0.955, 0.95, 0.945, 0.94, 0.935, 0.93, 0.92, 0.91, 0.9),
    *(0.88, 0.86, 0.84, 0.82, 0.8, 0.75, 0.7, 0.65, 0.6),
)
"""The rows of a table by digit: the share of each digit's answers that is accepted. It ends there: a table that goes on
until its last error is left out shows a small error by that choice alone."""
OPEN = {
    **{f"{head}_confidence": 0.0 for head in HEADS},
    **{"agreement": 0.0, "image_novelty": 1.0, "audio_novelty": 1.0},
}
"""Accepts everything: what a model has before it is calibrated."""


def calibrate(
    predictor: Predictor, digits: Digits, clips: Sequence[Clip], folds: Folds | None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the metadata states as `thresholds`, `temperature` and `risk`, and the validation figures beside them.

    predictor: the exported model; digits, clips: the validation split; folds: None = without them.
    """
    random = np.random.default_rng(SEED)
    images, sounds, heard = inputs(digits, clips)
    seen = outputs(predictor, [ModelInput(image=image) for image in images])
    spoken = outputs(predictor, [ModelInput(waveform=sound) for sound in sounds])
    held_out: dict[Head, HeldOut] = {
        "image": held_out_images(seen["image_logits"], digits.labels),
        "audio": held_out_sounds(spoken["audio_logits"], heard, clips, folds),
        "fused": held_out_pairs(predictor, images, sounds, heard, digits.labels, folds, random),
    }
    temperature = {head: fit_temperature(held_out[head].logits, held_out[head].labels) for head in HEADS}
    limit, conflict = conflict_limit(held_out["image"], held_out["audio"], temperature, random)
    thresholds = {
        "agreement": limit,
        "image_novelty": novelty_threshold(sigmoid(seen["image_novelty_logit"])),
        "audio_novelty": novelty_threshold(sigmoid(spoken["audio_novelty_logit"])),
    }
    risk = {head: risk_of(head, held_out[head], temperature[head]) for head in HEADS}
    figures: dict[str, Any] = {head: _figures(held_out[head], temperature[head]) for head in HEADS}
    described = {"thresholds": thresholds, "temperature": temperature, "risk": risk}
    left_out = 0 if folds is None else folds.n_speakers
    return described, {"seed": SEED, "left_out_speakers": left_out, **figures, "conflict": conflict}


def fit_temperature(logits: NDArray[Any], labels: Labels) -> float:
    """The temperature, within TEMPERATURES, at which these answers have the least negative log-likelihood.

    logits: (N, 10); labels: (N,). 1 if every answer is right, or none is there: nothing then says how sure is too
    sure. Source: Guo et al. 2017, "On Calibration of Modern Neural Networks", section 4.2.
    """
    scaled = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    right = scaled[np.arange(labels.size), labels]
    if bool((logits.argmax(axis=1) == labels).all()):
        return 1.0

    def loss(log_temperature: float) -> float:
        temperature = np.exp(log_temperature)
        return float((np.log(np.exp(scaled / temperature).sum(axis=1)) - right / temperature).mean())

    # Golden section: the loss is convex in 1 / temperature and so has one minimum.
    low, high = np.log(TEMPERATURES)
    shrink = (np.sqrt(5) - 1) / 2
    left, middle = high - shrink * (high - low), low + shrink * (high - low)
    at_left, at_middle = loss(left), loss(middle)
    while high - low > 1e-5:
        if at_left <= at_middle:
            high, middle, at_middle = middle, left, at_left
            left = high - shrink * (high - low)
            at_left = loss(left)
        else:
            low, left, at_left = left, middle, at_middle
            middle = low + shrink * (high - low)
            at_middle = loss(middle)
    return round(float(np.exp((low + high) / 2)), 4)


def risk_of(head: Head, held_out: HeldOut, temperature: float) -> dict[str, Any]:
    """What the metadata states as a head's `risk`: its table, and of pictures that by digit."""
    table = risk_table(held_out, temperature)
    return table | {"by_digit": risk_by_digit(held_out, temperature)} if head == "image" else table


def risk_table(held_out: HeldOut, temperature: float) -> dict[str, Any]:
    """The error among the accepted from each of CONFIDENCES on."""
    probabilities = softmax(held_out.logits, temperature)
    right = probabilities.argmax(axis=1) == held_out.labels
    rows = risk_coverage(probabilities.max(axis=1), right, CONFIDENCES)
    rounded = [{name: round(value, 7) for name, value in row.items()} for row in rows]
    return {"split": held_out.split, "total": int(right.size), "rows": rounded}


def risk_by_digit(held_out: HeldOut, temperature: float) -> list[dict[str, Any]]:
    """The error among the accepted when of each digit's answers the same share is accepted, COVERAGES_BY_DIGIT.

    One confidence for all digits would hardly ever accept some of them: a written 1 is read as rightly as any other
    digit, but with less confidence. Sounds need no such table: their digits are about as sure as each other.
    """
    probabilities = softmax(held_out.logits, temperature)
    labels, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    right = labels == held_out.labels
    surest = [np.sort(confidence[labels == digit])[::-1] for digit in range(N_DIGITS)]
    rows = []
    for share in COVERAGES_BY_DIGIT:
        asked = [float(own[math.ceil(share * own.size) - 1]) if own.size else 1.0 for own in surest]
        # Rounded down, so that as many are accepted; the figures are of what is written.
        limits = np.maximum(np.floor(np.array(asked) * 1e9) / 1e9, CONFIDENCES[0])
        accepted = confidence >= limits[labels]
        wrong, taken = int((accepted & ~right).sum()), int(accepted.sum())
        figures = {"coverage": taken / right.size, "error": wrong / max(taken, 1), "bound": error_bound(wrong, taken)}
        rows.append(
            {"confidence": [round(float(limit), 9) for limit in limits]}
            | {name: round(value, 7) for name, value in figures.items()}
        )
    return rows


def conflict_limit(
    image: HeldOut, audio: HeldOut, temperature: Mapping[Head, float], random: np.random.Generator
) -> tuple[float, dict[str, Any]]:
    """The agreement below which two different labels are a conflict, and the share of different digits it detects.

    At most CONFLICT_FALSE_ALARMS of the pairs of the same digit lie below; 1, so that any two different labels are a
    conflict, if no more than that differ at all.
    """
    seen, spoken = softmax(image.logits, temperature["image"]), softmax(audio.logits, temperature["audio"])
    by_label = [np.flatnonzero(audio.labels == label) for label in range(10)]
    first = random.choice(np.flatnonzero(np.isin(image.labels, audio.labels)), N_PAIRS)
    second = np.array([random.choice(by_label[label]) for label in image.labels[first]])
    same = _agreements(seen[first], spoken[second])
    limit = alarm_limit(same, CONFLICT_FALSE_ALARMS)
    first, second = random.integers(0, image.labels.size, N_PAIRS), random.integers(0, audio.labels.size, N_PAIRS)
    mixed = image.labels[first] != audio.labels[second]
    different = _agreements(seen[first[mixed]], spoken[second[mixed]])
    return limit, {
        "split": f"{N_PAIRS} pairs of the same digit, {different.size} of different ones, of the data of both heads",
        "detected": round(float((different < limit).mean()), 5),
        "false_alarms": round(float((same < limit).mean()), 5),
    }


def novelty_threshold(novelty: NDArray[np.float64]) -> float:
    """Above it lie at most NOVELTY_FALSE_ALARMS of the validation digits; at least 0.5: it is likelier than not."""
    return math.ceil(max(0.5, float(np.quantile(novelty, 1 - NOVELTY_FALSE_ALARMS, method="higher"))) * 1e6) / 1e6


def reviews(predictor: Predictor, digits: Digits, clips: Sequence[Clip]) -> dict[str, Any]:
    """What all reasons for review together cost, and each of them, on the validation split.

    predictor: the calibrated model. Each picture once in a pair, with a clip of the same digit.
    """
    images, sounds, heard = inputs(digits, clips)
    random = np.random.default_rng(SEED)
    pairs = [ModelInput(images[row], sounds[sound]) for row, sound in one_clip_each(digits.labels, heard, random)]
    found: dict[str, Any] = {"target_error": DEFAULT_TARGET_ERROR}
    for name, samples in (
        ("image", [ModelInput(image=image) for image in images]),
        ("audio", [ModelInput(waveform=sound) for sound in sounds]),
        ("both", pairs),
    ):
        answers = [answer for part in batches(samples) for answer in predictor.predict(part)]
        found[name] = {"total": len(answers)} | {
            reason: round(sum(reason in answer.reasons for answer in answers) / len(answers), 5)
            for reason in get_args(Reason)
        }
        found[name]["review"] = round(sum(answer.decision == "review" for answer in answers) / len(answers), 5)
    return found


def _agreements(seen: NDArray[np.float64], spoken: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, 10) twice to (N,): what decide compares with the threshold; 1 where the labels are the same."""
    same = seen.argmax(axis=1) == spoken.argmax(axis=1)
    return np.where(same, 1.0, (seen * spoken).sum(axis=1))


def _figures(held_out: HeldOut, temperature: float) -> dict[str, Any]:
    right = held_out.logits.argmax(axis=1) == held_out.labels
    before, after = softmax(held_out.logits).max(axis=1), softmax(held_out.logits, temperature).max(axis=1)
    return {
        "split": held_out.split,
        "total": int(right.size),
        "accuracy": round(float(right.mean()), 5),
        "ece_uncalibrated": round(ece(before, right), 5),
        "ece": round(ece(after, right), 5),
    }
