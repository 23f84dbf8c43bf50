"""python -m samples.demo: the main job on one machine, with nothing but Python.

The producer puts jobs into a SQLite file, the worker predicts them, and the terminal shows what came out.
"""

import argparse
import csv
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console
from rich.table import Table

from schemas.errors import DataError, TransportError
from schemas.settings import run_program

PACK = Path(__file__).parent / "pack" / "manifest.csv"
READY_WITHIN_S = 30.0
_METRICS_URL = re.compile(r"metrics=(http://\S+)")

SHOWN_OF_EACH_KIND = 5

Row = dict[str, str]


def demo(argv: Sequence[str]) -> int:
    """Send, predict, show. Returns 0 if every job got an answer."""
    parser = argparse.ArgumentParser(prog="python -m samples.demo", description="The main job on one machine.")
    parser.add_argument("--data", type=Path, help="folder of MNIST and Free Spoken Digit data; else the sample pack")
    parser.add_argument("--count", type=int, default=10_000, help="pairs of real data (default: %(default)s)")
    parser.add_argument(
        "--folder", type=Path, default=Path(".mmdigit/demo"), help="what it writes (default: %(default)s)"
    )
    options = parser.parse_args(argv)
    if options.data is not None and not options.data.is_dir():
        raise DataError(f"expected a folder of data, got {options.data}; see docs/data.md for its layout")
    source = [str(PACK)] if options.data is None else [f"pairs:{options.data}", "--count", str(options.count)]
    options.folder.mkdir(parents=True, exist_ok=True)
    for old in options.folder.iterdir():
        if old.is_file():
            old.unlink()
    url = f"sqlite:///{options.folder / 'demo.db'}"
    output = options.folder / "predictions.csv"
    console = Console()
    with running_worker(url, options.folder / "worker.log") as metrics_url:
        started_s = time.monotonic()
        produced = subprocess.run(  # noqa: S603
            [
                *(sys.executable, "-m", "producer", "--from", *source, "--to", url, "--group", "demo"),
                *("--journal-dir", str(options.folder), "--wait", "--store", url, "--output", str(output)),
            ],
            check=False,
        )
        elapsed_s = time.monotonic() - started_s
        with urllib.request.urlopen(metrics_url, timeout=5) as response:  # noqa: S310  the worker started above
            metrics = response.read().decode()
    if not output.exists():
        return produced.returncode or 1
    (options.folder / "metrics.txt").write_text(metrics, encoding="utf-8")
    with output.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    console = Console()
    console.print(predictions_table(rows))
    console.print(summary_table(rows, metrics, elapsed_s))
    console.print(f"predictions: {output}   metrics at the end: {options.folder / 'metrics.txt'}", soft_wrap=True)
    return produced.returncode


@contextmanager
def running_worker(url: str, log: Path) -> Iterator[str]:
    """A worker on the queue file, as another process; yields the address of its metrics and stops it by SIGTERM.

    Raises TransportError if it is not ready in time; its log says why.
    """
    with log.open("w") as file:
        worker = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "worker", "--from", url, "--store", url, "--metrics-port", "0"], stderr=file
        )
        try:
            yield _metrics_url(worker, log)
        finally:
            worker.terminate()
            worker.wait(timeout=READY_WITHIN_S)


def _metrics_url(worker: subprocess.Popen[bytes], log: Path) -> str:
    deadline_s = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline_s and worker.poll() is None:
        if match := _METRICS_URL.search(log.read_text()):
            return match[1]
        time.sleep(0.05)
    lines = log.read_text().strip().splitlines() or ["it logged nothing"]
    raise TransportError(f"expected the worker to be ready within {READY_WITHIN_S:.0f} s: {lines[-1]}")


def predictions_table(rows: list[Row]) -> Table:
    """A few predictions of each kind: accepted, and reviewed for each of the reasons that occur."""
    table = Table(title="Some of the predictions")
    for column in ("id", "expected", "image", "audio", "answer", "confidence", "novelty", "decision", "reasons"):
        table.add_column(column, justify="left" if column in ("id", "decision", "reasons") else "right")
    kinds: dict[str, list[Row]] = {}
    for row in rows:
        kinds.setdefault(row["reasons"] or row["dead_letter_reason"], []).append(row)
    for kind in sorted(kinds):
        for row in kinds[kind][:SHOWN_OF_EACH_KIND]:
            table.add_row(
                *(row[name] or "-" for name in ("id", "expected")),
                *(_head(row, head) for head in ("image", "audio")),
                f"[bold]{row['label'] or '-'}[/bold]",
                _short(row["confidence"]),
                _short(row["novelty"]),
                f"[green]{row['decision']}[/green]"
                if row["decision"] == "accept"
                else row["decision"] or "dead letter",
                row["reasons"] or row["dead_letter_reason"],
            )
        table.add_section()
    return table


def summary_table(rows: list[Row], metrics: str, elapsed_s: float) -> Table:
    """Accuracy where the label is known, rate, latency."""
    table = Table(title="Summary", show_header=False)
    table.add_column(justify="left")
    table.add_column(justify="right")
    answered = [row for row in rows if row["label"]]
    accepted = [row for row in answered if row["decision"] == "accept"]
    paired = [row for row in answered if row["image_label"] and row["audio_label"]]
    table.add_row("jobs answered", f"{len(answered)} of {len(rows)}")
    table.add_row("accepted", f"{len(accepted) / max(1, len(answered)):.1%}")
    table.add_section()
    table.add_row("accuracy, image alone", _accuracy(answered, "image_label"))
    table.add_row("accuracy, audio alone", _accuracy(answered, "audio_label"))
    table.add_row("accuracy, fused (both there)", _accuracy(paired, "label"))
    table.add_row("accuracy, what was accepted", _accuracy(accepted, "label"))
    table.add_section()
    table.add_row("rate, first job sent to last answer seen", f"{len(answered) / elapsed_s:.0f} jobs/s")
    table.add_row("latency p50, created to stored", _duration(quantile(metrics, "mmdigit_latency_seconds", 0.5)))
    table.add_row(
        "latency p99 (the whole queue is sent at once)", _duration(quantile(metrics, "mmdigit_latency_seconds", 0.99))
    )
    return table


def quantile(metrics: str, name: str, q: float) -> float:
    """The q-quantile of a histogram in Prometheus' text format, interpolated within its bucket as Prometheus does."""
    counts = {
        float(sample.labels["le"]): sample.value
        for family in text_string_to_metric_families(metrics)
        for sample in family.samples
        if sample.name == f"{name}_bucket"
    }
    total = max(counts.values(), default=0.0)
    lower = below = 0.0
    for bound, count in sorted(counts.items()):
        if total and count >= q * total:
            return lower if bound == float("inf") else lower + (bound - lower) * (q * total - below) / (count - below)
        lower, below = bound, count
    return float("nan")


def _accuracy(rows: list[Row], column: str) -> str:
    known = [row for row in rows if row["expected"] and row[column]]
    if not known:
        return "-"
    right = sum(row[column] == row["expected"] for row in known)
    return f"{right / len(known):.2%}  ({right} of {len(known)})"


def _head(row: Row, head: str) -> str:
    label, confidence = row[f"{head}_label"], row[f"{head}_confidence"]
    return f"{label} ({_short(confidence)})" if label else "-"


def _short(probability: str) -> str:
    return f"{float(probability):.3f}" if probability else "-"


def _duration(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"


def main() -> int:
    return run_program("python -m samples.demo", demo)


if __name__ == "__main__":
    sys.exit(main())
