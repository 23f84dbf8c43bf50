"""Reports what a shadow found, as a table and as JSON."""

import math
from dataclasses import dataclass
from typing import Any

from worker.shadow.comparison import Comparison, Share

_MAX_LIVE_VERSIONS = 10  # shown: the store may name any number


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of the answers under test: CPU time of decoding and model, and the model's wall time, in seconds."""

    jobs: int
    cpu_s: float
    model_s: float


def report(comparison: Comparison, tested: str, cost: Cost) -> dict[str, Any]:
    """The report as plain values, for JSON. tested: model and worker under test."""
    shares = {"differing": comparison.differing, "redecided": comparison.redecided}
    return {
        "tested": tested,
        "live": dict(comparison.live),
        "compared": comparison.compared,
        **{
            name: {
                "jobs": share.count,
                "of": share.total,
                "share": share.observed,
                "share_at_most": share.at_most,
                "limit": share.limit,
            }
            for name, share in shares.items()
        },
        "other_digit": comparison.other_digit,
        "other_digit_accepted_by_both": comparison.other_digit_accepted,
        "failed_here": comparison.failed_here,
        "accept_to_review": comparison.to_review,
        "review_to_accept": comparison.to_accept,
        "failed_live": comparison.failed_live,
        "failed_in_both": comparison.failed_in_both,
        "without_live_outcome": comparison.missing,
        "unreadable": comparison.unreadable,
        "confidence_shift": {name: _finite(value) for name, value in comparison.shifts().items()},
        "model_s_per_job": {
            "live": _finite(comparison.live_model_s),
            "tested": _finite(cost.model_s / cost.jobs) if cost.jobs else None,
        },
        "cpu_s_per_job": cost.cpu_s / cost.jobs if cost.jobs else None,
        "examples": [
            {"job_id": example.job_id, "live": example.live, "tested": example.tested}
            for example in comparison.examples
        ],
        "verdict": comparison.verdict,
    }


def table(comparison: Comparison, tested: str, cost: Cost) -> str:
    """The report as text. tested: model and worker under test."""
    live = comparison.live.most_common(_MAX_LIVE_VERSIONS)
    lines = [f"tested  {tested}", *(f"live    {name}: {jobs} jobs" for name, jobs in live), ""]
    lines.append(f"{'':<34}{'jobs':>9}{'share':>12}{'at most':>12}{'limit':>12}")
    rows: list[tuple[str, int | Share]] = [
        ("answered live, and compared", comparison.compared),
        ("another digit, or none", comparison.differing),
        ("  another, accepted by both", comparison.other_digit_accepted),
        ("  none", comparison.failed_here),
        ("accept or review, changed", comparison.redecided),
        ("  accept to review", comparison.to_review),
        ("  review to accept", comparison.to_accept),
        ("dead letter live, answered here", comparison.failed_live),
        ("dead in both", comparison.failed_in_both),
        ("no outcome live in time", comparison.missing),
        ("unreadable records", comparison.unreadable),
    ]
    for name, value in rows:
        if isinstance(value, Share):
            cells = "".join(f"{100 * share:>10.3f} %" for share in (value.observed, value.at_most, value.limit))
            lines.append(f"{name:<34}{value.count:>9}{cells}")
        else:
            lines.append(f"{name:<34}{value:>9}")
    shifts = comparison.shifts()
    lines += [
        "",
        f"confidence, tested minus live: mean {shifts['mean']:+.5f}; size p99 {shifts['p99']:.5f}, "
        f"largest {shifts['largest']:.5f}",
    ]
    if cost.jobs:
        lines.append(
            f"a job: model {1000 * cost.model_s / cost.jobs:.2f} ms (live {1000 * comparison.live_model_s:.2f} ms); "
            f"decoding and model {1000 * cost.cpu_s / cost.jobs:.2f} ms of CPU"
        )
    if comparison.examples:
        width = max(len(example.job_id) for example in comparison.examples)
        lines += ["", *(f"{e.job_id:<{width}}  live {e.live:<16}  tested {e.tested}" for e in comparison.examples)]
    lines += ["", f"verdict: {comparison.verdict}"]
    return "".join(f"{line}\n" for line in lines)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
