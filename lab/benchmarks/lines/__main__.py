"""python -m lab.benchmarks.lines: lines of handwritten digits, read with and without their count known.

Each line has 4 to 8 digits of one MNIST writer. --split validation for development; --split test, whose writers neither
the reader nor its thresholds have seen, for the figures alone. About three minutes of one core.
"""

import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from lab.benchmarks.lines.page import table
from lab.benchmarks.lines.rendering import Line
from lab.benchmarks.lines.sample import KINDS, Kind, render_lines
from lab.kit.report import arguments, progress, provenance, show
from mmdigit.numbers.evidence import evidence_of
from mmdigit.numbers.span_model import load_fitted
from mmdigit.numbers.written import LineReader, weigh
from mmdigit.numbers.written_number import WrittenNumber
from mmdigit.reading.error_bounds import error_bound
from mmdigit.reading.predictor import Predictor
from mmdigit.training.measures import wilson

MODULE = "lab.benchmarks.lines"
PACKAGES = ("numpy", "onnxruntime", "opencv-python-headless")
LINES = 1_200
SEEDS = {"validation": 101, "test": 202}
COUNTS = ("known", "unknown")
Read = dict[tuple[str, str], list[tuple[WrittenNumber, str]]]
"""Numbers, each with what the line says, by the kind of line and by one of COUNTS."""


def measure(data: Path, split: str, count: int) -> dict[str, Any]:
    """Every kind of line, with its count known and unknown."""
    drawn = render_lines(data, split, count, SEEDS[split])  # type: ignore[arg-type]
    result, read = read_lines(((kind.name, line) for kind, line in drawn), count)
    names = [Kind(*each).name for each in KINDS]
    groups = {group: [name for name in names if name.startswith(group)] for group in ("apart", "touching")}
    return {
        "split": split,
        **result,
        "kinds": {name: by_count(read, [name]) for name in names},
        "groups": {group: by_count(read, members) for group, members in groups.items()},
    }


def read_lines(lines: Iterable[tuple[str, Line]], count: int) -> tuple[dict[str, Any], Read]:
    """Read `count` lines, each with the name of its kind."""
    predictor = Predictor.load()
    reader, fitted = LineReader(predictor), load_fitted()
    read: Read = defaultdict(list)
    spent_s = 0.0
    for name, line in progress(lines, f"{count} lines"):
        begun = time.process_time()
        weighed = weigh(predictor, line.grey)
        evidence = None if weighed is None else evidence_of(weighed, fitted)
        for counted in COUNTS:
            number = reader.choose(evidence, len(line.digits) if counted == "known" else None)
            read[name, counted].append((number, line.digits))
        spent_s += time.process_time() - begun
    return {"model_version": predictor.model_version, "cpu_ms_a_line": 1000 * spent_s / count}, read


def by_count(read: Read, names: Sequence[str]) -> dict[str, Any]:
    """The figures of these kinds together, with the count known and unknown."""
    return {counted: figures([each for name in names for each in read[name, counted]]) for counted in COUNTS}


def figures(read: Iterable[tuple[WrittenNumber, str]]) -> dict[str, Any]:
    """Of numbers, each with what was written."""
    numbers = list(read)
    right = sum(number.number == written for number, written in numbers)
    accepted = [number.number == written for number, written in numbers if number.decision == "accept"]
    wrong = accepted.count(False)
    reasons: dict[str, int] = defaultdict(int)
    for number, _ in numbers:
        for reason in number.reasons:
            reasons[reason] += 1
    return {
        "lines": len(numbers),
        "right": right,
        "right_interval_95": _interval(right, len(numbers)),
        "count_right": sum(len(number.digits) == len(written) for number, written in numbers),
        "accepted": len(accepted),
        "accepted_interval_95": _interval(len(accepted), len(numbers)),
        "wrong_accepted": wrong,
        "wrong_accepted_bound_95": error_bound(wrong, len(accepted)) if accepted else 1.0,
        "reasons": dict(sorted(reasons.items())),
        "accepted_wrong": [
            {"written": written, "read": number.number}
            for number, written in numbers
            if number.decision == "accept" and number.number != written
        ],
    }


def _interval(count: int, total: int) -> list[float]:
    return list(wilson(count, total)) if total else [0.0, 1.0]


def main(argv: list[str] | None = None) -> int:
    parser = arguments(MODULE, __doc__)
    parser.add_argument("--split", choices=SEEDS, default="test", help="of MNIST's writers (default: %(default)s)")
    parser.add_argument("--lines", type=int, metavar="N", default=LINES, help="in all (default: %(default)s)")
    options = parser.parse_args(argv)
    if options.data is None:
        parser.error("expected --data, got none; the sample pack does not name its writers")
    head = provenance(MODULE, PACKAGES, options.data) | {"source": f"MNIST {options.split} writers"}
    return show(options, head | measure(options.data, options.split, options.lines), table)


if __name__ == "__main__":
    sys.exit(main())
