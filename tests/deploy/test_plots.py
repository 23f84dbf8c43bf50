"""Dashboards plotted by matplotlib: every panel type, with and without data."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deploy.grafana.generate import FOLDER
from deploy.grafana.plots import Series, draw

MOMENTS = np.arange(0.0, 60.0, 5.0)
LABELS = {"group": "g", "label": "3", "version": "v"}


def numbers(expression: str) -> list[Series]:
    """Two series, or the buckets of a histogram, each with a missing value."""
    bounds = ("0.5", "1.0", "+Inf") if "_bucket" in expression and "sum by (le) (increase" in expression else ("1", "2")
    values = np.where(MOMENTS == 10, np.nan, MOMENTS)
    return [Series(LABELS | {"le": bound}, MOMENTS, values * (1 + place)) for place, bound in enumerate(bounds)]


@pytest.mark.parametrize("name", ["quality", "backfill"])  # together they contain all four panel types
def test_plot_draws_with_and_without_data(name: str, tmp_path: Path) -> None:
    dashboard = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    draw(dashboard, numbers, tmp_path / "full.png")
    draw(dashboard, lambda _: [], tmp_path / "empty.png")
    full, empty = (np.asarray(Image.open(tmp_path / f"{kind}.png").convert("L")) for kind in ("full", "empty"))
    assert full.shape == empty.shape
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        rows = max(other["gridPos"]["y"] + other["gridPos"]["h"] for other in dashboard["panels"])
        height, width = full.shape[0] / rows, full.shape[1] / 24
        cut = (
            slice(round(place["y"] * height), round((place["y"] + place["h"]) * height)),
            slice(round(place["x"] * width), round((place["x"] + place["w"]) * width)),
        )
        assert (full[cut] < 255).sum() > 1.5 * (empty[cut] < 255).sum() > 0, panel["title"]
