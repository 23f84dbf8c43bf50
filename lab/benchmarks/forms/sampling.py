"""python -m lab.benchmarks.forms.sampling: in how many simulated weeks the control's bound covers the true error.

Each week accepts forms with a true error of its own, draws a share of their fields as `mmdigit form control` does, and
keys them without mistakes. The bound promises to cover the error in at least 95 % of the weeks.
"""

import argparse
import json
import sys
from collections.abc import Sequence

import numpy as np

from mmdigit.forms.reviewing.control import ControlledWeek
from mmdigit.forms.reviewing.sampling import is_drawn

SEED = 20261128
LOWEST, HIGHEST = 0.0002, 0.03  # true errors, log-uniform
TARGET = 0.0014


def simulated_week(chance: np.random.Generator, number: int, fields: int, share: float) -> tuple[float, ControlledWeek]:
    """The true error of a week's accepted fields, and what its control shows."""
    error = float(np.exp(chance.uniform(np.log(LOWEST), np.log(HIGHEST))))
    wrong = chance.random(fields) < error
    drawn = np.array([is_drawn(number, share, f"SIMU.{number}.{field}", "amount") for field in range(fields)])
    return float(wrong.mean()), ControlledWeek(f"week {number}", int(drawn.sum()), int((wrong & drawn).sum()), TARGET)


def coverage(weeks: int, fields: int, share: float) -> dict[str, float]:
    """The share of the weeks whose bound is at least the true error, and how far above it the bounds are."""
    chance = np.random.default_rng(SEED)
    results = [simulated_week(chance, number, fields, share) for number in range(weeks)]
    return {
        "weeks": weeks,
        "fields_a_week": fields,
        "share": share,
        "covered": sum(week.bound >= error for error, week in results) / weeks,
        "median_bound_above_error": float(np.median([week.bound - error for error, week in results])),
    }


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m lab.benchmarks.forms.sampling", description=__doc__)
    parser.add_argument("--weeks", type=int, default=1000)
    parser.add_argument("--fields", type=int, default=5000, help="accepted in a week")
    given = parser.parse_args(argv)
    for share in (0.02, 0.1, 0.5):
        sys.stdout.write(json.dumps(coverage(given.weeks, given.fields, share)) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
