"""Runs producer and worker on one machine, with nothing but Python: `python -m samples.demo`.

The producer writes jobs to a SQLite file, the worker predicts them, and the terminal shows the results.
"""

import argparse
import csv
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from mmdigit.settings.program import run_program
from samples.running import RunningWorker, Scraped
from schemas.errors import DataError

FOLDER = Path(".mmdigit/demo")  # emptied at each start
PACK = Path(__file__).parent / "pack" / "manifest.csv"
SHOWN_OF_EACH_KIND = 3

Row = dict[str, str]


def demo(argv: Sequence[str]) -> int:
    """Produce, predict and show. Returns 0 if every job got an answer."""
    parser = argparse.ArgumentParser(prog="python -m samples.demo", description="Producer and worker on one machine.")
    parser.add_argument(
        "--data", type=Path, help="folder of MNIST and Free Spoken Digit data (default: the sample pack)"
    )
    parser.add_argument("--count", type=int, default=10_000, help="pairs of real data (default: %(default)s)")
    options = parser.parse_args(argv)
    if options.data is not None and not options.data.is_dir():
        raise DataError(f"expected a folder of data, got {options.data}; see docs/use/data.md for its layout")
    source = [str(PACK)] if options.data is None else [f"pairs:{options.data}", "--count", str(options.count)]
    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in FOLDER.iterdir():
        if old.is_file():
            old.unlink()
    url = f"sqlite:///{FOLDER / 'demo.db'}"
    output = FOLDER / "predictions.csv"
    with RunningWorker(url, url, FOLDER / "worker.log") as worker:
        worker.wait_until_ready()
        started_s = time.monotonic()
        produced = subprocess.run(  # noqa: S603
            [
                *(sys.executable, "-m", "producer", "--from", *source, "--to", url, "--group", "demo"),
                *("--journal-dir", str(FOLDER), "--wait", "--store", url, "--output", str(output)),
            ],
            check=False,
        )
        elapsed_s = time.monotonic() - started_s
        metrics = worker.scrape()
    if not output.exists():
        return produced.returncode or 1
    (FOLDER / "metrics.txt").write_text(metrics.text, encoding="utf-8")
    with output.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    console = Console()
    console.print(predictions_table(rows))
    console.print(summary_table(rows, metrics, elapsed_s))
    console.print(f"predictions: {output}   metrics at the end: {FOLDER / 'metrics.txt'}", soft_wrap=True)
    console.print("next: `make up` runs the same on Kafka, Redis and Prometheus")
    return produced.returncode


def predictions_table(rows: list[Row]) -> Table:
    """A few predictions of each kind: accepted, and sent to review for each of the reasons that occur."""
    table = Table(title="Some predictions: accepted, or the reason for review", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in ("id", "true", "image", "audio", "answer", "conf.", "novelty"):
        table.add_column(column, justify="left" if column == "id" else "right", no_wrap=True)
    table.add_column("decision")
    kinds: dict[str, list[Row]] = {}
    for row in rows:
        kinds.setdefault(_decision(row), []).append(row)
    for kind in sorted(kinds):
        for row in kinds[kind][:SHOWN_OF_EACH_KIND]:
            heads = (_head(row, head) for head in ("image", "audio"))
            answer = f"[bold]{row['label'] or '-'}[/bold]"
            figures = (_short(row[name]) for name in ("confidence", "novelty"))
            colour = "green" if kind == "accept" else "yellow"
            table.add_row(row["id"], row["expected"] or "-", *heads, answer, *figures, f"[{colour}]{kind}[/{colour}]")
        table.add_section()
    return table


def summary_table(rows: list[Row], metrics: Scraped, elapsed_s: float) -> Table:
    """Accuracy on labelled jobs, throughput, latency."""
    table = Table(title="Summary", show_header=False, box=SIMPLE_HEAD)
    table.add_column(justify="left")
    table.add_column(justify="right")
    answered = [row for row in rows if row["label"]]
    accepted = [row for row in answered if row["decision"] == "accept"]
    paired = [row for row in answered if row["image_label"] and row["audio_label"]]
    table.add_row("jobs answered", f"{len(answered)} of {len(rows)}")
    table.add_row("accepted", f"{len(accepted) / max(1, len(answered)):.1%}")
    table.add_section()
    table.add_row("accuracy of the image head", _accuracy(answered, "image_label"))
    table.add_row("accuracy of the audio head", _accuracy(answered, "audio_label"))
    table.add_row("accuracy of both, fused", _accuracy(paired, "label"))
    table.add_row("accuracy of accepted answers to known digits", _accuracy(accepted, "label"))
    if unlabelled := [row for row in answered if not row["expected"]]:
        reviewed = sum(row["decision"] == "review" for row in unlabelled)
        table.add_row("planted conflicts and scribbles sent to review", f"{reviewed} of {len(unlabelled)}")
    table.add_section()
    table.add_row("rate, from the first job sent to the last answer", f"{len(answered) / elapsed_s:.0f} jobs/s")
    table.add_row("latency p50, created to stored", _duration(metrics.quantile("mmdigit_latency_seconds", 0.5)))
    table.add_row(
        "latency p99 (all jobs are sent at once and queue)",
        _duration(metrics.quantile("mmdigit_latency_seconds", 0.99)),
    )
    return table


def _accuracy(rows: list[Row], column: str) -> str:
    known = [row for row in rows if row["expected"] and row[column]]
    if not known:
        return "-"
    correct = sum(row[column] == row["expected"] for row in known)
    return f"{correct / len(known):.2%}  ({correct} of {len(known)})"


def _decision(row: Row) -> str:
    if row["dead_letter_reason"]:
        return f"dead letter: {row['dead_letter_reason']}"
    return row["reasons"].replace(";", ", ").replace("_", " ") or row["decision"]


def _head(row: Row, head: str) -> str:
    label, confidence = row[f"{head}_label"], row[f"{head}_confidence"]
    return f"{label} {_short(confidence)}" if label else "-"


def _short(probability: str) -> str:
    return f"{float(probability):.2f}" if probability else "-"


def _duration(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"


def main() -> int:
    return run_program("python -m samples.demo", demo)


if __name__ == "__main__":
    sys.exit(main())
