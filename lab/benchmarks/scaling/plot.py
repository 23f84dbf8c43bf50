"""The simulated cases as one picture: backlog, tasks and cost over time, a column each."""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot

from lab.benchmarks.scaling.fleet import Run, Tasks
from lab.benchmarks.scaling.profiles import NEVER, Profile

INK, MARK, PAID = "#0b5394", "#b45f06", "#93b7d8"
_STEP_S = 10


def plot(runs: dict[str, tuple[Profile, Run, Tasks]], usd_per_task_hour: float, path: Path) -> None:
    """runs: as lab.benchmarks.scaling makes them; writes a PNG. Shaded: a storm, or data missing."""
    figure, rows = pyplot.subplots(3, len(runs), figsize=(3.6 * len(runs), 7), sharex="col", layout="constrained")
    most = max(max(run.running) for _, run, _ in runs.values())
    for column, (profile, run, tasks) in zip(rows.T, runs.values(), strict=True):
        backlog, count, cost = column
        every = slice(None, None, _STEP_S)
        hours = [at_s / 3600 for at_s in range(profile.seconds)][every]
        seconds = [jobs / (now * tasks.jobs_per_s) for jobs, now in zip(run.backlog, run.running, strict=True)]
        backlog.plot(hours, seconds[every], color=INK)
        backlog.set_title(profile.title, fontsize=10)
        count.step(hours, run.paid[every], where="post", color=PAID, lw=3, label="paid for")
        count.step(hours, run.running[every], where="post", color=INK, label="running")
        spent, total = [], 0.0
        for paid in run.paid:
            total += paid * usd_per_task_hour / 3600
            spent.append(total)
        cost.plot(hours, spent[every], color=INK)
        cost.set_xlabel("hours")
        count.plot(hours, [jobs / tasks.jobs_per_s for jobs in run.arrived][every], color=MARK, lw=1)
        for panel, top in ((backlog, None), (count, most + 0.5), (cost, None)):
            panel.set_ylim(0, top)
            panel.grid(alpha=0.3)
            panel.spines[["top", "right"]].set_visible(False)
            for span in (profile.storm, profile.lag_missing):
                if span != NEVER:
                    panel.axvspan(span.start_s / 3600, span.end_s / 3600, color=MARK, alpha=0.12, lw=0)
    rows[0, 0].set_ylabel("backlog, s")
    rows[1, 0].set_ylabel("tasks")
    rows[1, 0].legend(frameon=False, fontsize=8)
    rows[2, 0].set_ylabel("tasks' cost, $")
    first = next(iter(runs.values()))[2]
    figure.suptitle(
        f"simulated, not run on AWS; tasks of {first.jobs_per_s:.0f} jobs/s; backlog in seconds of the running tasks; "
        "orange: as many tasks as the jobs that come would need, busy all the time; shaded: storm, or data missing",
        fontsize=10,
    )
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
