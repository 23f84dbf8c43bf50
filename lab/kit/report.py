"""What the command lines of benchmarks and faults share: --data, --json and --output, and how a result is shown."""

import argparse
import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console
from rich.progress import track

from lab.kit.spread import rounded

Item = TypeVar("Item")


def arguments(module: str, description: str | None, *, on_data: bool = True) -> argparse.ArgumentParser:
    """A parser of `python -m MODULE`. description: the module's docstring; on_data: it takes --data."""
    parser = argparse.ArgumentParser(
        prog=f"python -m {module}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    if on_data:
        help_ = "folder of MNIST and Free Spoken Digit data; else the sample pack"
        parser.add_argument("--data", type=Path, help=help_)
    parser.add_argument("--json", action="store_true", help="print JSON in place of the table")
    parser.add_argument("--output", type=Path, help="write the JSON to this file, too")
    return parser


def add_runs(parser: argparse.ArgumentParser, jobs: int, repetitions: int) -> None:
    """--jobs and --repetitions, with these defaults."""
    parser.add_argument("--jobs", type=int, default=jobs, help="jobs of a run (default: %(default)s)")
    parser.add_argument("--repetitions", type=int, default=repetitions, help="runs that count (default: %(default)s)")


def progress(items: Iterable[Item], what: str) -> Iterable[Item]:
    """The items, with a bar on stderr that is gone at their end."""
    return track(items, what, console=Console(stderr=True), transient=True)


def source_of(data: Path | None) -> str:
    """Which jobs a result belongs to."""
    return "sample pack" if data is None else "MNIST test x Free Spoken Digit test"


def command_of(module: str, data: Path | None) -> str:
    """How to get the result again."""
    return f"python -m {module}" + ("" if data is None else " --data DIR")


def show(options: argparse.Namespace, result: dict[str, Any], table: Callable[[dict[str, Any]], str]) -> int:
    """Write and print the result as the options say. Returns the exit code."""
    kept: Any = rounded(result)
    text = json.dumps(kept, indent=2)
    if options.output is not None:
        options.output.write_text(text + "\n", encoding="utf-8")
    sys.stdout.write((text if options.json else table(kept)) + "\n")
    return 0
