"""`mmdigit evaluate`: all figures of an exported model, as report.json, report.md and plots. Without torch.

Reads only the test splits and the exported file. No choice is made on these figures. Unseen speakers and the spread
over seeds need trainings of their own: `mmdigit study`.
"""

import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress

from mmdigit.training.data.splits import Clip, Digits
from mmdigit.training.evaluate import hard_splits
from mmdigit.training.evaluate.official import encode_official_split, measure_heads, measure_speakers, read_test_split
from mmdigit.training.evaluate.plots import draw_all
from mmdigit.training.evaluate.report import full_report, main_table
from mmdigit.training.evaluate.split_model import SplitModel
from schemas.errors import SettingsError

SUMMARY = (
    *("measured_at", "model_version", "image", "audio", "fused", "audio_by_speaker", "accepted_pairs"),
    *("accepted_by_digit", "conflict"),
    *("missing", "novelty_letters", "calibration", "noise_mean", "novelty_mean"),
)


def measure(weights: Path | None, folder: Path, threads: int = 1) -> dict[str, Any]:
    """All figures, as written to report.json.

    weights: an exported file, None = the shipped one; folder: of data sets, laid out as docs/use/data.md says.
    Raises DataError if the data is missing or altered, WeightsError if the model is not the pinned one.
    """
    model = SplitModel.load(weights, threads=threads)
    digits, clips = read_test_split(folder)
    with Progress(console=Console(stderr=True)) as progress:
        return _measure(model, digits, clips, folder, progress)


def _measure(model: SplitModel, digits: Digits, clips: list[Clip], folder: Path, progress: Progress) -> dict[str, Any]:
    started = time.monotonic()

    def show(entries: Sequence[Any], name: str) -> Iterator[Any]:
        yield from progress.track(entries, description=f"{name:<20}")

    data = encode_official_split(model, digits, clips, show)
    report: dict[str, Any] = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "model_version": model.predictor.model_version,
        "temperature": model.temperature,
        "thresholds": asdict(model.thresholds),
        **measure_heads(data, show),
        "speakers": measure_speakers(data),
        "missing": hard_splits.missing_modality(data, show),
        "conflict": hard_splits.conflicts(data, show),
        "noise": hard_splits.noise(data, show),
        "not_digits": hard_splits.not_digits(data, folder, show),
        "corrupted": hard_splits.corrupted_images(data, show),
    }
    report["duration_s"] = round(time.monotonic() - started, 1)
    return {**report, **_main_figures(report)}


def _main_figures(report: dict[str, Any]) -> dict[str, Any]:
    """The figures that the main table, the model card and older readers of the report use."""
    novelty = report["not_digits"]["rows"]
    figures: dict[str, Any] = {
        "audio_by_speaker": {row["speaker"]: round(row["audio"]["accuracy"], 5) for row in report["speakers"]},
        "calibration": {
            head: {"ece": part["ece"], "error_at_99": part["error_at_99"]} for head, part in report["heads"].items()
        },
        "accepted_by_digit": {
            head: [round(share, 5) for share in part["decision"]["coverage_by_digit"]]
            for head, part in report["heads"].items()
        },
        "noise_mean": [row for row in report["noise"]["rows"] if row["kind"] == "mean"],
        "novelty_mean": {
            modality: sum(chosen) / len(chosen)
            for modality in ("image", "audio")
            if (chosen := [row["auroc"] for row in novelty if row["modality"] == modality])
        },
    }
    letters = [row for row in novelty if row["kind"] == "Latin letters"]
    return {**figures, "novelty_letters": letters[0]} if letters else figures


def summary(report: dict[str, Any]) -> dict[str, Any]:
    """The main figures, as stored in a model's metadata: all that main_table() reads."""
    return {name: report[name] for name in SUMMARY if name in report}


def run(data: Path, output: Path, weights: Path | None, threads: int) -> None:
    """`mmdigit evaluate`: print the main table; write report.json, report.md and the plots.

    Raises SettingsError before measuring anything if the output cannot be written, and what measure() raises.
    The files appear in the folder when all of them are complete.
    """
    with _write_all_or_none(output) as partial:
        model = SplitModel.load(weights, threads=threads)
        digits, clips = read_test_split(data)
        with Progress(console=Console(stderr=True)) as progress:
            report = _measure(model, digits, clips, data, progress)
            task = progress.add_task(f"{'plots':<20}", total=None)
            names = draw_all(report, digits, clips, partial)
            progress.update(task, total=1, completed=1)
        (partial / "report.json").write_text(json.dumps(report, indent=2) + "\n")
        (partial / "report.md").write_text(full_report(report, names))
    sys.stdout.write(f"Model {report['model_version']}, measured {report['measured_at']}.\n\n{main_table(report)}\n")


@contextmanager
def _write_all_or_none(output: Path) -> Iterator[Path]:
    """A folder to write into: its files move to the output at the end, or are removed if anything fails."""
    existed = output.exists()
    try:
        output.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=".partial-", dir=output))
    except OSError as exc:
        raise SettingsError(
            f"expected to write to {output}, got an error ({exc.strerror}); name another --output"
        ) from exc
    try:
        yield partial
        for path in sorted(partial.iterdir()):
            path.replace(output / path.name)
    except OSError as exc:
        raise SettingsError(
            f"expected to read the data and to write the report to {output}, got an error ({exc}); restore the data, "
            "free some space or name another --output"
        ) from exc
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        if not existed and not any(output.iterdir()):
            output.rmdir()
