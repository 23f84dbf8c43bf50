"""Plots latency against throughput of this worker and its peers."""

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot

COLOURS = {"worker": "#0b5394", "arroyo": "#b45f06", "bytewax": "#a61c00", "faststream": "#6a329f", "quix": "#38761d"}
PERCENTILES = ("p50", "p99")
NUDGES = {"arroyo": 6, "quix": -6}  # in points, for labels that would overlap
MARKS = (10, 20, 50, 100, 200, 500, 1000)


def plot(result: dict[str, Any], path: Path) -> None:
    """Write a PNG of each program's p50 and p99 at each rate, on a logarithmic scale.

    result: from lab.benchmarks.peers, with latencies.
    """
    figure, axes = pyplot.subplots(1, 2, figsize=(11, 4.6), sharey=True, layout="constrained")
    for panel, percentile in zip(axes, PERCENTILES, strict=True):
        ends = []
        for name, found in result["programs"].items():
            if "latency" not in found:
                continue
            framework, _, decoding = name.partition(", ")
            points = sorted(
                (run["rate_per_s"], run["latency_ms"][percentile])
                for run in found["latency"].values()
                if run["missing"] == 0
            )
            style = "--" if decoding == "own" else "-"
            width = 2.6 if name == "worker" else 1.4
            panel.plot(*zip(*points, strict=True), style, marker="o", ms=4, lw=width, color=COLOURS[framework])
            ends.append((*points[-1], name, framework))
        for rate, latency_ms, name, framework in ends:
            panel.annotate(
                name.replace("_", " "),
                (rate, latency_ms),
                (6, NUDGES.get(framework, 0)),
                textcoords="offset points",
                color=COLOURS[framework],
                va="center",
                fontsize=8,
            )
        panel.set_title(
            f"{percentile}: {'half' if percentile == 'p50' else '99 %'} of the jobs are faster", fontsize=10
        )
        panel.set_xlabel("jobs per second sent, open loop")
        panel.set_yscale("log")
        panel.set_yticks(MARKS, [str(mark) for mark in MARKS])
        panel.minorticks_off()
        panel.margins(x=0.18)
        panel.grid(alpha=0.3)
        panel.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("ms from intended time to prediction in Redis")
    figure.suptitle("solid: this project's decoders and model file; dashed: as each library documents", fontsize=10)
    figure.savefig(path, dpi=130)
    pyplot.close(figure)
