"""Median, least and most of repeated figures, and how they are shown."""

import statistics
from collections.abc import Sequence
from typing import Any

Spread = dict[str, float]


def spread(figures: Sequence[float]) -> Spread:
    """Median, least and most of the repetitions; the warm-up is already dropped."""
    return {"median": statistics.median(figures), "min": min(figures), "max": max(figures)}


def spread_of(runs: Sequence[dict[str, Any]], name: str) -> Spread:
    """The spread of one figure of each run."""
    return spread([float(run[name]) for run in runs])


def shown(figures: Spread, form: str = ".0f") -> str:
    """As text: median (least-most)."""
    return f"{figures['median']:{form}} ({figures['min']:{form}}-{figures['max']:{form}})"


def rounded(figure: object) -> object:
    """All numbers inside at four significant digits: more would be noise."""
    if isinstance(figure, dict):
        return {name: rounded(value) for name, value in figure.items()}
    if isinstance(figure, list | tuple):
        return [rounded(value) for value in figure]
    return float(f"{figure:.4g}") if isinstance(figure, float) else figure
