"""python -m deploy.grafana.plots: runs the dashboards' queries against Prometheus and plots one PNG per dashboard.

Uses Grafana's layout, titles and units, but draws with matplotlib, for machines without Grafana.
"""

import argparse
import io
import json
import re
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib

matplotlib.use("Agg")
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MultipleLocator
from numpy.typing import NDArray
from PIL import Image

from deploy.grafana.generate import FOLDER

RATE_INTERVAL = "1m"  # for $__rate_interval, which Grafana computes from scrape interval and panel width
COLUMNS, UNIT_INCH, DPI = 24, 0.5, 72


class Series(NamedTuple):
    """One time series. times_s, values: (N,), values may be NaN."""

    labels: dict[str, str]
    times_s: NDArray[np.float64]
    values: NDArray[np.float64]


def query_range(prometheus: str, expression: str, begin_s: float, end_s: float, step_s: float) -> list[Series]:
    """Run a range query against the Prometheus at this address.

    Raises urllib.error.HTTPError for an invalid query.
    """
    query = expression.replace("$__rate_interval", RATE_INTERVAL)
    parameters = urllib.parse.urlencode({"query": query, "start": begin_s, "end": end_s, "step": step_s})
    with urllib.request.urlopen(f"{prometheus}/api/v1/query_range?{parameters}", timeout=30) as response:  # noqa: S310
        answer = json.load(response)
    return [
        Series(
            found["metric"],
            np.array([time_s for time_s, _ in found["values"]], np.float64),
            np.array([value for _, value in found["values"]], np.float64),
        )
        for found in answer["data"]["result"]
    ]


def draw(dashboard: dict[str, Any], run_query: Callable[[str], list[Series]], path: Path) -> None:
    """Plot every panel of the dashboard. run_query: expression -> series, with times relative to the start."""
    panels = dashboard["panels"]
    rows = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in panels)
    figure = plt.figure(figsize=(COLUMNS * UNIT_INCH, rows * UNIT_INCH * 0.8), dpi=DPI)
    for panel in panels:
        place = panel["gridPos"]
        # left, bottom, width, height of the axes, as shares of the figure
        margin_x, margin_top, margin_bottom = 1.2 / COLUMNS, 0.9 / rows, 1.1 / rows
        small = place["h"] < 6
        axes = figure.add_axes(
            (
                place["x"] / COLUMNS + (0.2 / COLUMNS if small else margin_x),
                1 - (place["y"] + place["h"]) / rows + (0.3 / rows if small else margin_bottom),
                place["w"] / COLUMNS - (0.4 / COLUMNS if small else margin_x + 0.4 / COLUMNS),
                place["h"] / rows - (1.3 / rows if small else margin_bottom + margin_top),
            )
        )
        axes.set_title(panel["title"], fontsize=9, loc="left", fontweight="bold")
        answers = [
            (_legend(target["legendFormat"], series.labels), series)
            for target in panel["targets"]
            for series in run_query(target["expr"])
        ]
        if answers:
            _KINDS[panel["type"]](axes, panel, answers)
        else:
            axes.text(0.5, 0.5, "no data", ha="center", va="center", color="grey", transform=axes.transAxes)
            axes.set_axis_off()
    drawn = io.BytesIO()
    figure.savefig(drawn)
    plt.close(figure)
    # A palette halves the file size.
    Image.open(drawn).convert("RGB").quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)


Answers = Sequence[tuple[str, Series]]


def _newest(answers: Answers, most: int) -> Answers:
    """The series with the latest samples, at most `most` of them, in their original order."""
    kept = sorted(range(len(answers)), key=lambda number: answers[number][1].times_s[-1])[-most:]
    return [answers[number] for number in sorted(kept)]


def _stat(axes: Axes, panel: dict[str, Any], answers: Answers) -> None:
    axes.set_axis_off()
    answers = _newest(answers, 4)
    shown = [f"{name} {_in_unit(series.values[-1], _unit(panel))}".strip() for name, series in answers]
    size = 22 if len(shown) == 1 and len(shown[0]) < 12 else 10
    axes.text(0.5, 0.6, "\n".join(shown), ha="center", va="center", fontsize=size, transform=axes.transAxes)
    behind = axes.inset_axes((0, 0, 1, 0.3))
    behind.set_axis_off()
    for _, series in answers:
        behind.fill_between(series.times_s, series.values, alpha=0.3, linewidth=0)


def _lines(axes: Axes, panel: dict[str, Any], answers: Answers) -> None:
    stacking = panel["fieldConfig"]["defaults"].get("custom", {}).get("stacking", {}).get("mode")
    if stacking == "normal":
        times_s = np.unique(np.concatenate([series.times_s for _, series in answers]))
        heights = [np.interp(times_s, series.times_s, np.nan_to_num(series.values)) for _, series in answers]
        axes.stackplot(times_s, heights, labels=[name for name, _ in answers], alpha=0.7)
    else:
        for name, series in answers:
            axes.plot(series.times_s, series.values, label=name, linewidth=1.2)
    axes.set_ylim(bottom=panel["fieldConfig"]["defaults"].get("min"))
    _time_axis(axes)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _in_unit(value, _unit(panel))))
    if _unit(panel) == "s" and (top_s := axes.get_ylim()[1]) > 90:
        axes.yaxis.set_major_locator(MultipleLocator(60 * max(1, round(top_s / 300))))
    if any(name for name, _ in answers):
        named = {name for name, _ in _newest(answers, 12)}
        handles = [
            (handle, name) for handle, name in zip(*axes.get_legend_handles_labels(), strict=True) if name in named
        ]
        columns = 1 + len(handles) // 7
        axes.legend(*zip(*handles, strict=True), fontsize=6.5, loc="best", ncols=columns, framealpha=0.6, borderpad=0.2)


