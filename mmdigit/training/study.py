"""Trainings that answer a question: how far seeds differ, how strangers are heard, what each addition brings.

Each study trains several models, resumable, and writes one dated result file. Test splits are read at the end alone.
"""

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mmdigit.audio import Waveform
from mmdigit.training.calibration import fit_temperature
from mmdigit.training.data import FSDD_TEST, Clip, load_digits, load_spoken
from mmdigit.training.fit import Machine
from mmdigit.training.held_out import HELD_OUT
from mmdigit.training.measures import clustered_bootstrap, ece, two_way_bootstrap, wilson
from mmdigit.training.model import DigitModel, Reading
from mmdigit.training.plan import Distortion, TrainingPlan
from mmdigit.training.spoil_sounds import NOISES, noisy
from mmdigit.training.train import (
    assemble,
    load_sets,
    read_clips,
    read_images,
    train,
    train_audio,
    train_fusion,
    train_image,
)

SEEDS = (1, 2, 3)
SHIPPED_SEED = SEEDS[0]
"""Settled before any of them was trained."""
FSDD_SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
HALVES = (("george", "jackson", "lucas"), ("nicolas", "theo", "yweweler"))
RATIOS_DB = (20, 10, 5, 0)
PAIRS_AT_ONCE = 20_000
PARTNERS = 4  # clips that each validation image is paired with for the calibration of the fused head
ABLATION_ROWS = 40_000

SOURCES = ("fsdd", "cs566", "speech-commands")


def seeds(data: Path, output: Path, plan: TrainingPlan, machine: Machine) -> dict[str, Any]:
    """Train SEEDS and measure each on the official test splits."""
    sets = load_sets(data, output / "cache", plan, _say)
    digits, clips = load_digits(data, "test"), load_spoken(data, "test")
    rows = []
    for seed in SEEDS:
        model = train(sets, plan.model_copy(update={"seed": seed}), output / f"seed-{seed}", machine)
        seen, heard = read_images(model.image, digits.pictures), read_clips(model.audio, clips)
        labels = _labels(clips)
        tables = fused_tables(model, seen, digits.labels, heard, labels)
        rows.append(
            {
                "seed": seed,
                "image": _accuracy(seen, digits.labels),
                "audio": _accuracy(heard, labels),
                "fused": _share(tables),
                "fused_by_sum": _share(sum_tables(seen, digits.labels, heard, labels)),
            }
        )
        _say(json.dumps(rows[-1]))
    names = ("image", "audio", "fused", "fused_by_sum")
    return {
        "split": "MNIST test (10,000); FSDD recordings 0-4 (300); all their 300,000 pairs of the same digit",
        "seeds": rows,
        "mean": {name: float(np.mean([row[name] for row in rows])) for name in names},
        "spread": {name: float(np.ptp([row[name] for row in rows])) for name in names},
        "shipped": SHIPPED_SEED,
    }


def folds(data: Path, output: Path, plan: TrainingPlan, machine: Machine) -> dict[str, Any]:
    """Leave each speaker of FSDD out, train the audio and the fusion anew, and measure what strangers get."""
    plan = plan.model_copy(update={"seed": SHIPPED_SEED})
    sets = load_sets(data, output / "cache", plan, _say)
    image = train_image(sets, plan, output / f"seed-{SHIPPED_SEED}", machine)
    digits, validation = load_digits(data, "test"), sets.validation_digits
    seen, seen_validation = read_images(image, digits.pictures), read_images(image, validation.pictures)
    recorded = [clip for split in ("train", "validation", "test") for clip in load_spoken(data, split)]
    rows: list[dict[str, Any]] = []
    for speaker in FSDD_SPEAKERS:
        folder = output / "folds" / speaker
        without = plan.model_copy(update={"leave_out": (f"fsdd/{speaker}",)})
        audio = train_audio(sets, without, folder, machine)
        model = assemble(image, audio, train_fusion(image, audio, sets, without, folder, machine))
        clips = [clip for clip in recorded if clip.name == f"fsdd/{speaker}"]
        labels = _labels(clips)
        heard = read_clips(audio, clips)
        tables = fused_tables(model, seen, digits.labels, heard, labels)
        summed = sum_tables(seen, digits.labels, heard, labels)
        rows.append(
            {
                "speaker": speaker,
                "audio": _accuracy(heard, labels),
                "clips": len(clips),
                "fused": _share(tables),
                "fused_interval_95": list(two_way_bootstrap(tables)),
                "fused_by_sum": _share(summed),
                "noise": _in_noise(model, seen, digits.labels, clips, labels),
            }
        )
        _keep_held_out(folder / HELD_OUT, model, heard, clips, labels, seen_validation, validation.labels)
        _say(json.dumps(rows[-1]))
    return {
        "split": "each speaker's 500 recordings of FSDD, heard by a training without them; with MNIST test, all pairs",
        "speakers": rows,
        **_over_speakers(rows, output),
    }


