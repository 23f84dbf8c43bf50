"""Trainings that answer a question: how far seeds differ, and how strangers are heard.

Each study trains several models, resumable, and writes one dated result file. They are exported and measured as the
shipped one is. Test splits are read at the end alone.
"""

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdigit.datasets.fsdd import TEST_INDICES
from mmdigit.reading.audio.normalize import speech_window
from mmdigit.reading.decision import softmax
from mmdigit.training.data.datasets import Clip, Digits, load_digits, load_spoken
from mmdigit.training.evaluate.corrupt_audio import NOISES, noisy
from mmdigit.training.evaluate.held_out import HELD_OUT, decoded
from mmdigit.training.evaluate.measures import clustered_bootstrap, ece
from mmdigit.training.evaluate.pairs import pair_share, right_tables, same_digit_pairs, share
from mmdigit.training.evaluate.split_model import Encoded, PartedModel
from mmdigit.training.fit.checkpoints import Machine, make_folder
from mmdigit.training.fit.model import DigitModel
from mmdigit.training.fit.plan import TrainingPlan
from mmdigit.training.fit.train import TrainingSets, assemble, load_sets, train, train_audio, train_image
from mmdigit.training.release.calibration import OPEN, fit_temperature
from mmdigit.training.release.export import weigh, write_model
from mmdigit.training.release.quantize import HeldOut
from schemas.errors import SettingsError

SEEDS = (1, 2, 3)
SHIPPED_SEED = SEEDS[0]
"""Settled before any of them was trained."""
FSDD_SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
RATIOS_DB = (20, 10, 5, 0)
PARTNERS = 4  # clips that each validation image is paired with for the calibration of the fused head

Labels = NDArray[np.int64]


def seeds(data: Path, output: Path, plan: TrainingPlan, machine: Machine) -> dict[str, Any]:
    """Train SEEDS and measure each on the official test splits."""
    sets = load_sets(data, output / "cache", plan, _say)
    digits, clips = load_digits(data, "test"), load_spoken(data, "test")
    rows: list[dict[str, Any]] = []
    for seed in SEEDS:
        folder = output / f"seed-{seed}"
        model = _parted(train(sets, plan.model_copy(update={"seed": seed}), folder, machine), sets, (), folder)
        seen, heard, labels = _see(model, digits), _hear(model, clips), _labels(clips)
        tables = right_tables(same_digit_pairs(model, seen, digits.labels, heard, labels))
        rows.append(
            {
                "seed": seed,
                "image": _accuracy(seen, digits.labels),
                "audio": _accuracy(heard, labels),
                "fused": pair_share("all pairs", tables["fused"])["accuracy"],
            }
        )
        _say(json.dumps(rows[-1]))
    names = ("image", "audio", "fused")
    return {
        "split": "MNIST test (10,000); FSDD recordings 0-4 (300); all their pairs of the same digit (300,000)",
        "seeds": rows,
        "mean": {name: float(np.mean([row[name] for row in rows])) for name in names},
        "spread": {name: float(np.ptp([row[name] for row in rows])) for name in names},
        "shipped": SHIPPED_SEED,
    }


def folds(data: Path, output: Path, plan: TrainingPlan, machine: Machine) -> dict[str, Any]:
    """Leave each speaker of FSDD out, train the audio anew, and measure what strangers get."""
    plan = plan.model_copy(update={"seed": SHIPPED_SEED})
    sets = load_sets(data, output / "cache", plan, _say)
    image = train_image(sets, plan, output / f"seed-{SHIPPED_SEED}", machine)
    digits, recorded = load_digits(data, "test"), _all_recorded(data)
    rows: list[dict[str, Any]] = []
    noise: list[dict[str, dict[str, float]]] = []
    for speaker in FSDD_SPEAKERS:
        folder, name = output / "folds" / speaker, f"fsdd/{speaker}"
        without = plan.model_copy(update={"leave_out": (name,)})
        audio = train_audio(sets, without, folder, machine)
        model = _parted(assemble(image, audio), sets, (name,), folder)
        clips = [clip for clip in recorded if clip.name == name]
        seen, heard, labels = _see(model, digits), _hear(model, clips), _labels(clips)
        tables = right_tables(same_digit_pairs(model, seen, digits.labels, heard, labels))
        split = f"MNIST test x all {len(clips)} recordings of {speaker}"
        rows.append(
            {
                "speaker": speaker,
                "audio": share(f"all recordings of {speaker}", heard.logits.argmax(axis=1) == labels),
                "fused": pair_share(split, tables["fused"]),
            }
        )
        noise.append(_in_noise(model, seen, digits.labels, clips, labels))
        _keep_held_out(folder / HELD_OUT, model, heard, clips, labels, sets.validation_digits)
        _say(f"{speaker}: audio {rows[-1]['audio']['accuracy']:.4f}, fused {rows[-1]['fused']['accuracy']:.6f}")
    return {
        "split": "each speaker's 500 recordings of FSDD, heard by a training without them; with MNIST test, all pairs",
        "speakers": rows,
        **_over_speakers(rows, output),
        "noise": {
            ratio: {head: float(np.mean([each[ratio][head] for each in noise])) for head in ("audio", "fused")}
            for ratio in noise[0]
        },
    }


