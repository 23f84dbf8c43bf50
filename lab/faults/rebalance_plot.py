"""Scaling as one picture: for each way, answers a second over time, with the steps marked."""

from collections import Counter
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot

from lab.faults.soak_plot import INK, MARK

_BIN_S = 0.5


def plot(result: dict[str, Any], path: Path) -> None:
    """result: as lab.faults.rebalance makes it; writes a PNG."""
    ways = result["ways"]
    figure, axes = pyplot.subplots(len(ways), 1, figsize=(9, 1.6 * len(ways) + 0.8), sharex=True, layout="constrained")
    for panel, way in zip(axes, ways, strict=True):
        counts = Counter(int(at_s / _BIN_S) for at_s in way["answers_at_s"] if at_s >= 0)
        bins = range(max(counts) + 1)
        panel.step([_BIN_S * each for each in bins], [counts[each] / _BIN_S for each in bins], color=INK, lw=1)
        panel.set_ylim(0, 3 * result["rate_per_s"])  # what was held up comes at once, and higher
        for step in way["steps"]:
            panel.axvspan(step["at_s"], step["at_s"] + step["settled_s"], color=MARK, alpha=0.15, lw=0)
            panel.text(step["at_s"], 2.6 * result["rate_per_s"], f" {step['name']}", fontsize=8, color=MARK)
        panel.set_title(way["way"], fontsize=9, loc="left")
        panel.set_ylabel("answers/s", fontsize=8)
        panel.grid(alpha=0.3)
        panel.spines[["top", "right"]].set_visible(False)
    axes[-1].set_xlabel("seconds; shaded: until the group was stable and every partition answered again")
    figure.suptitle(f"Workers 1, 4, 1 on 8 partitions, {result['rate_per_s']:g} jobs/s", fontsize=10)
    figure.savefig(path, dpi=120)
    pyplot.close(figure)
