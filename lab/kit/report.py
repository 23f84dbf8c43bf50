"""What the command lines of benchmarks and faults share: options, the head of a result, and its output."""

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console
from rich.progress import track

from lab.kit.machine import machine
from lab.kit.spread import rounded

T = TypeVar("T")


def arguments(module: str, description: str | None, *, on_data: bool = True) -> argparse.ArgumentParser:
    """A parser for `python -m MODULE`. description: the module's docstring; on_data: whether it takes --data."""
    parser = argparse.ArgumentParser(
        prog=f"python -m {module}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    if on_data:
        help_ = "folder of the MNIST and Free Spoken Digit data sets (default: the sample pack)"
        parser.add_argument("--data", type=Path, metavar="DIR", help=help_)
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    parser.add_argument("--output", type=Path, metavar="FILE", help="also write the JSON to this file")
    return parser


def add_runs(parser: argparse.ArgumentParser, jobs: int, repetitions: int) -> None:
    """Add --jobs and --repetitions with these defaults."""
    parser.add_argument("--jobs", type=int, metavar="N", default=jobs, help="jobs in a run (default: %(default)s)")
    help_ = "runs, besides a warm-up that is dropped (default: %(default)s)"
    parser.add_argument("--repetitions", type=int, metavar="N", default=repetitions, help=help_)


def progress(items: Iterable[T], what: str) -> Iterable[T]:
    """The items, with a progress bar on standard error until they end."""
    return track(items, what, console=Console(stderr=True), transient=True)


def provenance(module: str, packages: Sequence[str], data: Path | None) -> dict[str, Any]:
    """The head of a result: the command that repeats it, the machine, and where its jobs come from."""
    return {
        "command": f"python -m {module}" + ("" if data is None else " --data DIR"),
        "machine": machine(packages),
        "source": "sample pack" if data is None else "MNIST test x Free Spoken Digit test",
    }


def show(options: argparse.Namespace, result: dict[str, Any], table: Callable[[dict[str, Any]], str]) -> int:
    """Print the result, and write it to --output. Returns the exit code."""
    figures: Any = rounded(result)
    text = json.dumps(figures, indent=2)
    if options.output is not None:
        options.output.write_text(text + "\n", encoding="utf-8")
    sys.stdout.write((text if options.json else table(figures)) + "\n")
    return 0
