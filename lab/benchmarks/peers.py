"""How does this worker compare with what people would use instead? One after another on the same core, in one run.

    python -m lab.benchmarks.peers [--data DIR] [--json] [--output FILE] [--rounds N] [--latency] [--crash]

Saturation: each drains a preloaded topic, in rounds, so that a slower machine is slower for all; ratios are formed
within a round. --latency: open loop at half the rate of the slowest batch peer, and at shares of each one's own rate.
--crash: SIGKILL midway and a second start; duplicates and losses counted. Who takes part: docs/results/benchmarks.md.
"""

import os
import signal
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from lab.benchmarks.rivals import CONTESTANTS, WORKER, Contestant, running
from lab.kit.machine import machine, machine_line
from lab.kit.observer import Observer
from lab.kit.open_loop import open_loop
from lab.kit.records import Record, read_samples, records, templates
from lab.kit.report import arguments, command_of, show, source_of
from lab.kit.saturation import BATCH_SIZE
from lab.kit.spread import shown, spread
from lab.kit.stack import PARTITIONS, Stack, running_stack
from mmdigit.settings.program import run_program
from producer.sources.sample import Sample
from schemas.wire import Wire

PACKAGES = ("onnxruntime", "torch", "kafka-python", "redis", "hdrhistogram")
ROUNDS = 3
JOBS = {"ours": 4_000, "own": 1_200}
FIRST_LOOP_JOBS = 300
LOADS = (0.5, 0.9)
WINDOW_S, WINDOWS = 2.0, 5
QUIET_S = 60.0
"""So long after the last new prediction a crashed contestant is given up: longer than any group's session."""


def compare(data: Path | None, rounds: int, latency: bool, crash: bool, only: Sequence[str]) -> dict[str, Any]:
    """All figures of all contestants, by name. only: names of those that take part beside the worker; empty = all."""
    samples = read_samples(data, max(JOBS.values()))
    taking_part = [each for each in CONTESTANTS if each is WORKER or not only or each.name in only]
    progress = Console(stderr=True)
    with running_stack() as stack, tempfile.TemporaryDirectory() as folder:
        saturations: dict[str, list[dict[str, float]]] = {each.name: [] for each in taking_part}
        for number in range(rounds):
            for each in taking_part:
                saturations[each.name].append(_saturation(stack, each, samples, Path(folder)))
                progress.print(
                    f"round {number + 1}: {each.name}: {saturations[each.name][-1]['jobs_per_s']:.0f} jobs/s"
                )
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
                found[each.name]["crash"] = _crash(stack, each, samples, Path(folder))
                progress.print(f"crash: {each.name}: {found[each.name]['crash']}")
        note = stack.cores.note
    return {
        "command": command_of("lab.benchmarks.peers", data),
        "machine": machine(PACKAGES),
        "source": source_of(data),
        "settings": {
            **{"batch_size": BATCH_SIZE, "threads": 1, "partitions": PARTITIONS, "rounds": rounds, "cores": note},
            **{"jobs": JOBS, "first_loop_jobs": FIRST_LOOP_JOBS, "windows": WINDOWS, "window_s": WINDOW_S},
        },
        "contestants": found,
    }


def _jobs(contestant: Contestant, samples: Sequence[Sample], group: str) -> list[Record]:
    """Records as the contestant reads them: ours in this project's default encoding, its own as JSON."""
    count = JOBS[contestant.decoding] if contestant.in_batches else FIRST_LOOP_JOBS
    return list(records(samples, count, group, _wire(contestant)))


def _wire(contestant: Contestant) -> Wire:
    return "msgpack" if contestant.decoding == "ours" else "json"


def _saturation(stack: Stack, contestant: Contestant, samples: Sequence[Sample], folder: Path) -> dict[str, float]:
    """From the first outcome seen to the last."""
    place = stack.fresh()
    count = stack.preload(place, _jobs(contestant, samples, "benchmark"))
    with running(contestant, place, folder, stack.cores.measured) as pid:
        drained = stack.drain(count, [pid])
    return {
        "jobs_per_s": drained.jobs_per_s,
        "cpu_us_per_job": drained.cpu_us_per_job,
        "peak_rss_mb": drained.usages[0].peak_rss_mb,
    }


def _summary(runs: list[dict[str, float]], all_runs: dict[str, list[dict[str, float]]]) -> dict[str, Any]:
    """Spreads over the rounds; and how many times as many jobs/s the worker does in the same round."""
    found: dict[str, Any] = {name: spread([run[name] for run in runs]) for name in runs[0]}
    found["worker_times"] = spread(times(all_runs[WORKER.name], runs))
    return found


