"""Measures a model on harder splits: noise, a missing or conflicting modality, inputs that are not digits, corruption.

One function per split; each returns its part of the report. No choice is made on these figures.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdigit.reading.audio.normalize import Waveform
from mmdigit.reading.image.pixels import Grey
from mmdigit.reading.model_input import ModelInput
from mmdigit.training import measures
from mmdigit.training.data.splits import load_glyphs, load_letters
from mmdigit.training.evaluate import corrupt_audio, corrupt_images
from mmdigit.training.evaluate.official import CLIPS, IMAGES, PAIRS, OfficialSplit, ShowProgress, decision_reasons
from mmdigit.training.evaluate.pairs import (
    INTERVAL_BY,
    Tables,
    accuracy_row,
    compare_with_baselines,
    correct_tables,
    pair_accuracy_row,
    same_digit_pairs,
)
from mmdigit.training.evaluate.split_model import BATCH
from mmdigit.training.measures import SEED

RATIOS_DB = (20, 10, 5, 0)
N_CORRUPTED = 1_000  # images of MNIST test, the same ones for every corruption
N_NOT_DIGITS = 300  # of each kind that is drawn or generated
N_CONFLICTS = 20_000  # pairs of different digits on which the shipped decision is measured
FALSE_ALARMS = (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3)


def noise(data: OfficialSplit, show: ShowProgress) -> dict[str, Any]:
    """Every clip in four kinds of noise that training does not use, at four levels; alone and with all clean images."""
    random = np.random.default_rng(SEED)
    rows = []
    audio_correct: dict[int, list[NDArray[np.bool_]]] = {ratio_db: [] for ratio_db in RATIOS_DB}
    tables: dict[int, list[Tables]] = {ratio_db: [] for ratio_db in RATIOS_DB}
    steps = [(ratio_db, kind) for ratio_db in RATIOS_DB for kind in corrupt_audio.NOISES]
    for ratio_db, kind in show(steps, "noise"):
        noisy = [
            corrupt_audio.add_noise(clip.waveform, corrupt_audio.NOISES[kind], ratio_db, random) for clip in data.clips
        ]
        encoded = data.model.encode_audio(np.stack(noisy))
        correct = encoded.logits.argmax(axis=1) == data.clip_labels
        pairs = same_digit_pairs(data.model, data.encoded_images, data.digits.labels, encoded, data.clip_labels)
        audio_correct[ratio_db].append(correct)
        tables[ratio_db].append(correct_tables(pairs))
        where = f"{kind} at {ratio_db} dB"
        rows.append(
            {
                "kind": kind,
                "snr_db": ratio_db,
                "audio": accuracy_row(f"{CLIPS}, {where}", correct),
                "fused": {
                    **pair_accuracy_row(f"{PAIRS}, {where}", tables[ratio_db][-1]["fused"]),
                    "against": compare_with_baselines(tables[ratio_db][-1]),
                },
            }
        )
    for ratio_db in RATIOS_DB:  # the mean over the kinds; bootstraps resample clips (and images) with all their kinds
        where = f"mean of {len(corrupt_audio.NOISES)} kinds at {ratio_db} dB"
        mean = np.stack(audio_correct[ratio_db]).mean(axis=0)
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
        fused = {**pair_accuracy_row(f"{PAIRS}, {where}", means["fused"]), "against": compare_with_baselines(means)}
        rows.append({"kind": "mean", "snr_db": ratio_db, "audio": audio, "fused": fused})
    return {"kinds": list(corrupt_audio.NOISES), "seed": SEED, "rows": rows}


def missing_modality(data: OfficialSplit, show: ShowProgress) -> dict[str, Any]:
    """One modality alone: the whole model as the worker runs it, against the single head; and for comparison the fused
    head with the other modality hidden."""
    images = [ModelInput(image=image) for image in data.images]
    clips = [ModelInput(waveform=waveform) for waveform in data.waveforms]
    results = {}
    for missing, samples, encoded, labels, split in (
        ("audio", images, data.encoded_images, data.digits.labels, IMAGES),
        ("image", clips, data.encoded_clips, data.clip_labels, CLIPS),
    ):
        answers = [
            answer.label
            for start in show(range(0, len(samples), BATCH), f"{missing} missing")
            for answer in data.model.predictor.predict(samples[start : start + BATCH])
        ]
        rows, placeholder = np.arange(labels.size), np.zeros(labels.size, np.int64)
        hidden = data.model.fuse_pairs(
            data.encoded_images,
            rows if missing == "audio" else placeholder,
            data.encoded_clips,
            rows if missing == "image" else placeholder,
            image_present=missing != "image",
            audio_present=missing != "audio",
        )
        alone, answered = encoded.logits.argmax(axis=1) == labels, np.array(answers) == labels
        fused = hidden.argmax(axis=1) == labels
        results[f"{missing}_missing"] = {
            "answer": accuracy_row(f"{split}, {missing} missing", answered),
            "loss_against_specialist": float(alone.mean() - answered.mean()),
            "fused_head": accuracy_row(f"{split}, {missing} hidden from the fused head", fused),
            "fused_head_loses": float(alone.mean() - fused.mean()),
        }
    return results


def conflicts(data: OfficialSplit, show: ShowProgress) -> dict[str, Any]:
    """Image and audio of different digits: the share detected at a given false alarm rate, and by the shipped decision.

    The score is mmdigit.reading.decision.agreement, for all pairs of the split at once.
    """
    agreement = data.probabilities("image") @ data.probabilities("audio").T  # (n_images, n_clips)
    same = data.digits.labels[:, None] == data.clip_labels[None]
    scores_same, scores_different = agreement[same], agreement[~same]
    limit = measures.alarm_limit(scores_same, 0.01)
    tables = [
        (agreement[np.ix_(data.digits.labels == image_label, data.clip_labels == clip_label)] < limit)
        for image_label in range(10)
        for clip_label in range(10)
        if image_label != clip_label
    ]
    random = np.random.default_rng(SEED)
    rows, columns = np.nonzero(~same)
    chosen = random.choice(rows.size, min(N_CONFLICTS, rows.size), replace=False)
    rows, columns = rows[chosen], columns[chosen]
    fused = data.model.fuse_pairs(data.encoded_images, rows, data.encoded_clips, columns)
    reasons = decision_reasons(data, rows, columns, fused, show)
    detected, reviewed = sum("conflict" in entry for entry in reasons), sum(bool(entry) for entry in reasons)
    return {
        "split": f"MNIST test x FSDD recordings 0-4, {len(reasons)} pairs of different digits, seed {SEED}",
        "detected": detected / len(reasons),
        "detected_interval_95": list(measures.wilson(detected, len(reasons))),
        "reviewed": reviewed / len(reasons),
        "reviewed_interval_95": list(measures.wilson(reviewed, len(reasons))),
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


def not_digits(data: OfficialSplit, folder: Path, show: ShowProgress) -> dict[str, Any]:
    """How well the novelty separates each kind of non-digit from the official digits, as an AUROC.

    Raises DataError if Omniglot or EMNIST is present but damaged.
    """
    random = np.random.default_rng(SEED)
    shuffled = random.permutation(len(data.clips))
    to_cross_out = data.digits.images[random.choice(data.digits.labels.size, N_NOT_DIGITS, replace=False)]
    different = [(a, b) for a, b in enumerate(shuffled) if data.clip_labels[a] != data.clip_labels[b]]
    image_kinds: dict[str, tuple[str, Callable[[], Grey]]] = {
        "Latin letters": ("Omniglot, test", lambda: _glyphs(folder, "test")),
        "Greek letters": ("Omniglot, validation", lambda: _glyphs(folder, "validation")),
        "handwritten letters": ("EMNIST, test", lambda: np.asarray(load_letters(folder) / 255, np.float32)),
        "scribbles": ("drawn", lambda: corrupt_images.scribbles(N_NOT_DIGITS, random)),
        "marks": ("drawn: ticks, crosses, signs", lambda: corrupt_images.marks(N_NOT_DIGITS, random)),
        "crossed out": ("MNIST test, crossed out", lambda: corrupt_images.cross_out(to_cross_out, random)),
        "empty boxes": ("drawn", lambda: corrupt_images.empty_boxes(N_NOT_DIGITS, random)),
        "blanks": ("paper, some in a shadow", lambda: corrupt_images.blanks(N_NOT_DIGITS, random)),
    }
    audio_kinds: dict[str, tuple[str, Callable[[], Waveform]]] = {
        "other words": ("espeak-ng, words and voices kept apart", lambda: corrupt_audio.other_words(random)),
        "two digits in a row": (
            f"{CLIPS}, two at a time",
            lambda: np.stack(
                [corrupt_audio.concatenate(data.clips[a].waveform, data.clips[b].waveform) for a, b in different]
            ),
        ),
        "digits backwards": (
            CLIPS,
            lambda: np.stack([corrupt_audio.reverse(clip.waveform) for clip in data.clips]),
        ),
        "hiss": ("made", lambda: corrupt_audio.hiss(N_NOT_DIGITS, random)),
    }
    for kind, make_noise in corrupt_audio.NOISES.items():
        audio_kinds[kind] = ("made", partial(corrupt_audio.noise_only, make_noise, N_NOT_DIGITS, random))
    rows, skipped = [], []
    kinds = [("image", kind) for kind in image_kinds] + [("audio", kind) for kind in audio_kinds]
    for modality, kind in show(kinds, "not a digit"):
        source, make = image_kinds[kind] if modality == "image" else audio_kinds[kind]
        inputs = make()
        if inputs.shape[0] == 0:
            skipped.append(kind)
            continue
        encoded = data.model.encode_image(inputs) if modality == "image" else data.model.encode_audio(inputs)
        known = data.encoded_images.novelty if modality == "image" else data.encoded_clips.novelty
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


def corrupted_images(data: OfficialSplit, show: ShowProgress) -> dict[str, Any]:
    """The same images under every corruption and strength; alone and with all clean clips of the same digit."""
    random = np.random.default_rng(SEED)
    count = min(N_CORRUPTED, data.digits.labels.size)
    chosen = np.sort(random.choice(data.digits.labels.size, count, replace=False))
    labels, split = data.digits.labels[chosen], f"{count} of MNIST test, seed {SEED}"
    rows = []
    steps = [(kind, strength) for kind in corrupt_images.CORRUPTIONS for strength in kind.strengths]
    for kind, strength in show(steps, "corrupted images"):
        images = corrupt_images.corrupt(data.digits.images[chosen], kind, strength, random)
        encoded = data.model.encode_image(images)
        tables = correct_tables(same_digit_pairs(data.model, encoded, labels, data.encoded_clips, data.clip_labels))
        where = f"{kind.name} {strength:g} {kind.unit}" if kind.name != "none" else "clean, as a crop"
        rows.append(
            {
                "kind": kind.name,
                "strength": strength,
                "unit": kind.unit,
                "image": accuracy_row(f"{split}, {where}", encoded.logits.argmax(axis=1) == labels),
                "fused": {
                    **pair_accuracy_row(f"{split} x {CLIPS}, {where}", tables["fused"]),
                    "against": compare_with_baselines(tables),
                },
            }
        )
    return {"seed": SEED, "rows": rows}
