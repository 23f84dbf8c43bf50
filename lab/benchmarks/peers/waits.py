"""What do linger, fetch wait and batch wait cost at a low rate? The worker and FastStream with each of them changed.

    python -m lab.benchmarks.peers.waits [--data DIR] [--rate N] [--rounds N] [--json] [--output FILE]

Open loop (lab.kit.open_loop) at one rate for all, in turns. Linger is the sender's: how long it keeps a record for
company. Batch wait is the worker's --batch-wait-s. Fetch wait is none in any of them: their brokers answer a waiting
fetch at the first byte (fetch.min.bytes 1). So what is left of a latency after linger and batch wait is the broker,
the way to the program, the program and the store. Until the broker's acknowledgement is a column of its own.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console

from lab.benchmarks.peers.running import WORKER, Program, running
from lab.kit.machine import machine_line
from lab.kit.open_loop import LINGER_MS, open_loop
from lab.kit.records import read_samples, templates
from lab.kit.report import arguments, provenance, show
from lab.kit.spread import format_spread, spread
from lab.kit.stack import PARTITIONS, running_stack
from mmdigit.settings.program import run_program

PACKAGES = ("onnxruntime", "kafka-python", "redis", "hdrhistogram")
SAMPLES = 2_000
RATE_PER_S = 178.0
"""Half of what the slowest batch peer does (docs/results/benchmarks.md): where all of them were compared."""
ROUNDS = 3
WINDOW_S, WINDOWS = 2.0, 5
FASTSTREAM = Program("faststream", "ours")


class Case(NamedTuple):
    """A program with its waits."""

    program: Program
    linger_ms: float = LINGER_MS
    options: tuple[str, ...] = ()


CASES = {
    "worker": Case(WORKER),
    "worker, no linger": Case(WORKER, linger_ms=0),
    "worker, batch wait 10 ms": Case(WORKER, options=("--batch-wait-s", "0.01")),
    "faststream": Case(FASTSTREAM),
    "faststream, no linger": Case(FASTSTREAM, linger_ms=0),
}


def compare(data: Path | None, rate: float, rounds: int) -> dict[str, Any]:
    """The latencies of each case over the rounds, in milliseconds."""
    made = templates(read_samples(data, SAMPLES), "benchmark")
    progress = Console(stderr=True)
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in CASES}
    with running_stack() as stack, tempfile.TemporaryDirectory() as folder:
        for number in range(rounds):
            for name, case in CASES.items():
                endpoints = stack.new_run()
                with running(case.program, endpoints, Path(folder), stack.cores.measured, case.options):
                    found = open_loop(
                        stack, endpoints, made, rate, window_s=WINDOW_S, windows=WINDOWS, linger_ms=case.linger_ms
                    )
                runs[name].append(figures(found.latency_ms, found.acknowledged_ms, found.missing))
                progress.print(f"round {number + 1}: {name}: {runs[name][-1]}")
        note = stack.cores.note
    return {
        **provenance("lab.benchmarks.peers.waits", PACKAGES, data),
        "settings": {
            **{"rate_per_s": rate, "rounds": rounds, "partitions": PARTITIONS, "linger_ms": LINGER_MS},
            **{"windows": WINDOWS, "window_s": WINDOW_S, "cores": note},
        },
        "cases": {name: summary(each, runs["worker"]) for name, each in runs.items()},
    }


def figures(latency_ms: dict[str, float], acknowledged_ms: dict[str, float], missing: int) -> dict[str, float]:
    """What is kept of one run."""
    return {
        "p50_ms": latency_ms["p50"],
        "p99_ms": latency_ms["p99"],
        "acknowledged_p50_ms": acknowledged_ms["p50"],
        "missing": missing,
    }


def summary(runs: Sequence[dict[str, float]], worker: Sequence[dict[str, float]]) -> dict[str, Any]:
    """The spread of each figure; more_ms: what p50 and p99 are above the worker's with its defaults, by round."""
    more = {
        name: spread([run[name] - base[name] for run, base in zip(runs, worker, strict=True)])
        for name in ("p50_ms", "p99_ms")
    }
    return {name: spread([run[name] for run in runs]) for name in runs[0]} | {"more_ms": more}


def main(argv: Sequence[str] | None = None) -> int:
    return run_program("python -m lab.benchmarks.peers.waits", _main, argv)


def _main(argv: Sequence[str]) -> int:
    parser = arguments("lab.benchmarks.peers.waits", __doc__)
    parser.add_argument("--rate", type=float, metavar="N", default=RATE_PER_S, help="jobs/s (default: %(default)s)")
    parser.add_argument("--rounds", type=int, metavar="N", default=ROUNDS, help="default: %(default)s")
    options = parser.parse_args(argv)
    if options.rounds < 1 or not 1 <= options.rate <= 10_000:
        parser.error(f"expected at least 1 round and 1 to 10000 jobs/s, got {options.rounds} and {options.rate:g}")
    return show(options, compare(options.data, options.rate, options.rounds), _table)


def _table(result: dict[str, Any]) -> str:
    settings = result["settings"]
    lines = [
        machine_line(result["machine"]),
        f"{settings['cores']}; {settings['rate_per_s']:g} jobs/s; median (min-max) of {settings['rounds']} rounds, ms",
        f"{'':>26}{'p50':>20}{'p99':>20}{'acknowledged, p50':>20}{'p50 above worker':>22}{'p99 above worker':>22}",
    ]
    for name, found in result["cases"].items():
        cells = [format_spread(found[each], ".1f") for each in ("p50_ms", "p99_ms", "acknowledged_p50_ms")]
        more = [format_spread(found["more_ms"][each], ".1f") for each in ("p50_ms", "p99_ms")]
        lines.append(f"{name:>26}" + "".join(f"{cell:>20}" for cell in cells) + "".join(f"{cell:>22}" for cell in more))
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