def _bars(axes: Axes, panel: dict[str, Any], answers: Answers) -> None:
    ordered = sorted(_newest(answers, 10), key=lambda answer: answer[0], reverse=True)
    places = range(len(ordered))
    values = [series.values[-1] for _, series in ordered]
    drawn = axes.barh(places, values, color="tab:blue", alpha=0.7)
    axes.bar_label(drawn, [_in_unit(value, _unit(panel)) for value in values], fontsize=7, padding=2)
    axes.set_yticks(places, [name for name, _ in ordered], fontsize=7)
    axes.set_xlim(0, max([*values, 1e-9]) * 1.25)
    axes.set_xticks([])
    if max(len(name) for name, _ in ordered) > 3:  # put long names inside the bars
        axes.set_yticks([])
        for place, (name, _) in zip(places, ordered, strict=True):
            axes.text(max(values) * 0.02, place, name, fontsize=7, va="center")
        axes.set_ylim(-0.8, max(len(ordered), 4) - 0.2)


def _heat(axes: Axes, panel: dict[str, Any], answers: Answers) -> None:
    by_bound = sorted((float(series.labels["le"]), series) for _, series in answers)
    times_s = np.unique(np.concatenate([series.times_s for _, series in by_bound]))
    below = np.stack([np.interp(times_s, series.times_s, np.nan_to_num(series.values)) for _, series in by_bound])
    inside = np.diff(below, axis=0, prepend=0).clip(min=0)  # (bounds, times)
    used = np.flatnonzero(inside.sum(axis=1) > 1e-9)
    low, high = (int(used.min()), int(used.max()) + 1) if used.size else (0, len(by_bound))
    shown = np.ma.masked_less(inside[low:high], 1e-9)
    edges = np.arange(low, high + 1) - 0.5
    width_s = times_s[1] - times_s[0] if times_s.size > 1 else 1.0
    axes.pcolormesh(np.append(times_s, times_s[-1] + width_s), edges, shown, cmap="Blues")
    unit = panel["options"]["yAxis"].get("unit", "none")
    axes.set_yticks(range(low, high), [_in_unit(bound, unit) for bound, _ in by_bound[low:high]], fontsize=6.5)
    _time_axis(axes)


_KINDS = {"stat": _stat, "timeseries": _lines, "bargauge": _bars, "heatmap": _heat}


def _time_axis(axes: Axes) -> None:
    left_s, right_s = axes.get_xlim()
    axes.xaxis.set_major_locator(MultipleLocator(60 * max(1, round((right_s - left_s) / 300))))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda seconds, _: f"{seconds / 60:g} min"))
    axes.tick_params(labelsize=7)
    axes.grid(alpha=0.2)


def _legend(pattern: str, labels: dict[str, str]) -> str:
    return re.sub(r"\{\{(\w+)\}\}", lambda found: labels.get(found[1], ""), pattern)


def _unit(panel: dict[str, Any]) -> str:
    return str(panel["fieldConfig"]["defaults"]["unit"])


def _in_unit(value: float, unit: str) -> str:
    if not np.isfinite(value):
        return "∞" if value == np.inf else "-"
    if unit == "s":
        for size, name in ((3600, "h"), (60, "min"), (1, "s"), (1e-3, "ms")):
            if abs(value) >= size:
                return f"{value / size:.3g} {name}"
        return "0 s" if value == 0 else f"{value * 1e3:.2g} ms"
    if unit == "percentunit":
        return f"{100 * value:.4g} %"
    if unit == "bytes":
        return f"{value / 2**20:.0f} MiB"
    return f"{value:,.4g}" + ("/s" if unit == "ops" else "") if abs(value) < 1e4 else f"{value:,.0f}"


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m deploy.grafana.plots", description=__doc__)
    options.add_argument("--prometheus", default="http://localhost:9090", help="address of Prometheus")
    options.add_argument("--minutes", type=float, default=30.0, help="length of the time range")
    options.add_argument("--ago", type=float, default=0.0, help="how many minutes ago the time range ends")
    options.add_argument("--output", type=Path, default=Path(".mmdigit/plots"), help="folder for the PNGs")
    chosen = options.parse_args()
    end_s = time.time() - 60 * chosen.ago
    begin_s = end_s - 60 * chosen.minutes
    step_s = max(5.0, (end_s - begin_s) / 200)

    def run_query(expression: str) -> list[Series]:
        found = query_range(chosen.prometheus, expression, begin_s, end_s, step_s)
        return [series._replace(times_s=series.times_s - begin_s) for series in found]

    chosen.output.mkdir(parents=True, exist_ok=True)
    for path in sorted(FOLDER.glob("*.json")):
        drawn = chosen.output / f"dashboard-{path.stem}.png"
        draw(json.loads(path.read_text(encoding="utf-8")), run_query, drawn)
        sys.stdout.write(f"{drawn}\n")


if __name__ == "__main__":
    main()
