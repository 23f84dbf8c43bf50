"""python -m lab.benchmarks.forms: generated pages, printed, filled, degraded, read; how many come out right.

--split validation (writers whom the training never saw) for development; --split test, with seeds of its own, for the
figures alone: nothing may be tuned on it.
"""

import argparse
import json
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lab.benchmarks.forms.degrading import KINDS, Scan, degrade
from lab.benchmarks.forms.filling import Filled, blank_page, fill
from mmdigit.forms.cells import CellReader
from mmdigit.forms.form_reader import FormReader
from mmdigit.forms.layout import slots_of
from mmdigit.forms.page import PageFault, ScannedPage
from mmdigit.forms.placing import PlacedPage, place
from mmdigit.forms.template_file import load_template
from mmdigit.reading.predictor import Predictor
from mmdigit.training.data.splits import load_digits

FORM = Path(__file__).with_name("form.yaml")
SEEDS = {"validation": 20261128, "test": 77}
PEN, PENCIL = 0.15, 0.45

Counts = dict[str, int]


def registration_error_mm(placed: PlacedPage, scan: Scan) -> float:
    """The farthest that any box's middle is from where it truly is, the frames' offsets applied."""
    errors = []
    for slot, frame in zip(placed.slots, placed.frames, strict=True):
        middles = np.array([((box.left + box.right) / 2, (box.top + box.bottom) / 2) for box in slot.boxes])
        seen = placed.registration.to_pixels(middles + np.array(frame.offset_mm))
        errors.append(np.linalg.norm(seen - scan.view.to_pixels(middles), axis=1).max())
    return float(max(errors)) / placed.registration.px_per_mm


def count_page(reader: FormReader, cells: CellReader, filled: Filled, scan: Scan, counts: Counts) -> float:
    """Add what became of one page; returns the CPU time in seconds up to the cells."""
    counts["pages"] += 1
    begun = time.process_time()
    page = ScannedPage(1, scan.pixels)
    placed = place(page, reader.template)
    if isinstance(placed, PageFault):
        counts["pages_to_review"] += 1
        counts[f"review_{placed.reason}"] += 1
        return time.process_time() - begun
    fields = cells.read(placed.darkness, placed.slots, placed.frames)
    spent = time.process_time() - begun
    error = registration_error_mm(placed, scan)
    counts["pages_within_0.3_mm"] += error <= 0.3
    counts["pages_wrong_by_1_mm"] += error > 1.0
    read = reader.read(page)
    if isinstance(read, PageFault):
        raise RuntimeError("expected the same page to be read again")
    for value, field_cells, truth in zip(read.values, fields, filled.written, strict=True):
        field = value.slot.field
        if truth is None:
            counts["blank_boxes"] += len(field_cells)
            counts["blank_boxes_told"] += sum(cell.state == "blank" for cell in field_cells)
            continue
        text = value.text.replace(":", "").replace(".", "") if field.type in ("time", "decimal") else value.text
        if field.type == "date" and len(text) == 10:
            text = f"{text[8:]}{text[5:7]}{text[:4]}"
        counts["digits"] += len(truth)
        counts["digits_right"] += (
            sum(a == b for a, b in zip(text, truth, strict=False)) if len(text) == len(truth) else 0
        )
        if field.type == "digits":
            kind = "checked" if field.validators else "plain"
            counts[f"{kind}_fields"] += 1
            counts[f"{kind}_accepted"] += value.decision == "accept"
            counts[f"{kind}_accepted_wrong"] += value.decision == "accept" and text != truth
    return spent


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m lab.benchmarks.forms", description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--split", choices=SEEDS, default="validation")
    parser.add_argument("--pages", type=int, default=60)
    parser.add_argument("--output", type=Path)
    given = parser.parse_args(argv)
    template = load_template(FORM)
    digits = load_digits(given.data, given.split)
    reader, cells = FormReader(template, Predictor.load()), CellReader()
    paper = blank_page(template)
    by_kind: dict[str, Counts] = {kind: defaultdict(int) for kind in KINDS}
    spent = []
    for number in range(given.pages):
        kind = KINDS[number % len(KINDS)]
        chance = np.random.default_rng((SEEDS[given.split], number))
        filled = fill(paper, template, digits, chance, ink=PENCIL if kind == "pencil" else PEN)
        scan = degrade(filled.pixels, template.size_mm, kind, chance)
        spent.append(count_page(reader, cells, filled, scan, by_kind[kind]))
    total: Counts = defaultdict(int)
    for counts in by_kind.values():
        for name, value in counts.items():
            total[name] += int(value)
    result = {
        "split": given.split,
        "boxes_a_page": sum(len(slot.boxes) for slot in slots_of(template, 0)),
        "cpu_ms_a_page_to_cells": round(1000 * float(np.mean(spent)), 1),
        "total": dict(sorted(total.items())),
        "by_kind": {kind: {name: int(counts[name]) for name in sorted(counts)} for kind, counts in by_kind.items()},
    }
    text = json.dumps(result, indent=2) + "\n"
    sys.stdout.write(text)
    if given.output is not None:
        given.output.write_text(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
