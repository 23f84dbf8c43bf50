"""What would the scaling of deploy/terraform do? Backlog, tasks, cost of each case, simulated.

    python -m lab.benchmarks.scaling [--plot FILE] [--json] [--output FILE]

Nothing runs on AWS. Policies, capacities and partitions are the defaults in deploy/terraform's own files; what a task
works off and how long it takes from start to ready are those of lab/results/pipeline.json, how long a rebalance
stops the flow of faults.json: the slowest after SIGTERM, in a storm the slowest after SIGKILL. Each case is run twice:
with tasks as fast as the core that was measured, and with tasks that do what Terraform assumes.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from lab.benchmarks.cost import result_of, task_usd_per_hour
from lab.benchmarks.scaling.fleet import Run, Tasks, simulate
from lab.benchmarks.scaling.profiles import Profile, profiles
from lab.benchmarks.scaling.target_tracking import Policy, Scaler
from lab.benchmarks.terraform_defaults import default
from lab.kit.machine import machine, machine_line
from lab.kit.report import arguments, command_of, show
from mmdigit.settings.program import run_program

FARGATE_START_S = 60.0
"""Not measured here: 53 to 62 s from creation to start of ten Fargate tasks, image of 413 MB, private subnet.
Source: https://elasticscale.com/blog/reduce-aws-fargate-pull-times-with-soci (April 2024)."""

DRAINED_JOBS = 1.0
PREVIOUS_PARTITIONS, PREVIOUS_COOLDOWN_S = 8, 120.0
"""Terraform's before the simulation showed what they do: as many partitions as tasks, and a second step before the
first one was seen."""


def policies(scale_out_cooldown_s: float | None = None) -> list[Policy]:
    """The two policies of deploy/terraform/autoscaling.tf; with another cooldown where one is given."""
    cooldowns_s = scale_out_cooldown_s or default("scale_out_cooldown_s"), default("scale_in_cooldown_s")
    return [
        Policy("backlog", default("backlog_target_s"), *cooldowns_s),
        Policy("cpu", default("cpu_target_percent"), *cooldowns_s),
    ]


def scaler(scale_out_cooldown_s: float | None = None) -> Scaler:
    """As deploy/terraform sets it up."""
    return Scaler(policies(scale_out_cooldown_s), int(default("min_capacity")), int(default("max_capacity")))


def measured_tasks() -> Tasks:
    """A task that is as fast as the core of the benchmark."""
    found = result_of("pipeline")["transports"]["kafka+redis"]
    faults = {each["name"]: each for each in result_of("faults")["faults"]}
    return Tasks(
        jobs_per_s=found["one_worker"]["jobs_per_s"]["median"],
        start_s=FARGATE_START_S + found["start"]["ready_s"]["median"],
        rebalance_s=max(faults["worker SIGTERM"]["recoveries_s"]),
        storm_rebalance_s=max(faults["worker SIGKILL"]["recoveries_s"]),
        partitions=int(default("partitions")),
    )


def figures(run: Run, tasks: Tasks) -> dict[str, Any]:
    """The row of one run."""
    seconds = [jobs / (running * tasks.jobs_per_s) for jobs, running in zip(run.backlog, run.running, strict=True)]
    ways = [activity.after > activity.before for activity in run.activities]
    behind = [at_s for at_s, jobs in enumerate(run.backlog) if jobs > DRAINED_JOBS]
    task_hours = sum(run.paid) / 3600
    return {
        "jobs": sum(run.arrived),
        "left": run.backlog[-1],
        "backlog_s": max(seconds),
        "longest_wait_s": run.longest_wait_s(),
        "behind_s": len(behind),
        "most_tasks": max(run.running),
        "task_hours": task_hours,
        "usd": task_hours * task_usd_per_hour(),
        "activities": len(run.activities),
        "turns": sum(one != other for one, other in pairwise(ways)),
    }


def compare() -> tuple[dict[str, Any], dict[str, tuple[Profile, Run, Tasks]]]:
    """The result, and the runs with tasks as Terraform assumes them, for the plot."""
    measured = measured_tasks()
    assumed = default("jobs_per_second_per_task")
    slower = replace(measured, jobs_per_s=assumed)
    cases: dict[str, dict[str, Any]] = {}
    runs = {}
    for profile in profiles(default("max_capacity") * assumed):
        cases[profile.name] = {"title": profile.title, "hours": profile.seconds / 3600}
        for speed, tasks in {"as measured": measured, "as assumed": slower}.items():
            run = simulate(profile, tasks, scaler(), assumed)
            cases[profile.name][speed] = figures(run, tasks)
            runs[profile.name] = profile, run, tasks
    before = replace(slower, partitions=PREVIOUS_PARTITIONS)
    previously = simulate(runs["day"][0], before, scaler(PREVIOUS_COOLDOWN_S), assumed)
    return {
        "command": command_of("lab.benchmarks.scaling", None),
        "machine": machine(),
        "simulated": "no task ran on AWS",
        "policies": {
            policy.name: {
                "target": policy.target,
                "scale_out_cooldown_s": policy.scale_out_cooldown_s,
                "scale_in_cooldown_s": policy.scale_in_cooldown_s,
            }
            for policy in policies()
        },
        "tasks": {
            "least": default("min_capacity"),
            "most": default("max_capacity"),
            "partitions": measured.partitions,
            "jobs_per_s": {"as measured": measured.jobs_per_s, "as assumed": assumed},
            "start_s": measured.start_s,
            "rebalance_s": measured.rebalance_s,
            "storm_rebalance_s": measured.storm_rebalance_s,
            "usd_per_hour": task_usd_per_hour(),
        },
        "cases": cases,
        "previously": {"partitions": before.partitions, "scale_out_cooldown_s": PREVIOUS_COOLDOWN_S}
        | figures(previously, before),
    }, runs


def main(argv: Sequence[str] | None = None) -> int:
    return run_program("python -m lab.benchmarks.scaling", _main, argv)


def _main(argv: Sequence[str]) -> int:
    parser = arguments("lab.benchmarks.scaling", __doc__, on_data=False)
    parser.add_argument("--plot", type=Path, help="draw the slower runs into this PNG")
    options = parser.parse_args(argv)
    result, runs = compare()
    if options.plot is not None:
        from lab.benchmarks.scaling.plot import plot

        plot(runs, task_usd_per_hour(), options.plot)
    return show(options, result, lambda kept: f"{machine_line(kept['machine'])}\n{table(kept)}")


def table(result: dict[str, Any]) -> str:
    """The cases as a Markdown table."""
    tasks = result["tasks"]["jobs_per_s"]
    lines = [
        "| case | a task's jobs/s | most backlog | longest wait | time behind | most tasks | task-hours | $ "
        "| changes | turns |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for case in result["cases"].values():
        for speed, jobs_per_s in tasks.items():
            row = case[speed]
            lines.append(
                f"| {case['title']}, {case['hours']:.0f} h | {jobs_per_s:.0f} {speed} | {row['backlog_s']:.0f} s "
                f"| {row['longest_wait_s']:.0f} s | {row['behind_s'] / 60:.0f} min | {row['most_tasks']} "
                f"| {row['task_hours']:.1f} | {row['usd']:.2f} | {row['activities']} | {row['turns']} |"
            )
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
