"""Plots how long an answer takes, by load and by the way of getting it."""

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot

COLOURS = {"SQLite": "#0b5394", "Kafka + Redis": "#b45f06", "LitServe": "#38761d"}
MARKS = (5, 10, 20, 50, 100, 200, 500, 1000, 2000)


def plot(result: dict[str, Any], path: Path) -> None:
    """Write a PNG with a panel a load: from p50 (the bar's end) to p95 (the line's end), medians of the rounds.

    result: from lab.benchmarks.gateway, with latencies.
    """
    programs = result["latency"]
    loads = list(next(iter(programs.values()))["loads"])
    figure, axes = pyplot.subplots(1, len(loads), figsize=(11, 3.2), sharey=True, sharex=True, layout="constrained")
    for panel, load in zip(axes, loads, strict=True):
        rows = [(name, way, run) for name, found in programs.items() for way, run in found["loads"][load].items()]
        for place, (name, way, run) in enumerate(rows):
            p50, p95 = (run["latency_ms"][each]["median"] for each in ("p50", "p95"))
            alpha = 0.5 if way.startswith("polling") else 1.0
            panel.barh(place, p50, color=COLOURS[name], alpha=alpha, height=0.6)
            panel.plot((p50, p95), (place, place), color=COLOURS[name], alpha=alpha, lw=2, marker="|", ms=9)
        panel.set_yticks(range(len(rows)), [f"{name}, {way}" for name, way, _ in rows], fontsize=9)
        panel.set_title(f"{float(load):.0%} of each one's rate", fontsize=10)
        panel.set_xscale("log")
        panel.set_xticks(MARKS, [str(mark) for mark in MARKS], fontsize=8)
        panel.minorticks_off()
        panel.grid(axis="x", alpha=0.3)
        panel.spines[["top", "right"]].set_visible(False)
    axes[0].invert_yaxis()
    axes[len(loads) // 2].set_xlabel("ms from a request's intended time to its answer: bar p50, line to p95")
    figure.savefig(path, dpi=130)
    pyplot.close(figure)
