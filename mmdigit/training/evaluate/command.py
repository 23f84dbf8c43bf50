"""`mmdigit evaluate`: all figures of an exported model, as report.json, report.md and plots. Without torch.

Reads test splits and the shipped file alone; nothing measured here ever informs a choice. Strangers and the spread over
seeds need trainings of their own and are measured elsewhere.
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

from mmdigit.training.data.datasets import Clip, Digits
from mmdigit.training.evaluate import splits
from mmdigit.training.evaluate.official import by_speaker, encode_official, official, read_test_split
from mmdigit.training.evaluate.plots import draw_all
from mmdigit.training.evaluate.report import document, table
from mmdigit.training.evaluate.split_model import PartedModel
from schemas.errors import SettingsError

__all__ = ["measure", "run", "summary", "table"]

SUMMARY = (
    *("measured_at", "model_version", "image", "audio", "fused", "audio_by_speaker", "accepted_pairs"),
    *("accepted_by_digit", "conflict"),
    *("missing", "novelty_letters", "calibration", "noise_mean", "novelty_mean"),
)


def measure(weights: Path | None, folder: Path, threads: int = 1) -> dict[str, Any]:
    """All figures, as written to report.json.

    weights: an exported file, None = the shipped one; folder: of data sets, laid out as docs/use/data.md says.
    Raises DataError if the data is missing or altered, WeightsError if the model is not the one that is pinned.
    """
    model = PartedModel.load(weights, threads=threads)
    digits, clips = read_test_split(folder)
    with Progress(console=Console(stderr=True)) as progress:
        return _measure(model, digits, clips, folder, progress)


def _measure(model: PartedModel, digits: Digits, clips: list[Clip], folder: Path, progress: Progress) -> dict[str, Any]:
    started = time.monotonic()

    def show(entries: Sequence[Any], name: str) -> Iterator[Any]:
        yield from progress.track(entries, description=f"{name:<20}")

    data = encode_official(model, digits, clips, show)
    report: dict[str, Any] = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "model_version": model.whole.model_version,
        "temperature": model.temperature,
        "thresholds": asdict(model.thresholds),
        **official(data, show),
        "speakers": by_speaker(data),
        "missing": splits.missing(data, show),
        "conflict": splits.mismatched(data, show),
        "noise": splits.noise(data, show),
        "not_digits": splits.not_digits(data, folder, show),
        "corrupted": splits.corrupted(data, show),
    }
    report["duration_s"] = round(time.monotonic() - started, 1)
    return {**report, **_main_figures(report)}


def _main_figures(report: dict[str, Any]) -> dict[str, Any]:
    """What the main table, the model card and older readers of the report take from its parts."""
    novelty = report["not_digits"]["rows"]
    found: dict[str, Any] = {
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
    return {**found, "novelty_letters": letters[0]} if letters else found


def summary(report: dict[str, Any]) -> dict[str, Any]:
    """The main figures alone, as the metadata of a model keeps them: all that table() reads."""
    return {name: report[name] for name in SUMMARY if name in report}


def run(data: Path, output: Path, weights: Path | None, threads: int) -> None:
    """`mmdigit evaluate`: print the table; write report.json, report.md and the plots.

    Raises SettingsError if the output cannot be written, before anything is measured, and what measure() raises.
    Files appear in the folder when all of them are made, each whole.
    """
    with _all_or_nothing(output) as partial:
        model = PartedModel.load(weights, threads=threads)
        digits, clips = read_test_split(data)
        with Progress(console=Console(stderr=True)) as progress:
            report = _measure(model, digits, clips, data, progress)
            task = progress.add_task(f"{'plots':<20}", total=None)
            names = draw_all(report, digits, clips, partial)
            progress.update(task, total=1, completed=1)
        (partial / "report.json").write_text(json.dumps(report, indent=2) + "\n")
        (partial / "report.md").write_text(document(report, names))
    sys.stdout.write(f"Model {report['model_version']}, measured {report['measured_at']}.\n\n{table(report)}\n")


@contextmanager
def _all_or_nothing(output: Path) -> Iterator[Path]:
    """A folder to write into, whose files move to the output at the end, or are removed if anything fails."""
    existed = output.exists()
    try:
        output.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=".partial-", dir=output))
    except OSError as exc:
        raise SettingsError(
            f"expected to write to {output}, that fails ({exc.strerror}); name another --output"
        ) from exc
    try:
        yield partial
        for path in sorted(partial.iterdir()):
            path.replace(output / path.name)
    except OSError as exc:
        raise SettingsError(
            f"expected to read the data and to write the report to {output}, that fails ({exc}); restore them, make "
            "room or name another --output"
        ) from exc
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        if not existed and not any(output.iterdir()):
            output.rmdir()
