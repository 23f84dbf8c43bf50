"""How does this worker compare with its peers? Runs all of them on the same core, one after another.

    python -m lab.benchmarks.peers [--data DIR] [--json] [--output FILE] [--rounds N] [--latency] [--crash]

Saturation: each drains a preloaded topic, in rounds, so that a slow machine slows all; ratios are of the same round.
Every answer with this project's decoders is compared with the predictor's own.
--latency: open loop at half the rate of the slowest batch peer, and at shares of each one's own rate. --crash: SIGKILL
midway and a second start; counts duplicates and losses. docs/results/benchmarks.md
describes the programs.
"""

import os
import signal
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from lab.benchmarks.peers.checking import require_answers
from lab.benchmarks.peers.running import PROGRAMS, WORKER, Program, running
from lab.kit.answers import LabelAndConfidence, offline
from lab.kit.machine import machine_line
from lab.kit.observer import Observer
from lab.kit.open_loop import open_loop
from lab.kit.polling import wait_for_count
from lab.kit.records import Record, read_samples, records, templates
from lab.kit.report import arguments, provenance, show
from lab.kit.saturation import BATCH_SIZE
from lab.kit.spread import format_spread, spread
from lab.kit.stack import PARTITIONS, Stack, running_stack
from mmdigit.settings.program import run_program
from producer.sources.sample import Sample
from schemas.wire import Wire

PACKAGES = ("onnxruntime", "torch", "kafka-python", "redis", "hdrhistogram")
ROUNDS = 3
JOBS = 4_000
SHARES = {"ours": 1.0, "own": 0.3}
FIRST_LOOP_SHARE = 0.075
"""Of the jobs, so that each run takes seconds whatever it is that runs."""
LOADS = (0.5, 0.9)
WINDOW_S, WINDOWS = 2.0, 5
QUIET_S = 60.0
"""A restarted program is done when no prediction has arrived for this long: longer than any group's session."""


def compare(
    data: Path | None, rounds: int, latency: bool, crash: bool, only: Sequence[str], jobs: int = JOBS
) -> dict[str, Any]:
    """All figures of the programs, by name. only: names of the peers to run beside the worker; empty = all."""
    samples = read_samples(data, jobs)
    expected = offline(samples)
    taking_part = [each for each in PROGRAMS if each is WORKER or not only or each.name in only]
    progress = Console(stderr=True)
    with running_stack() as stack, tempfile.TemporaryDirectory() as folder:
        saturations: dict[str, list[dict[str, float]]] = {each.name: [] for each in taking_part}
        for number in range(rounds):
            for each in taking_part:
                run = _saturation(stack, each, jobs, samples, expected, Path(folder))
                saturations[each.name].append(run)
                progress.print(f"round {number + 1}: {each.name}: {run['jobs_per_s']:.0f} jobs/s")
        found: dict[str, dict[str, Any]] = {name: _summary(runs, saturations) for name, runs in saturations.items()}
        if latency:
            batched = [each for each in taking_part if each.in_batches]
            slowest = min(found[each.name]["jobs_per_s"]["median"] for each in batched if each is not WORKER)
            for each in batched:
                own = found[each.name]["jobs_per_s"]["median"]
                rates = {"common": 0.5 * slowest} | {f"{load:g} of its own": load * own for load in LOADS}
                found[each.name]["latency"] = {
                    name: _latency(stack, each, samples, rate, Path(folder)) for name, rate in rates.items()
                }
                progress.print(f"latency: {each.name}: {found[each.name]['latency']['common']['latency_ms']}")
        if crash:
            for each in taking_part:
                found[each.name]["crash"] = _crash(stack, each, jobs, samples, Path(folder))
                progress.print(f"crash: {each.name}: {found[each.name]['crash']}")
        note = stack.cores.note
    head = provenance("lab.benchmarks.peers", PACKAGES, data)
    chosen = "".join(f' "{name}"' for name in only)
    return {
        **head,
        "command": f"{head['command']} --rounds {rounds} --jobs {jobs}" + (f" --only{chosen}" if only else ""),
        "settings": {
            **{"batch_size": BATCH_SIZE, "threads": 1, "partitions": PARTITIONS, "rounds": rounds, "cores": note},
            "answers": "with this project's decoders all equal the predictor's",
            "jobs": {each.name: job_count(each, jobs) for each in taking_part},
            **{"windows": WINDOWS, "window_s": WINDOW_S},
        },
        "programs": found,
    }


def job_count(program: Program, jobs: int) -> int:
    """How many of the jobs the program takes, at least two: the rate is between the first and the last."""
    return max(2, round(jobs * (SHARES[program.decoding] if program.in_batches else FIRST_LOOP_SHARE)))


def _jobs(program: Program, jobs: int, samples: Sequence[Sample], group: str) -> list[Record]:
    """Records as the program reads them: msgpack for this project's decoders, JSON for its own."""
    return list(records(samples, job_count(program, jobs), group, _wire(program)))


def _wire(program: Program) -> Wire:
    return "msgpack" if program.decoding == "ours" else "json"


def _saturation(
    stack: Stack,
    program: Program,
    job_limit: int,
    samples: Sequence[Sample],
    expected: Sequence[LabelAndConfidence],
    folder: Path,
) -> dict[str, float]:
    """From the first outcome seen to the last. Raises StoreError if an answer is not the expected one."""
    endpoints = stack.new_run()
    jobs = _jobs(program, job_limit, samples, "benchmark")
    count = stack.preload(endpoints, jobs)
    with running(program, endpoints, folder, stack.cores.measured) as pid:
        drained = stack.drain(count, [pid])
    if program.decoding == "ours":
        require_answers(program, endpoints.store_url, [job_id for job_id, _ in jobs], expected)
    return {
        "jobs_per_s": drained.jobs_per_s,
        "cpu_us_per_job": drained.cpu_us_per_job,
        "peak_rss_mb": drained.usages[0].peak_rss_mb,
    }