def _over_speakers(rows: Sequence[dict[str, Any]], output: Path) -> dict[str, Any]:
    """Means, worsts and calibration over the finished folds."""
    kept = {row["speaker"]: np.load(output / "folds" / row["speaker"] / HELD_OUT) for row in rows}
    confidence, right, whose = [], [], []
    for speaker, held_out in kept.items():
        # The temperature of the other folds, so that nobody's own clips set it.
        others = [(other, ~np.isin(other["indices"], TEST_INDICES)) for name, other in kept.items() if name != speaker]
        temperature = fit_temperature(
            np.concatenate([other["audio_logits"][use] for other, use in others]),
            np.concatenate([other["labels"][use] for other, use in others]),
        )
        probabilities = softmax(held_out["audio_logits"], temperature)
        confidence.append(probabilities.max(axis=1))
        right.append(probabilities.argmax(axis=1) == held_out["labels"])
        whose.append(np.full(right[-1].size, speaker))
    all_right = np.concatenate(right)
    audio, fused = ([row[head]["accuracy"] for row in rows] for head in ("audio", "fused"))
    return {
        "audio": {
            "mean": float(np.mean(audio)),
            "worst": float(min(audio)),
            "interval_95": list(clustered_bootstrap(all_right, np.concatenate(whose))),
            "interval_by": "bootstrap over speakers",
            "ece": ece(np.concatenate(confidence), all_right),
            "ece_by": "temperature fitted on the other five speakers' recordings 5-49",
        },
        "fused": {
            "mean": float(np.mean(fused)),
            "worst": float(min(fused)),
        },
    }


def _parted(model: DigitModel, sets: TrainingSets, left_out: Sequence[str], folder: Path) -> PartedModel:
    """The model calibrated on validation and exported to the folder, to be measured as a shipped one."""
    clips = [clip for clip in sets.validation_clips if clip.name not in left_out]
    temperature = weigh(model, sets.validation_digits, clips)
    more = {"temperature": {**temperature, "fused": 1.0}}
    held_out = HeldOut(sets.validation_digits.pictures, np.stack([speech_window(clip.waveform) for clip in clips]))
    write_model(model, folder / "mmdigit.onnx", OPEN, more, held_out)
    return PartedModel.load(folder / "mmdigit.onnx")


def _in_noise(
    model: PartedModel, seen: Encoded, seen_labels: Labels, clips: Sequence[Clip], labels: Labels
) -> dict[str, dict[str, float]]:
    """Audio and fused accuracy at each ratio, the mean of all kinds of noise."""
    found = {}
    for ratio_db in RATIOS_DB:
        audio, fused = [], []
        for noise in NOISES.values():
            random = np.random.default_rng(ratio_db)
            heard = model.hear(np.stack([noisy(clip.waveform, noise, ratio_db, random) for clip in clips]))
            tables = right_tables(same_digit_pairs(model, seen, seen_labels, heard, labels))["fused"]
            audio.append(_accuracy(heard, labels))
            fused.append(float(sum(table.sum() for table in tables) / sum(table.size for table in tables)))
        found[f"{ratio_db} dB"] = {"audio": float(np.mean(audio)), "fused": float(np.mean(fused))}
    return found


def _keep_held_out(
    path: Path, model: PartedModel, heard: Encoded, clips: Sequence[Clip], labels: Labels, digits: Digits
) -> None:
    """What calibration needs of this fold: the stranger's logits, and those of pairs with validation images."""
    indices = np.array([clip.index for clip in clips])
    random = np.random.default_rng(0)
    rows, columns = [], []
    for label in range(10):
        images = np.flatnonzero(digits.labels == label)
        usable = np.flatnonzero((labels == label) & ~np.isin(indices, TEST_INDICES))
        rows.append(np.repeat(images, PARTNERS))
        columns.append(random.choice(usable, images.size * PARTNERS))
    images, partners = np.concatenate(rows), np.concatenate(columns)
    partial = path.with_suffix(".partial.npz")
    np.savez(
        partial,
        audio_logits=heard.logits,
        labels=labels,
        indices=indices,
        fused_logits=model.fuse_pairs(_see(model, digits), images, heard, partners),
        fused_labels=digits.labels[images],
        fused_images=images,
        fused_clips=partners,
    )
    partial.replace(path)


def _all_recorded(data: Path) -> list[Clip]:
    return [clip for split in ("train", "validation", "test") for clip in load_spoken(data, split)]


def _see(model: PartedModel, digits: Digits) -> Encoded:
    return model.see(np.stack(decoded(digits.pictures)))


def _hear(model: PartedModel, clips: Sequence[Clip]) -> Encoded:
    return model.hear(np.stack([speech_window(clip.waveform) for clip in clips]))


def _labels(clips: Sequence[Clip]) -> Labels:
    return np.array([clip.label for clip in clips], np.int64)


def _accuracy(encoded: Encoded, labels: Labels) -> float:
    return float((encoded.logits.argmax(axis=1) == labels).mean())


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


STUDIES = {"seeds": seeds, "folds": folds}


def run(name: str, data: Path, output: Path, result: Path, plan: TrainingPlan, machine: Machine) -> None:
    """`mmdigit study NAME`: train, measure, write the dated result file and print its summary."""
    make_folder(output)
    make_folder(result.parent)
    if result.is_dir():
        raise SettingsError(f"expected a file for the result, {result} is a folder; name another --result")
    found = STUDIES[name](data, output, plan, machine)
    report = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": f"mmdigit study {name}",
        "plan": plan.model_dump(),
        **found,
    }
    partial = result.with_name(result.name + ".partial")
    partial.write_text(json.dumps(report, indent=2) + "\n")
    partial.replace(result)
    sys.stdout.write(f"{json.dumps({key: value for key, value in found.items() if key != 'speakers'}, indent=2)}\n")
