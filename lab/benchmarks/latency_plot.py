"""Latency against throughput, of this worker and its peers, as one picture: what lab.benchmarks.peers found."""

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot

COLOURS = {"worker": "#0b5394", "arroyo": "#b45f06", "faststream": "#6a329f", "quix": "#38761d"}
PERCENTILES = ("p50", "p99")
NUDGES = {"arroyo": 6, "quix": -6}  # points, of labels that would lie on each other
MARKS = (10, 20, 50, 100, 200, 500, 1000)


def plot(result: dict[str, Any], path: Path) -> None:
    """Each contestant's p50 and p99 at each rate that it was given, on a logarithmic scale; writes a PNG.

    result: as lab.benchmarks.peers makes it, with latencies.
    """
    figure, axes = pyplot.subplots(1, 2, figsize=(11, 4.6), sharey=True, layout="constrained")
    for panel, percentile in zip(axes, PERCENTILES, strict=True):
        ends = []
        for name, found in result["contestants"].items():
            if "latency" not in found:
                continue
            program, _, decoding = name.partition(", ")
            points = sorted(
                (run["rate_per_s"], run["latency_ms"][percentile])
                for run in found["latency"].values()
                if run["missing"] == 0
            )
            style = "--" if decoding == "own" else "-"
            width = 2.6 if name == "worker" else 1.4
            panel.plot(*zip(*points, strict=True), style, marker="o", ms=4, lw=width, color=COLOURS[program])
            ends.append((*points[-1], name, program))
        for rate, latency_ms, name, program in ends:
            panel.annotate(
                name.replace("_", " "),
                (rate, latency_ms),
                (6, NUDGES.get(program, 0)),
                textcoords="offset points",
                color=COLOURS[program],
                va="center",
                fontsize=8,
            )
        panel.set_title(
            f"{percentile}: {'half' if percentile == 'p50' else '99 %'} of the jobs are quicker", fontsize=10
        )
        panel.set_xlabel("jobs per second sent, open loop")
        panel.set_yscale("log")
        panel.set_yticks(MARKS, [str(mark) for mark in MARKS])
        panel.minorticks_off()
        panel.margins(x=0.18)
        panel.grid(alpha=0.3)
        panel.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("ms from intended time to prediction in Redis")
    figure.suptitle("solid: same decoding and model file; dashed: as the library's documentation leads to", fontsize=10)
    figure.savefig(path, dpi=130)
    pyplot.close(figure)