def _summary(runs: list[dict[str, float]], all_runs: dict[str, list[dict[str, float]]]) -> dict[str, Any]:
    """The spreads over the rounds, also of the worker's jobs/s divided by this program's in the same round."""
    found: dict[str, Any] = {name: spread([run[name] for run in runs]) for name in runs[0]}
    found["worker_times"] = spread(
        [ours["jobs_per_s"] / theirs["jobs_per_s"] for ours, theirs in zip(all_runs[WORKER.name], runs, strict=True)]
    )
    return found


def _latency(stack: Stack, program: Program, samples: Sequence[Sample], rate: float, folder: Path) -> dict[str, Any]:
    endpoints = stack.new_run()
    made = templates(samples, "benchmark", _wire(program))
    with running(program, endpoints, folder, stack.cores.measured):
        found = open_loop(stack, endpoints, made, rate, window_s=WINDOW_S, windows=WINDOWS).as_json()
    return {name: found[name] for name in ("rate_per_s", "jobs", "missing", "duplicates", "latency_ms")}


def _crash(stack: Stack, program: Program, job_limit: int, samples: Sequence[Sample], folder: Path) -> dict[str, int]:
    """Kill it when half of the jobs are answered, start it again, and count duplicates and losses."""
    endpoints = stack.new_run()
    jobs = _jobs(program, job_limit, samples, "crash")
    stack.preload(endpoints, jobs)
    with Observer(endpoints.store_url) as observer:
        with running(program, endpoints, folder, stack.cores.measured) as pid:
            while stack.outcomes("crash") < len(jobs) // 2:
                time.sleep(0.005)
            os.kill(pid, signal.SIGKILL)
        with running(program, endpoints, folder, stack.cores.measured):
            wait_for_count(lambda: stack.outcomes("crash"), len(jobs), stalled_after_s=QUIET_S)
        return duplicates_and_losses(observer.times_s(), [job_id for job_id, _ in jobs])


def duplicates_and_losses(seen_s: dict[str, list[float]], job_ids: Sequence[str]) -> dict[str, int]:
    """duplicates: writes of a prediction beyond its first; lost: jobs without a prediction."""
    counts = [len(seen_s.get(job_id, ())) for job_id in job_ids]
    return {"jobs": len(counts), "duplicates": sum(max(0, count - 1) for count in counts), "lost": counts.count(0)}


def main(argv: Sequence[str] | None = None) -> int:
    return run_program("python -m lab.benchmarks.peers", _main, argv)


def _main(argv: Sequence[str]) -> int:
    parser = arguments("lab.benchmarks.peers", __doc__)
    help_ = "saturation runs of each program (default: %(default)s)"
    parser.add_argument("--rounds", type=int, metavar="N", default=ROUNDS, help=help_)
    help_ = "jobs of a run with this project's decoders, the others take fewer (default: %(default)s)"
    parser.add_argument("--jobs", type=int, metavar="N", default=JOBS, help=help_)
    parser.add_argument("--latency", action="store_true", help="also measure latency; 10 minutes more")
    parser.add_argument("--crash", action="store_true", help="also kill each program once; 6 minutes more")
    names = [each.name for each in PROGRAMS]
    parser.add_argument(
        "--only", nargs="+", default=[], choices=names, metavar="NAME", help=f"some of: {'; '.join(names)}"
    )
    help_ = "plot latency against throughput into this PNG (implies --latency)"
    parser.add_argument("--plot", type=Path, metavar="FILE", help=help_)
    options = parser.parse_args(argv)
    for name in ("rounds", "jobs"):
        if getattr(options, name) < 1:
            parser.error(f"expected at least 1 for --{name}, got {getattr(options, name)}")
    latency = options.latency or options.plot is not None
    result = compare(options.data, options.rounds, latency, options.crash, options.only, options.jobs)
    if options.plot is not None:
        from lab.benchmarks.peers.plot import plot

        plot(result, options.plot)
    return show(options, result, _table)


def _table(result: dict[str, Any]) -> str:
    settings = result["settings"]
    lines = [
        machine_line(result["machine"]),
        f"{settings['cores']}; one process, one thread, batches of {settings['batch_size']}; median (min-max) of "
        f"{settings['rounds']} rounds",
        f"{'':>18}{'jobs/s':>20}{'worker jobs/s ratio':>22}{'CPU per job, us':>20}{'MB':>6}"
        f"{'p50 / p99 ms':>16}{'dupl. / lost':>14}",
    ]
    for name, found in result["programs"].items():
        latency = found.get("latency", {}).get("common", {}).get("latency_ms")
        crash = found.get("crash")
        lines.append(
            f"{name:>18}{format_spread(found['jobs_per_s']):>20}{format_spread(found['worker_times'], '.2f'):>22}"
            f"{format_spread(found['cpu_us_per_job']):>20}{found['peak_rss_mb']['median']:>6.0f}"
            + (f"{latency['p50']:.0f} / {latency['p99']:.0f}" if latency else "").rjust(16)
            + (f"{crash['duplicates']} / {crash['lost']}" if crash else "").rjust(14)
        )
    rates = [found["latency"]["common"]["rate_per_s"] for found in result["programs"].values() if "latency" in found]
    if rates:
        lines.append(f"latency: {rates[0]:.0f} jobs/s for each, half the saturation of the slowest batch peer")
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
