"""Median, minimum and maximum of repeated figures, and their text."""

import statistics
from collections.abc import Sequence
from typing import Any

Spread = dict[str, float]


def spread(figures: Sequence[float]) -> Spread:
    """Median, minimum and maximum of the repetitions; the caller drops the warm-up."""
    return {"median": statistics.median(figures), "min": min(figures), "max": max(figures)}


def spread_of(runs: Sequence[dict[str, Any]], name: str) -> Spread:
    """The spread of one figure over the runs."""
    return spread([float(run[name]) for run in runs])


def format_spread(figures: Spread, form: str = ".0f") -> str:
    """As text: median (min-max)."""
    median, low, high = (format(figures[name], form) for name in ("median", "min", "max"))
    return f"{median} ({low}-{high})"


def rounded(figure: object) -> object:
    """The figure, or every number in it, to four significant digits; more would be noise."""
    if isinstance(figure, dict):
        return {name: rounded(value) for name, value in figure.items()}
    if isinstance(figure, list | tuple):
        return [rounded(value) for value in figure]
    return float(f"{figure:.4g}") if isinstance(figure, float) else figure
