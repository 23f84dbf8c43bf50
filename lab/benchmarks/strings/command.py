"""The command line that the measurements of spoken numbers share."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from lab.kit.machine import machine
from lab.kit.report import arguments, show
from mmdigit.reading.predictor import Predictor

Result = dict[str, Any]


def measured(
    module: str,
    what: str,
    description: str | None,
    argv: Sequence[str],
    run: Callable[[Path, int], Result],
    table: Callable[[Result], str],
) -> int:
    """Measure `what`, with the shipped model, and show it. run: of the data folder and --count, by pause and sound."""
    parser = arguments(module, description, on_data=False)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR")
    parser.add_argument(
        "--count", type=int, default=40, metavar="N", help=f"{what} of each pause and sound (default: %(default)s)"
    )
    given = parser.parse_args(argv)
    head = {
        "command": f"python -m {module} --data data --count {given.count}",
        "machine": machine(("onnxruntime", "numpy")),
        "model_version": Predictor.load().model_version,
    }
    return show(given, head | run(given.data, given.count), table)
