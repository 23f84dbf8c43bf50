"""Figures of an exported model on the official test splits: MNIST's test digits, FSDD's recordings 0-4, and all pairs.

Runs the exported file as the worker does, without torch. Nothing measured here ever informs a choice.
"""

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import Progress

from mmdigit.audio import place
from mmdigit.image import decode_image
from mmdigit.predictor import Predictor, Sample
from mmdigit.training.data import load_digits, load_glyphs, load_spoken
from mmdigit.training.measures import BOOTSTRAPS, SEED, Right, auroc, two_way_bootstrap, wilson
from schemas.prediction import Answer

BATCH = 256
CONFLICT_PAIRS = 5_000


def answers(predictor: Predictor, samples: Sequence[Sample], progress: Progress, name: str) -> list[Answer]:
    """All answers, in batches, with a progress bar."""
    found: list[Answer] = []
    for start in progress.track(range(0, len(samples), BATCH), description=name):
        found += predictor.predict(samples[start : start + BATCH])
    return found


def measure(predictor: Predictor, folder: Path) -> dict[str, Any]:
    """All figures, as written to report.json. Raises DataError if the data is missing or altered."""
    digits, clips, glyphs = load_digits(folder, "test"), load_spoken(folder, "test"), load_glyphs(folder, "test")
    images = [decode_image(picture.tobytes()) for picture in digits.pictures]
    sounds = [place(clip.waveform) for clip in clips]
    heard = np.array([clip.label for clip in clips])
    random = np.random.default_rng(SEED)
    with Progress(console=Console(stderr=True)) as progress:
        seen = answers(predictor, [Sample(image=image) for image in images], progress, "images")
        spoken = answers(predictor, [Sample(waveform=sound) for sound in sounds], progress, "clips")
        tables, accepted, accepted_right = [], 0, 0
        for label in range(10):
            rows, columns = np.flatnonzero(digits.labels == label), np.flatnonzero(heard == label)
            pairs = [Sample(images[row], sounds[column]) for row in rows for column in columns]
            found = answers(predictor, pairs, progress, f"pairs of {label}")
            tables.append(np.array([answer.label == label for answer in found]).reshape(rows.size, columns.size))
            taken = [answer for answer in found if answer.decision == "accept"]
            accepted += len(taken)
            accepted_right += sum(answer.label == label for answer in taken)
        first = random.integers(0, len(images), CONFLICT_PAIRS * 2)
        second = random.integers(0, len(sounds), CONFLICT_PAIRS * 2)
        differ = np.flatnonzero(digits.labels[first] != heard[second])[:CONFLICT_PAIRS]
        mismatched = [Sample(images[first[pair]], sounds[second[pair]]) for pair in differ]
        conflicts = answers(predictor, mismatched, progress, "mismatched pairs")
        letters = [Sample(image=decode_image(glyph.tobytes())) for glyph in glyphs]
        unknown = answers(predictor, letters, progress, "letters")

    right_images = np.array([answer.label for answer in seen]) == digits.labels
    right_clips = np.array([answer.label for answer in spoken]) == heard
    n_pairs = sum(table.size for table in tables)
    n_right = sum(int(table.sum()) for table in tables)
    report: dict[str, Any] = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "model_version": predictor.model_version,
        "image": _share("MNIST test", right_images),
        "audio": _share("FSDD recordings 0-4", right_clips),
        "audio_by_speaker": {
            speaker: round(float(right_clips[[clip.speaker == speaker for clip in clips]].mean()), 5)
            for speaker in sorted({clip.speaker for clip in clips})
        },
        "fused": {
            "split": "MNIST test x FSDD recordings 0-4, all pairs of the same digit",
            "right": n_right,
            "total": n_pairs,
            "accuracy": n_right / n_pairs,
            "interval_95": list(two_way_bootstrap(tables)),
            "interval_by": f"two-way bootstrap over images and clips, {BOOTSTRAPS} draws, seed {SEED}",
        },
        "accepted_pairs": {"coverage": accepted / n_pairs, "error": 1 - accepted_right / max(accepted, 1)},
        "conflict": {
            "split": f"{len(conflicts)} pairs of different digits, seed {SEED}",
            "detected": sum("conflict" in answer.reasons for answer in conflicts) / len(conflicts),
            "reviewed": sum(answer.decision == "review" for answer in conflicts) / len(conflicts),
        },
        "wrong_images": [
            {
                "index": int(row),
                "label": int(digits.labels[row]),
                "answer": seen[row].label,
                "decision": seen[row].decision,
            }
            for row in np.flatnonzero(~right_images)
        ],
        "wrong_clips": [
            {"clip": f"{clip.label}_{clip.speaker}_{clip.index}", "answer": answer.label}
            for clip, answer in zip(clips, spoken, strict=True)
            if clip.label != answer.label
        ],
    }
    if unknown:
        known = np.array([answer.novelty for answer in seen])
        report["novelty_letters"] = {
            "split": "Omniglot Latin letters, an alphabet kept from training, against MNIST test",
            "total": len(unknown),
            "found": sum("not_a_digit" in answer.reasons for answer in unknown) / len(unknown),
            "auroc": auroc(known, np.array([answer.novelty for answer in unknown])),
        }
    return report


def _share(split: str, right: Right) -> dict[str, Any]:
    hits, total = int(right.sum()), int(right.size)
    return {
        "split": split,
        "right": hits,
        "total": total,
        "accuracy": hits / total,
        "interval_95": list(wilson(hits, total)),
        "interval_by": "Wilson",
    }


def table(report: dict[str, Any]) -> str:
    """The report's main figures as a Markdown table."""
    lines = ["| what | split | right | accuracy | 95 % interval |", "|---|---|---|---|---|"]
    for name in ("image", "audio", "fused"):
        row = report[name]
        low, high = row["interval_95"]
        lines.append(
            f"| {name} | {row['split']} | {row['right']} of {row['total']} | {100 * row['accuracy']:.3f} % "
            f"| {100 * low:.3f}-{100 * high:.3f} % ({row['interval_by']}) |"
        )
    conflict, accepted = report["conflict"], report["accepted_pairs"]
    lines.append(f"| conflict found | {conflict['split']} | | {100 * conflict['detected']:.1f} % | |")
    lines.append(
        f"| accepted pairs | of the fused row | | {100 * accepted['coverage']:.2f} % accepted, "
        f"{100 * accepted['error']:.4f} % of them wrong | |"
    )
    if "novelty_letters" in report:
        novelty = report["novelty_letters"]
        lines.append(f"| novelty AUROC | {novelty['split']} ({novelty['total']}) | | {novelty['auroc']:.4f} | |")
    return "\n".join(lines)


def run(data: Path, output: Path, weights: Path | None, threads: int) -> None:
    """`mmdigit evaluate`: print the table, write report.json and report.md."""
    report = measure(Predictor.load(weights, threads=threads), data)
    output.mkdir(parents=True, exist_ok=True)
    (output / "report.json").write_text(json.dumps(report, indent=2) + "\n")
    text = f"Model {report['model_version']}, measured {report['measured_at']}.\n\n{table(report)}\n"
    (output / "report.md").write_text(text)
    sys.stdout.write(text)
