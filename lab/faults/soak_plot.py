"""Plots a soak: memory, descriptors, threads and backlog over time, with the mild faults marked."""

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot

from lab.faults.soak_readings import SoakRecord

INK, MARK = "#0b5394", "#b45f06"


def plot(result: dict[str, Any], record: SoakRecord, path: Path) -> None:
    """Write a PNG. result and record: from lab.faults.soak.soak."""
    readings = record.readings
    minutes = [each.at_s / 60 for each in readings]
    figure, axes = pyplot.subplots(3, 1, figsize=(9, 6.5), sharex=True, layout="constrained")
    memory, counts, backlog = axes
    memory.plot(minutes, [each.rss_mb for each in readings], color=INK)
    memory.set_ylim(0, 1.3 * max(each.rss_mb for each in readings))
    memory.set_ylabel("memory, MB")
    memory.set_title(f"after the warm-up: {result['slopes_per_hour']['rss_mb']:+.1f} MB per hour", fontsize=10)
    for name, style in (("descriptors", "-"), ("threads", "--")):
        counts.plot(minutes, [getattr(each, name) for each in readings], style, color=INK, label=name)
    counts.set_ylim(0)
    counts.set_ylabel("count")
    counts.legend(frameon=False, fontsize=8, loc="lower right")
    backlog.plot(minutes, [each.backlog for each in readings], color=INK)
    backlog.set_ylim(0)
    backlog.set_ylabel("jobs behind")
    backlog.set_xlabel("minutes")
    for panel in axes:
        for fault in record.faults:
            panel.axvline(fault.at_s / 60, color=MARK, lw=0.8, alpha=0.6)
        panel.grid(alpha=0.3)
        panel.spines[["top", "right"]].set_visible(False)
    figure.suptitle(
        f"one worker at {result['load_share']:.0%} of {result['saturation_jobs_per_s']:.0f} jobs/s; "
        f"lines mark {len(record.faults)} mild faults",
        fontsize=10,
    )
    figure.savefig(path, dpi=130)
    pyplot.close(figure)