def _over_speakers(rows: Sequence[dict[str, Any]], output: Path) -> dict[str, Any]:
    """Means, worsts and calibration over the finished folds."""
    kept = {row["speaker"]: np.load(output / "folds" / row["speaker"] / HELD_OUT) for row in rows}
    confidence, right, whose = [], [], []
    for speaker, held_out in kept.items():
        # The temperature of the other folds, so that nobody's own clips set it.
        others = [other for name, other in kept.items() if name != speaker]
        usable = [~np.isin(other["indices"], FSDD_TEST) for other in others]
        temperature = fit_temperature(
            np.concatenate([other["audio_logits"][use] for other, use in zip(others, usable, strict=True)]),
            np.concatenate([other["labels"][use] for other, use in zip(others, usable, strict=True)]),
        )
        probabilities = torch.softmax(torch.from_numpy(held_out["audio_logits"] / temperature), dim=1).numpy()
        confidence.append(probabilities.max(axis=1))
        right.append(probabilities.argmax(axis=1) == held_out["labels"])
        whose.append(np.full(right[-1].size, speaker))
    all_right = np.concatenate(right)
    audio = [row["audio"] for row in rows]
    noise = {
        f"{ratio} dB": {
            head: float(np.mean([found[head] for row in rows for found in row["noise"] if found["ratio_db"] == ratio]))
            for head in ("audio", "fused")
        }
        for ratio in RATIOS_DB
    }
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
            "mean": float(np.mean([row["fused"] for row in rows])),
            "worst": float(min(row["fused"] for row in rows)),
            "mean_by_sum": float(np.mean([row["fused_by_sum"] for row in rows])),
        },
        "noise": noise,
    }


def ablation(data: Path, output: Path, plan: TrainingPlan, machine: Machine) -> dict[str, Any]:
    """Add each distortion and each source of voices in turn; measure on FSDD's speakers, left out by halves."""
    rows: list[dict[str, Any]] = []
    recorded = [clip for split in ("train", "validation", "test") for clip in load_spoken(data, split)]
    for name, shares, distortions in ablation_steps(plan):
        audio_plan = plan.audio.model_copy(update={"shares": shares, "distortions": distortions, "rows": ABLATION_ROWS})
        step = plan.model_copy(update={"audio": audio_plan})
        sets = load_sets(data, output / "cache", step, _say)
        right, by_speaker = [], {}
        for number, half in enumerate(HALVES):
            without = step.model_copy(update={"leave_out": tuple(f"fsdd/{speaker}" for speaker in half)})
            folder = output / "ablation" / f"{len(rows):02d}-{number}"
            audio = train_audio(sets, without, folder, machine)
            for speaker in half:
                clips = [clip for clip in recorded if clip.name == f"fsdd/{speaker}"]
                by_speaker[speaker] = _accuracy(read_clips(audio, clips), _labels(clips))
                right.append(round(by_speaker[speaker] * len(clips)))
        total = len(FSDD_SPEAKERS) * 500
        rows.append(
            {
                "added": name,
                "audio": float(np.mean(list(by_speaker.values()))),
                "worst": min(by_speaker.values()),
                "interval_95": list(wilson(sum(right), total)),
            }
        )
        _say(json.dumps(rows[-1]))
    return {
        "split": "FSDD, three speakers left out at a time, all their 500 recordings",
        "rows_of_the_bank": ABLATION_ROWS,
        "steps": rows,
    }


def ablation_steps(plan: TrainingPlan) -> list[tuple[str, dict[str, float], tuple[Distortion, ...]]]:
    """(what is added, shares of the sources, distortions) of each training, from the barest to the plan's own."""
    steps: list[tuple[str, dict[str, float], tuple[Distortion, ...]]] = []
    shares = {"fsdd": plan.audio.shares["fsdd"]}
    distortions: tuple[Distortion, ...] = ()
    steps.append(("three speakers as they are", dict(shares), distortions))
    groups: tuple[tuple[Distortion, ...], ...] = (
        ("shift", "trim", "speed"),
        ("warp",),
        ("mask",),
        ("room", "equaliser"),
        ("noise", "babble", "click", "overload", "codec"),
    )
    for group in groups:
        distortions = (*distortions, *(kind for kind in group if kind in plan.audio.distortions))
        steps.append((f"+ {', '.join(group)}", dict(shares), distortions))
    for group_of_sources in (("speech-commands", "cs566"), tuple(plan.audio.shares)):
        added = [name for name in group_of_sources if name not in shares and name in plan.audio.shares]
        shares |= {name: plan.audio.shares[name] for name in added}
        steps.append((f"+ {', '.join(added)}", dict(shares), distortions))
    return steps


def fused_tables(
    model: DigitModel, seen: Reading, seen_labels: NDArray[np.int64], heard: Reading, heard_labels: NDArray[np.int64]
) -> list[NDArray[np.bool_]]:
    """One (n_images, n_clips) table a label: whether the fused head reads each pair of that label rightly."""
    tables = []
    for label in range(10):
        rows, columns = np.flatnonzero(seen_labels == label), np.flatnonzero(heard_labels == label)
        answers = fused_logits(model, seen, np.repeat(rows, columns.size), heard, np.tile(columns, rows.size))
        tables.append((answers.argmax(axis=1) == label).reshape(rows.size, columns.size))
    return tables