def times(worker: Sequence[dict[str, float]], peer: Sequence[dict[str, float]]) -> list[float]:
    """Of each round, the worker's jobs/s divided by the peer's."""
    return [ours["jobs_per_s"] / theirs["jobs_per_s"] for ours, theirs in zip(worker, peer, strict=True)]


def _latency(
    stack: Stack, contestant: Contestant, samples: Sequence[Sample], rate: float, folder: Path
) -> dict[str, Any]:
    place = stack.fresh()
    made = templates(samples, "benchmark", _wire(contestant))
    with running(contestant, place, folder, stack.cores.measured):
        found = open_loop(stack, place, made, rate, window_s=WINDOW_S, windows=WINDOWS).as_json()
    return {name: found[name] for name in ("rate_per_s", "jobs", "missing", "duplicates", "latency_ms")}


def _crash(stack: Stack, contestant: Contestant, samples: Sequence[Sample], folder: Path) -> dict[str, int]:
    """Kill it when half of the jobs are answered, start it again, and count what came twice and what never came."""
    place = stack.fresh()
    jobs = _jobs(contestant, samples, "crash")
    stack.preload(place, jobs)
    with Observer(place.store_url) as observer:
        with running(contestant, place, folder, stack.cores.measured) as pid:
            while stack.outcomes("crash") < len(jobs) // 2:
                time.sleep(0.005)
            os.kill(pid, signal.SIGKILL)
        with running(contestant, place, folder, stack.cores.measured):
            seen, since_s = -1, time.monotonic()
            while seen < len(jobs) and time.monotonic() - since_s < QUIET_S:
                if (outcomes := stack.outcomes("crash")) > seen:
                    seen, since_s = outcomes, time.monotonic()
                time.sleep(0.05)
        return duplicates_and_losses(observer.times_s(), [job_id for job_id, _ in jobs])


def duplicates_and_losses(seen_s: dict[str, list[float]], job_ids: Sequence[str]) -> dict[str, int]:
    """duplicates: how many times more than once predictions were set; lost: jobs without any."""
    counts = [len(seen_s.get(job_id, ())) for job_id in job_ids]
    return {"jobs": len(counts), "duplicates": sum(max(0, count - 1) for count in counts), "lost": counts.count(0)}


def main(argv: Sequence[str] | None = None) -> int:
    return run_program("python -m lab.benchmarks.peers", _main, argv)


def _main(argv: Sequence[str]) -> int:
    parser = arguments("lab.benchmarks.peers", __doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="saturation runs of each (default: %(default)s)")
    parser.add_argument("--latency", action="store_true", help="measure latency, too; 10 minutes more")
    parser.add_argument("--crash", action="store_true", help="kill each once, too; 6 minutes more")
    names = [each.name for each in CONTESTANTS]
    parser.add_argument("--only", nargs="+", default=[], choices=names, metavar="NAME", help=f"of {', '.join(names)}")
    parser.add_argument("--plot", type=Path, help="draw latency against throughput into this PNG (with --latency)")
    options = parser.parse_args(argv)
    if options.rounds < 1:
        parser.error(f"expected at least 1 round, got {options.rounds}")
    result = compare(
        options.data, options.rounds, options.latency or options.plot is not None, options.crash, options.only
    )
    if options.plot is not None:
        from lab.benchmarks.latency_plot import plot

        plot(result, options.plot)
    return show(options, result, _table)


def _table(result: dict[str, Any]) -> str:
    settings = result["settings"]
    lines = [
        machine_line(result["machine"]),
        f"{settings['cores']}; one process, one thread, batches of {settings['batch_size']}; median (least-most) of "
        f"{settings['rounds']} rounds",
        f"{'':>18}{'jobs/s':>20}{'worker is faster':>22}{'us CPU a job':>20}{'MB':>6}"
        f"{'p50 / p99 ms':>16}{'twice / lost':>14}",
    ]
    for name, found in result["contestants"].items():
        latency = found.get("latency", {}).get("common", {}).get("latency_ms")
        crash = found.get("crash")
        lines.append(
            f"{name:>18}{shown(found['jobs_per_s']):>20}{shown(found['worker_times'], '.2f'):>22}"
            f"{shown(found['cpu_us_per_job']):>20}{found['peak_rss_mb']['median']:>6.0f}"
            + (f"{latency['p50']:.0f} / {latency['p99']:.0f}" if latency else "").rjust(16)
            + (f"{crash['duplicates']} / {crash['lost']}" if crash else "").rjust(14)
        )
    rates = [found["latency"]["common"]["rate_per_s"] for found in result["contestants"].values() if "latency" in found]
    if rates:
        lines.append(f"latency: {rates[0]:.0f} jobs/s for each, half of what the slowest batch peer can do")
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
