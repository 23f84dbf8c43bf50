"""What does the HTTP API cost: time from POST to answer, CPU a request, memory of open streams, and slow clients?

    python -m lab.benchmarks.gateway [--data DIR] [--json] [--output FILE] [--parts NAME...] [--only NAME...]
        [--rounds N] [--window S] [--plot FILE]

Gateway, worker, services and this load generator share the machine, and nothing is pinned. Rates are open loops at
shares of what 64 busy callers get from the same program.
"""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from lab.benchmarks.gateway.cost import measure_cost
from lab.benchmarks.gateway.latency import PROGRAMS, WINDOW_S, measure_latency
from lab.benchmarks.gateway.page import text
from lab.benchmarks.gateway.slow import measure_slow
from lab.benchmarks.gateway.streams import measure_streams
from lab.kit.records import read_samples
from lab.kit.report import arguments, provenance, show
from mmdigit.settings.program import run_program

PACKAGES = ("onnxruntime", "fastapi", "uvicorn", "uvloop", "kafka-python", "redis", "hdrhistogram")
PARTS = ("latency", "cost", "streams", "slow")
SAMPLES = 1000
ROUNDS = 3


def measure(
    data: Path | None, parts: Sequence[str], only: Sequence[str], rounds: int, window_s: float
) -> dict[str, Any]:
    """The figures of each part by its name. only: names of the programs to run; empty = all."""
    samples = [each for each in read_samples(data, SAMPLES) if each.image and each.audio]
    log = Console(stderr=True).print
    settings = {"rounds": rounds, "window_s": window_s, "load_average": os.getloadavg()[0]}
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if "latency" in parts:
            found["latency"] = measure_latency(samples, folder, only, rounds, window_s, log)
        if "cost" in parts:
            found["cost"] = measure_cost(samples, folder, only, rounds, log)
        if "streams" in parts:
            found["streams"] = measure_streams(samples, folder, log)
        if "slow" in parts:
            found["slow"] = measure_slow(samples, folder, log)
    head = provenance("lab.benchmarks.gateway", PACKAGES, data)
    return {**head, "settings": settings, **found}


def main(argv: Sequence[str] | None = None) -> int:
    return run_program("python -m lab.benchmarks.gateway", _main, argv)


def _main(argv: Sequence[str]) -> int:
    parser = arguments("lab.benchmarks.gateway", __doc__)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="some of: %(choices)s (default: all)")
    parser.add_argument("--only", nargs="+", choices=list(PROGRAMS), default=[], help="programs of latency and cost")
    help_ = "repetitions of latency and cost (default: %(default)s)"
    parser.add_argument("--rounds", type=int, metavar="N", default=ROUNDS, help=help_)
    help_ = "seconds at each rate (default: %(default)s)"
    parser.add_argument("--window", type=float, metavar="S", default=WINDOW_S, help=help_)
    parser.add_argument("--plot", type=Path, metavar="FILE", help="plot the latencies into this PNG")
    options = parser.parse_args(argv)
    if options.rounds < 1:
        parser.error(f"expected at least 1 round, got {options.rounds}")
    if options.plot is not None and "latency" not in options.parts:
        parser.error("expected latency among --parts, which --plot needs")
    result = measure(options.data, options.parts, options.only, options.rounds, options.window)
    if options.plot is not None:
        from lab.benchmarks.gateway.plot import plot

        plot(result, options.plot)
    return show(options, result, text)


if __name__ == "__main__":
    raise SystemExit(main())
