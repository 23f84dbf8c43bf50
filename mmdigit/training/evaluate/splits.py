"""The harder splits: noise, a missing or a contradicting modality, what is no digit, corrupted images.

One function a split, each returns its part of the report. Nothing measured here ever informs a choice.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdigit.reading.audio.normalize import Waveform
from mmdigit.reading.image.pixels import Grey
from mmdigit.reading.model_input import ModelInput
from mmdigit.training.data.datasets import load_glyphs
from mmdigit.training.evaluate import corrupt_audio, corrupt_images, measures
from mmdigit.training.evaluate.measures import SEED
from mmdigit.training.evaluate.official import CLIPS, IMAGES, PAIRS, Official, Show, decision_reasons
from mmdigit.training.evaluate.pairs import (
    INTERVAL_BY,
    Tables,
    comparison,
    pair_share,
    right_tables,
    same_digit_pairs,
    share,
)
from mmdigit.training.evaluate.split_model import BATCH

RATIOS_DB = (20, 10, 5, 0)
CORRUPTED = 1_000  # images of MNIST test, drawn once: every corruption spoils the same ones
NOT_DIGITS = 300  # of each kind that is drawn or made
MISMATCHED = 20_000  # pairs of different digits that the shipped decision is asked about
FALSE_ALARMS = (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3)


def noise(data: Official, show: Show) -> dict[str, Any]:
    """Every clip in four kinds of noise unknown to training, at four levels; alone and with all clean images."""
    random = np.random.default_rng(SEED)
    rows = []
    heard_right: dict[int, list[NDArray[np.bool_]]] = {ratio_db: [] for ratio_db in RATIOS_DB}
    tables: dict[int, list[Tables]] = {ratio_db: [] for ratio_db in RATIOS_DB}
    steps = [(ratio_db, kind) for ratio_db in RATIOS_DB for kind in corrupt_audio.NOISES]
    for ratio_db, kind in show(steps, "noise"):
        made = [corrupt_audio.noisy(clip.waveform, corrupt_audio.NOISES[kind], ratio_db, random) for clip in data.clips]
        heard = data.model.hear(np.stack(made))
        right = heard.logits.argmax(axis=1) == data.spoken
        found = right_tables(same_digit_pairs(data.model, data.seen, data.digits.labels, heard, data.spoken))
        heard_right[ratio_db].append(right)
        tables[ratio_db].append(found)
        where = f"{kind} at {ratio_db} dB"
        rows.append(
            {
                "kind": kind,
                "snr_db": ratio_db,
                "audio": share(f"{CLIPS}, {where}", right),
                "fused": {**pair_share(f"{PAIRS}, {where}", found["fused"]), "against": comparison(found)},
            }
        )
    for ratio_db in RATIOS_DB:  # the mean over the kinds, intervals by drawing anew clips (and images) with all kinds
        where = f"mean of {len(corrupt_audio.NOISES)} kinds at {ratio_db} dB"
        mean = np.stack(heard_right[ratio_db]).mean(axis=0)
        means = {
            head: [np.mean(kinds, axis=0) for kinds in zip(*(kind[head] for kind in tables[ratio_db]), strict=True)]
            for head in tables[ratio_db][0]
        }
        audio = {
            "split": f"{CLIPS}, {where}",
            "total": mean.size,
            "accuracy": float(mean.mean()),
            "interval_95": list(measures.clustered_bootstrap(mean, np.arange(mean.size))),
            "interval_by": f"bootstrap over the clips, {measures.BOOTSTRAPS} draws, seed {SEED}",
        }
        fused = {**pair_share(f"{PAIRS}, {where}", means["fused"]), "against": comparison(means)}
        rows.append({"kind": "mean", "snr_db": ratio_db, "audio": audio, "fused": fused})
    return {"kinds": list(corrupt_audio.NOISES), "seed": SEED, "rows": rows}


def missing(data: Official, show: Show) -> dict[str, Any]:
    """One modality alone: what the whole model answers, as the worker runs it, against the single head; beside it
    what the fused head would say with the other modality hidden."""
    images = [ModelInput(image=image) for image in data.images]
    sounds = [ModelInput(waveform=sound) for sound in data.sounds]
    found = {}
    for gone, samples, encoded, labels, split in (
        ("audio", images, data.seen, data.digits.labels, IMAGES),
        ("image", sounds, data.heard, data.spoken, CLIPS),
    ):
        answers = [
            answer.label
            for start in show(range(0, len(samples), BATCH), f"{gone} missing")
            for answer in data.model.whole.predict(samples[start : start + BATCH])
        ]
        rows, nothing = np.arange(labels.size), np.zeros(labels.size, np.int64)
        hidden = data.model.fuse_pairs(
            data.seen,
            rows if gone == "audio" else nothing,
            data.heard,
            rows if gone == "image" else nothing,
            image_present=gone != "image",
            audio_present=gone != "audio",
        )
        alone, answered = encoded.logits.argmax(axis=1) == labels, np.array(answers) == labels
        fused = hidden.argmax(axis=1) == labels
        found[f"{gone}_missing"] = {
            "answer": share(f"{split}, {gone} missing", answered),
            "loss_against_specialist": float(alone.mean() - answered.mean()),
            "fused_head": share(f"{split}, {gone} hidden from the fused head", fused),
            "fused_head_loses": float(alone.mean() - fused.mean()),
        }
    return found


def mismatched(data: Official, show: Show) -> dict[str, Any]:
    """Image and audio of different digits: how many are found at a given rate of false alarms, and by the decision.

    The score is mmdigit.reading.decision.agreement, for all pairs of the split at once.
    """
    agreement = data.probabilities("image") @ data.probabilities("audio").T  # (n_images, n_clips)
    same = data.digits.labels[:, None] == data.spoken[None]
    scores_same, scores_different = agreement[same], agreement[~same]
    limit = measures.alarm_limit(scores_same, 0.01)
    tables = [
        (agreement[np.ix_(data.digits.labels == seen, data.spoken == heard)] < limit)
        for seen in range(10)
        for heard in range(10)
        if seen != heard
    ]
    random = np.random.default_rng(SEED)
    rows, columns = np.nonzero(~same)
    chosen = random.choice(rows.size, min(MISMATCHED, rows.size), replace=False)
    rows, columns = rows[chosen], columns[chosen]
    reasons = decision_reasons(data, rows, columns, data.model.fuse_pairs(data.seen, rows, data.heard, columns), show)
    found = [sum("conflict" in entry for entry in reasons), sum(bool(entry) for entry in reasons)]
    return {
        "split": f"MNIST test x FSDD recordings 0-4, {len(reasons)} pairs of different digits, seed {SEED}",
        "detected": found[0] / len(reasons),
        "detected_interval_95": list(measures.wilson(found[0], len(reasons))),
        "reviewed": found[1] / len(reasons),
        "reviewed_interval_95": list(measures.wilson(found[1], len(reasons))),
        "at_1_percent": {
            "split": f"MNIST test x FSDD recordings 0-4, all {scores_same.size} pairs of the same digit and all "
            f"{scores_different.size} of different ones",
            "detected": measures.detection_at_false_alarms(scores_same, scores_different, 0.01),
            "interval_95": list(measures.two_way_bootstrap(tables)),
            "interval_by": INTERVAL_BY,
            "agreement_below": limit,
        },
        "roc": [
            {"false_alarms": rate, "detected": measures.detection_at_false_alarms(scores_same, scores_different, rate)}
            for rate in FALSE_ALARMS
        ],
    }


def not_digits(data: Official, folder: Path, show: Show) -> dict[str, Any]:
    """How well the novelty tells each kind of what is no digit from the official digits: the AUROC of each kind.

    Raises DataError if Omniglot is there and damaged.
    """
    random = np.random.default_rng(SEED)
    shuffled = random.permutation(len(data.clips))
    struck = data.digits.pictures[random.choice(data.digits.labels.size, NOT_DIGITS, replace=False)]
    followers = [(first, second) for first, second in enumerate(shuffled) if data.spoken[first] != data.spoken[second]]
    pictures: dict[str, tuple[str, Callable[[], Grey]]] = {
        "Latin letters": ("Omniglot, test", lambda: _glyphs(folder, "test")),
        "Greek letters": ("Omniglot, validation", lambda: _glyphs(folder, "validation")),
        "scribbles": ("drawn", lambda: corrupt_images.scribbles(NOT_DIGITS, random)),
        "marks": ("drawn: ticks, crosses, signs", lambda: corrupt_images.marks(NOT_DIGITS, random)),
        "crossed out": ("MNIST test, struck out", lambda: corrupt_images.crossed_out(struck, random)),
        "empty boxes": ("drawn", lambda: corrupt_images.empty_boxes(NOT_DIGITS, random)),
        "blanks": ("paper, some in a shadow", lambda: corrupt_images.blanks(NOT_DIGITS, random)),
    }
    sounds: dict[str, tuple[str, Callable[[], Waveform]]] = {
        "other words": ("espeak-ng, words and voices kept apart", lambda: corrupt_audio.other_words(random)),
        "two digits in a row": (
            f"{CLIPS}, two at a time",
            lambda: np.stack(
                [corrupt_audio.in_a_row(data.clips[a].waveform, data.clips[b].waveform) for a, b in followers]
            ),
        ),
        "digits backwards": (CLIPS, lambda: np.stack([corrupt_audio.backwards(clip.waveform) for clip in data.clips])),
        "hiss": ("made", lambda: corrupt_audio.hiss(NOT_DIGITS, random)),
    }
    for kind, made in corrupt_audio.NOISES.items():
        sounds[kind] = ("made", lambda made=made: corrupt_audio.noises_alone(made, NOT_DIGITS, random))  # type: ignore[misc]
    rows, skipped = [], []
    kinds = [("image", kind) for kind in pictures] + [("audio", kind) for kind in sounds]
    for modality, kind in show(kinds, "not a digit"):
        source, make = pictures[kind] if modality == "image" else sounds[kind]
        inputs = make()
        if inputs.shape[0] == 0:
            skipped.append(kind)
            continue
        encoded = data.model.see(inputs) if modality == "image" else data.model.hear(inputs)
        known = data.seen.novelty if modality == "image" else data.heard.novelty
        limit = getattr(data.model.thresholds, f"{modality}_novelty")
        rows.append(
            {
                "modality": modality,
                "kind": kind,
                "split": f"{kind} ({source}) against {IMAGES if modality == 'image' else CLIPS}",
                "total": int(inputs.shape[0]),
                "auroc": measures.auroc(known, encoded.novelty),
                "interval_95": list(measures.auroc_interval(known, encoded.novelty)),
                "interval_by": "DeLong",
                "found": float((encoded.novelty > limit).mean()),
                "found_interval_95": list(measures.wilson(int((encoded.novelty > limit).sum()), int(inputs.shape[0]))),
            }
        )
    return {"seed": SEED, "rows": rows, "skipped": skipped}


def _glyphs(folder: Path, split: Any) -> Grey:
    return np.asarray(load_glyphs(folder, split) / 255, np.float32)


def corrupted(data: Official, show: Show) -> dict[str, Any]:
    """The same images in every corruption and strength; alone and with all clean clips of the same digit."""
    random = np.random.default_rng(SEED)
    count = min(CORRUPTED, data.digits.labels.size)
    chosen = np.sort(random.choice(data.digits.labels.size, count, replace=False))
    labels, split = data.digits.labels[chosen], f"{count} of MNIST test, seed {SEED}"
    rows = []
    steps = [(kind, strength) for kind in corrupt_images.CORRUPTIONS for strength in kind.strengths]
    for kind, strength in show(steps, "corrupted images"):
        images = corrupt_images.corrupted(data.digits.pictures[chosen], kind, strength, random)
        seen = data.model.see(images)
        tables = right_tables(same_digit_pairs(data.model, seen, labels, data.heard, data.spoken))
        where = f"{kind.name} {strength:g} {kind.unit}" if kind.name != "none" else "clean, as a crop"
        rows.append(
            {
                "kind": kind.name,
                "strength": strength,
                "unit": kind.unit,
                "image": share(f"{split}, {where}", seen.logits.argmax(axis=1) == labels),
                "fused": {**pair_share(f"{split} x {CLIPS}, {where}", tables["fused"]), "against": comparison(tables)},
            }
        )
    return {"seed": SEED, "rows": rows}
