"""python -m lab.benchmarks.forms.free: fields of 4 to 8 digits in one box without separators, and how many are read.

Pages are printed, filled with digits of one MNIST writer and degraded as in lab.benchmarks.forms; the digits of a field
stand apart as in lab.benchmarks.lines. --split validation for development; --split test for the figures alone.
"""

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lab.benchmarks.forms.degrading import KINDS, degrade
from lab.benchmarks.forms.filling import blank_page, fill
from lab.benchmarks.forms.generated import PEN, PENCIL
from lab.kit.report import arguments, progress, provenance, show
from mmdigit.forms.pages.page import PageFault, ScannedPage
from mmdigit.forms.reading.form_reader import FormReader
from mmdigit.forms.template.parsing import parse_template
from mmdigit.reading.error_bounds import error_bound
from mmdigit.reading.predictor import Predictor
from mmdigit.training.data.splits import load_digits
from mmdigit.training.measures import wilson

MODULE = "lab.benchmarks.forms.free"
SEEDS = {"validation": 61, "test": 62}
PACKAGES = ("numpy", "onnxruntime", "opencv-python-headless")
LINES = "".join(
    f"      - {{name: {name}{row}, free: true, {checks}boxes: {{at_mm: [{left}, {42 + 16 * row}], size_mm: [6.5, 9], "
    f"pitch_mm: 7.5, count: {4 + row % 5}}}}}\n"
    for name, left, checks in (("plain", 28, ""), ("luhn", 115, "validators: [luhn], "))
    for row in (0, 1, 2, 3, 4, 9, 10, 11, 12, 13)
)
FORM = f"version: 1\nform: FREE\npages:\n  - title: Free fields\n    fields:\n{LINES}"


def measure(data: Path, split: str, pages: int) -> dict[str, Any]:
    """Figures of fields with and without a check digit."""
    template, predictor = parse_template(FORM.encode()), Predictor.load()
    reader, digits = FormReader(template, predictor), load_digits(data, "test" if split == "test" else "validation")
    paper = blank_page(template)
    rows: list[dict[str, Any]] = []
    unread = 0
    for number in progress(range(pages), f"{pages} pages"):
        chance = np.random.default_rng((SEEDS[split], number))
        kind = KINDS[number % len(KINDS)]
        ink = PENCIL if kind == "pencil" else PEN
        filled = fill(paper, template, digits, chance, blanks=0.0, ink=ink)
        found = reader.read(ScannedPage(1, degrade(filled.pixels, template.size_mm, kind, chance).pixels))
        if isinstance(found, PageFault):
            unread += 1
            continue
        for value, written in zip(found.values, filled.written, strict=True):
            rows.append(
                {
                    "kind": kind,
                    "checked": bool(value.slot.field.validators),
                    "right": value.text == written,
                    "accepted": value.decision == "accept",
                    "reasons": value.reasons,
                    "written": written,
                    "read": value.text,
                }
            )
    return {
        "split": split,
        "model_version": predictor.model_version,
        "pages": pages,
        "unread_pages": unread,
        "plain": figures([row for row in rows if not row["checked"]]),
        "check digit": figures([row for row in rows if row["checked"]]),
        "kinds": {kind: figures([row for row in rows if row["kind"] == kind]) for kind in KINDS},
    }


def figures(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    accepted = [row for row in rows if row["accepted"]]
    wrong = [row for row in accepted if not row["right"]]
    right = sum(row["right"] for row in rows)
    return {
        "fields": len(rows),
        "right": right,
        "right_interval_95": list(wilson(right, len(rows))) if rows else [0.0, 1.0],
        "accepted": len(accepted),
        "wrong_accepted": len(wrong),
        "wrong_accepted_bound_95": error_bound(len(wrong), len(accepted)) if accepted else 1.0,
        "reasons": dict(sorted(Counter(reason for row in rows for reason in row["reasons"]).items())),
        "accepted_wrong": [{"written": row["written"], "read": row["read"]} for row in wrong],
    }


def table(result: dict[str, Any]) -> str:
    """The figures as Markdown."""
    lines = ["| free field | fields | right | accepted | wrong among accepted |", "|---|---|---|---|---|"]
    named = {"no check": result["plain"], "check digit": result["check digit"], **result["kinds"]}
    for label, each in named.items():
        low, high = (100 * end for end in each["right_interval_95"])
        count = max(1, each["fields"])
        lines.append(
            f"| {label} | {each['fields']:,} | {100 * each['right'] / count:.1f} % ({low:.1f}-{high:.1f}) | "
            f"{100 * each['accepted'] / count:.1f} % | {each['wrong_accepted']} of {each['accepted']:,}, at most "
            f"{100 * each['wrong_accepted_bound_95']:.2f} % |"
        )
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> int:
    parser = arguments(MODULE, __doc__)
    parser.add_argument("--split", choices=SEEDS, default="validation", help="of writers (default: %(default)s)")
    parser.add_argument("--pages", type=int, metavar="N", default=60, help="of 20 fields each (default: %(default)s)")
    options = parser.parse_args(argv)
    if options.data is None:
        parser.error("expected --data, got none; the sample pack does not name its writers")
    head = provenance(MODULE, PACKAGES, options.data) | {"source": f"MNIST {options.split} writers"}
    return show(options, head | measure(options.data, options.split, options.pages), table)


if __name__ == "__main__":
    sys.exit(main())
