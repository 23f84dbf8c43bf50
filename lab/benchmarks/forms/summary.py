"""The figures of many generated pages: by kind of scan and in all, with the goals beside them."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from lab.benchmarks.forms.ablations import Ablation
from lab.benchmarks.forms.degrading import KINDS
from lab.benchmarks.forms.generated import Split
from lab.benchmarks.forms.leniency import check
from lab.benchmarks.forms.page_result import FieldResult, PageResult
from mmdigit.reading.error_bounds import error_bound

GOALS = {  # of the whole; at least, except for wrong ones
    "pages_within_0.3_mm_or_to_review": 0.995,
    "pages_wrong_by_1_mm": 0,
    "digits_right": 0.993,
    "blank_boxes_told": 0.999,
    "plain_accepted": 0.55,
    "plain_accepted_wrong": 0.0005,
    "checked_accepted": 0.96,
    "checked_accepted_wrong": 0.0005,
}


def summary(pages: Sequence[PageResult], split: Split, without: Ablation | None) -> dict[str, object]:
    total = counts_of(pages)
    found: dict[str, object] = {
        "split": split,
        "without": without,
        "cpu_ms_a_page_to_cells": round(1000 * float(np.mean([page.cpu_s for page in pages])), 1),
        "goals": {name: {"goal": goal, "found": share(name, total)} for name, goal in GOALS.items()},
        "total": total,
        "by_kind": {kind: counts_of([page for page in pages if page.kind == kind]) for kind in KINDS},
        "accepted_wrong": [
            {"page": page.number, **field._asdict()}
            for page in pages
            for field in page.fields
            if field.accepted and not field.right
        ],
    }
    if split == "validation":
        found["halves"] = halves(pages)
    return found


def counts_of(pages: Sequence[PageResult]) -> dict[str, float]:
    counts: dict[str, float] = defaultdict(float)
    for page in pages:
        for name, value in page.counts.items():
            counts[name] += value
        for field in page.fields:
            kind = "checked" if field.checked else "plain"
            counts[f"{kind}_fields"] += 1
            counts[f"{kind}_accepted"] += field.accepted
            counts[f"{kind}_accepted_wrong"] += field.accepted and not field.right
    for kind in ("plain", "checked"):
        wrong, accepted = int(counts[f"{kind}_accepted_wrong"]), int(counts[f"{kind}_accepted"])
        counts[f"{kind}_accepted_wrong_bound_95"] = error_bound(wrong, accepted) if accepted else 1.0
    return {name: round(float(counts[name]), 5) for name in sorted(counts)}


def share(name: str, total: dict[str, float]) -> float:
    """A goal's figure; pages are counted as they are."""
    if name == "pages_wrong_by_1_mm":
        return total.get(name, 0.0)
    if name == "pages_within_0.3_mm_or_to_review":
        return round((total.get("pages_within_0.3_mm", 0.0) + total.get("pages_to_review", 0.0)) / total["pages"], 5)
    whole = {
        "digits_right": "digits",
        "blank_boxes_told": "blank_boxes",
        "plain_accepted": "plain_fields",
        "plain_accepted_wrong": "plain_accepted",
        "checked_accepted": "checked_fields",
        "checked_accepted_wrong": "checked_accepted",
    }[name]
    return round(total.get(name, 0.0) / max(total.get(whole, 0.0), 1), 5)


def halves(pages: Sequence[PageResult]) -> dict[str, object]:
    """Chosen on every other writer, checked on the others, and the other way round; and each half's loss of cells."""
    writers = sorted({page.writer for page in pages})
    parts = [[page for page in pages if writers.index(page.writer) % 2 == half] for half in (0, 1)]
    plain: list[list[FieldResult]] = [
        [field for page in part for field in page.fields if not field.checked] for part in parts
    ]
    if not all(plain):
        return {}
    return {
        "first_chooses": check(plain[0], plain[1]),
        "second_chooses": check(plain[1], plain[0]),
        "loss_a_digit_by_temperature": [
            {
                name.removeprefix("digits_loss_at_"): round(value / counts["digits"], 5)
                for name, value in counts.items()
                if name.startswith("digits_loss_at_")
            }
            for counts in map(counts_of, parts)
        ],
    }