@torch.no_grad()
def fused_logits(
    model: DigitModel, seen: Reading, rows: NDArray[np.int64], heard: Reading, columns: NDArray[np.int64]
) -> NDArray[np.float32]:
    """(N, 10): the fused head's logits for the pairs of image rows[i] and clip columns[i]."""
    parts = []
    for start in range(0, rows.size, PAIRS_AT_ONCE):
        image = Reading(*(part[torch.from_numpy(rows[start : start + PAIRS_AT_ONCE])] for part in seen))
        audio = Reading(*(part[torch.from_numpy(columns[start : start + PAIRS_AT_ONCE])] for part in heard))
        there = torch.ones(image.logits.shape[0])
        parts.append(model.fusion(image, there, audio, there).numpy())
    return np.concatenate(parts)


def sum_tables(
    seen: Reading, seen_labels: NDArray[np.int64], heard: Reading, heard_labels: NDArray[np.int64]
) -> list[NDArray[np.bool_]]:
    """As fused_tables, for the plain sum of both heads' log-probabilities."""
    image, audio = (torch.log_softmax(reading.logits, dim=1).numpy() for reading in (seen, heard))
    tables = []
    for label in range(10):
        both = image[seen_labels == label][:, None] + audio[heard_labels == label][None]
        tables.append(both.argmax(axis=2) == label)
    return tables


def _in_noise(
    model: DigitModel, seen: Reading, seen_labels: NDArray[np.int64], clips: Sequence[Clip], labels: NDArray[np.int64]
) -> list[dict[str, Any]]:
    """Audio and fused accuracy with each kind of noise at each ratio."""
    found = []
    for kind in NOISES:
        for ratio_db in RATIOS_DB:
            spoiled = [_in_noise_of(clip, kind, ratio_db, number) for number, clip in enumerate(clips)]
            heard = read_clips(model.audio, spoiled)
            tables = fused_tables(model, seen, seen_labels, heard, labels)
            found.append(
                {"kind": kind, "ratio_db": ratio_db, "audio": _accuracy(heard, labels), "fused": _share(tables)}
            )
    return found


def _in_noise_of(clip: Clip, kind: str, ratio_db: int, seed: int) -> Clip:
    waveform: Waveform = noisy(clip.waveform, NOISES[kind], ratio_db, np.random.default_rng(seed))
    return Clip(waveform, clip.label, clip.source, clip.speaker, clip.index)


def _keep_held_out(
    path: Path,
    model: DigitModel,
    heard: Reading,
    clips: Sequence[Clip],
    labels: NDArray[np.int64],
    seen: Reading,
    seen_labels: NDArray[np.int64],
) -> None:
    """What calibration needs of this fold: the stranger's logits, and those of pairs with validation images."""
    indices = np.array([clip.index for clip in clips])
    random = np.random.default_rng(0)
    rows: list[NDArray[np.int64]] = []
    columns: list[NDArray[np.int64]] = []
    for label in range(10):
        images = np.flatnonzero(seen_labels == label)
        usable = np.flatnonzero((labels == label) & ~np.isin(indices, FSDD_TEST))
        rows.append(np.repeat(images, PARTNERS))
        columns.append(random.choice(usable, images.size * PARTNERS))
    images, partners = np.concatenate(rows), np.concatenate(columns)
    np.savez(
        path.with_suffix(".partial.npz"),
        audio_logits=heard.logits.numpy(),
        labels=labels,
        indices=indices,
        fused_logits=fused_logits(model, seen, images, heard, partners),
        fused_labels=seen_labels[images],
        fused_images=images,
        fused_clips=partners,
    )
    path.with_suffix(".partial.npz").replace(path)


def _labels(clips: Sequence[Clip]) -> NDArray[np.int64]:
    return np.array([clip.label for clip in clips], np.int64)


def _accuracy(reading: Reading, labels: NDArray[np.int64]) -> float:
    return float((reading.logits.argmax(dim=1).numpy() == labels).mean())


def _share(tables: Sequence[NDArray[np.bool_]]) -> float:
    return float(sum(table.sum() for table in tables) / sum(table.size for table in tables))


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


STUDIES = {"seeds": seeds, "folds": folds, "ablation": ablation}


def run(name: str, data: Path, output: Path, result: Path, plan: TrainingPlan, machine: Machine) -> None:
    """`mmdigit study NAME`: train, measure, write the dated result file and print it."""
    found = STUDIES[name](data, output, plan, machine)
    report = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": f"mmdigit study {name}",
        "plan": plan.model_dump(),
        **found,
    }
    result.parent.mkdir(parents=True, exist_ok=True)
    partial = result.with_name(result.name + ".partial")
    partial.write_text(json.dumps(report, indent=2) + "\n")
    partial.replace(result)
    sys.stdout.write(f"{json.dumps({name: value for name, value in found.items() if name != 'speakers'}, indent=2)}\n")
