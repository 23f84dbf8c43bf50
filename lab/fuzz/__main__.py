"""Which inputs break a parser? Fuzzes each target in its own process, for a number of runs or minutes.

Inputs that reach new code are kept in .fuzz/ for the next run, and so are crashers; a crasher ends its target. Once
fixed, it goes to lab/fuzz/crashers/TARGET, where the suite runs it (tests/lab/fuzz/test_targets.py).
"""

import argparse
import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from lab.fuzz.targets import HERE, TARGETS, saved_inputs
from lab.kit.machine import machine, machine_line

WORK = Path(".fuzz")
RUNS = 1_000_000
MINUTES = 10.0
TIMEOUT_S = 5  # for one input, in whole seconds
MEMORY_MB = 1024  # of the process, including the tables of atheris and libFuzzer
ROUND_S = 20
"""Seconds of one process. atheris 3.0.0 leaks 1 to 60 KB per run of instrumented code, so longer processes hit the
memory limit: some did at 60 s."""
PACKAGES = ("atheris", "pydantic", "msgpack", "pillow", "soundfile", "soxr", "numpy", "opencv-python-headless")

_STATISTIC = re.compile(r"stat::(\w+):\s+(\d+)")
_COVERAGE = re.compile(r"#\d+\s+(?:INITED|DONE)\s+cov: (\d+)")


def main(argv: list[str]) -> int:
    """Returns 1 if there is a crasher."""
    parser = argparse.ArgumentParser(
        prog="python -m lab.fuzz", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "targets", nargs="*", default=list(TARGETS), metavar="TARGET", help="what to fuzz (default: all)"
    )
    parser.add_argument(
        "--minutes", type=float, metavar="M", default=MINUTES, help="limit for each target (default: %(default)g)"
    )
    parser.add_argument(
        "--runs", type=int, metavar="N", default=RUNS, help="limit for each target (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, metavar="S", default=1, help="of the mutations (default: %(default)s)")
    parser.add_argument("--output", type=Path, metavar="FILE", help="also write the result as JSON to this file")
    options = parser.parse_args(argv)
    if unknown := set(options.targets) - TARGETS.keys():
        parser.error(f"expected targets among {', '.join(TARGETS)}, got {', '.join(sorted(unknown))}")
    result: dict[str, Any] = {
        "command": "python -m lab.fuzz",
        "machine": machine(PACKAGES),
        "settings": {"minutes": options.minutes, "runs": options.runs, "seed": options.seed},
        "targets": {},
    }
    for name in options.targets:
        sys.stderr.write(f"{name}: at most {options.minutes:g} minutes or {options.runs:,} runs\n")
        result["targets"][name] = fuzz(name, round(60 * options.minutes), options.runs, options.seed)
    if options.output is not None:
        options.output.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    sys.stdout.write(table(result) + "\n")
    return 1 if any(target["crashers"] for target in result["targets"].values()) else 0


def fuzz(name: str, seconds: int, runs: int, seed: int) -> dict[str, float]:
    """Fuzz one target, in rounds; its figures."""
    for folder in ("corpus", "crashers"):
        (WORK / name / folder).mkdir(parents=True, exist_ok=True)
    figures = dict.fromkeys(
        ("runs", "seconds", "coverage", "new_coverage", "crashers", "slowest_ms", "peak_rss_mb"), 0.0
    )
    first_coverage = 0.0
    while figures["runs"] < runs and figures["seconds"] < seconds and not figures["crashers"]:
        left_s = min(ROUND_S, seconds - figures["seconds"])
        round_ = fuzz_once(name, round(left_s), runs - round(figures["runs"]), seed + round(figures["runs"]))
        first_coverage = first_coverage or round_["first_coverage"]
        for total in ("runs", "seconds"):
            figures[total] += round_[total]
        for maximum in ("coverage", "crashers", "slowest_ms", "peak_rss_mb"):
            figures[maximum] = max(figures[maximum], round_[maximum])
    return figures | {"new_coverage": figures["coverage"] - first_coverage}


def fuzz_once(name: str, seconds: int, runs: int, seed: int) -> dict[str, float]:
    """Fuzz a target in one process, which keeps what it finds for the next."""
    found, crashers, slowest = WORK / name / "corpus", WORK / name / "crashers", WORK / name / "result.json"
    slowest.write_text("{}")
    began_s = time.monotonic()
    ran = subprocess.run(  # noqa: S603
        [
            *(sys.executable, "-m", "lab.fuzz.one_target", name, str(slowest), str(found)),
            *(str(HERE / kind / name) for kind in ("corpus", "crashers") if saved_inputs(kind, name)),
            *(f"-max_total_time={seconds}", f"-runs={runs}", f"-seed={seed}", f"-max_len={TARGETS[name].max_bytes}"),
            *(f"-timeout={TIMEOUT_S}", f"-rss_limit_mb={MEMORY_MB}", f"-artifact_prefix={crashers}/"),
            "-print_final_stats=1",
        ],
        check=False,
        capture_output=True,
        text=True,
        errors="replace",
    )
    (WORK / name / "log").write_text(ran.stdout + ran.stderr)
    statistics = {key: int(value) for key, value in _STATISTIC.findall(ran.stderr)}
    coverage = [int(value) for value in _COVERAGE.findall(ran.stderr)] or [0]
    return {
        "runs": statistics.get("number_of_executed_units", 0),
        "seconds": round(time.monotonic() - began_s),
        "first_coverage": coverage[0],
        "coverage": coverage[-1],
        # A crash without an artifact, such as the interpreter's own, counts too.
        "crashers": max(len(list(crashers.iterdir())), int(ran.returncode != 0)),
        "slowest_ms": json.loads(slowest.read_text()).get("slowest_ms", 0.0),
        "peak_rss_mb": statistics.get("peak_rss_mb", 0),
    }


def table(result: dict[str, Any]) -> str:
    """The result as Markdown; also what docs/results/fuzz.md shows."""
    lines = [
        "| target | runs | seconds | coverage | new coverage | crashers | slowest input, ms | peak memory, MB |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, row in result["targets"].items():
        cells = (f"{row['runs']:,.0f}", *(f"{row[key]:g}" for key in list(row) if key != "runs"))
        lines.append(f"| {' | '.join(map(str, (name, *cells)))} |")
    return "\n".join([*lines, "", machine_line(result["machine"])])


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
