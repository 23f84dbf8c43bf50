"""python -m lab.faults: every fault on real Kafka, Redis and workers; prints what was lost, what repeated, how long.

    python -m lab.faults [--data DIR] [--only NAME...] [--times N] [--seed S] [--jobs N] [--output FILE]

Moments and victims are random: the seed is printed, and the same seed gives the same ones (though never quite the same
interleaving). Exit code 1 if a promise was broken.
"""

import dataclasses
import random
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lab.faults.catalogue import CATALOGUE
from lab.faults.check import offline_answers
from lab.faults.fault import Fault
from lab.faults.report import table
from lab.faults.run import Row, as_json, run_fault
from lab.faults.services import running_services
from lab.kit.load import load_samples
from lab.kit.machine import machine
from lab.kit.report import arguments, command_of, show, source_of
from mmdigit.settings.program import run_program
from schemas.errors import MmdigitError, SettingsError

PACKAGES = ("onnxruntime", "kafka-python", "redis")


def run_all(faults: Sequence[Fault], data: Path | None, seed: int, logs: Path | None = None) -> list[Row]:
    """One row each, in order; a line of progress on standard error for each time."""
    samples = load_samples(data)
    expected = offline_answers(samples)
    began_s = time.monotonic()

    def say(line: str) -> None:
        sys.stderr.write(f"[{time.monotonic() - began_s:5.0f} s] {line}\n")

    rows = []
    with running_services() as services:
        for number, fault in enumerate(faults):
            if why := fault.missing():
                rows.append(Row(fault.name, skipped=why))
                continue
            # Each has a stream of its own, so that --only repeats it as it was among all.
            draw = random.Random(f"{seed} {fault.name}")  # noqa: S311 (moments of harm, not a secret)
            keep = logs / fault.name.replace(" ", "-").replace("/", "-") if logs else None
            try:
                row = run_fault(fault, services, samples, expected, draw, number, say, keep)
            except MmdigitError as error:  # the others are still to be seen
                row = Row(fault.name, problems=[f"could not be run to its end: {error}"])
            say(f"{fault.name}: {row.jobs} jobs, {row.lost} lost, {row.duplicates} duplicates, {row.seconds:.0f} s")
            rows.append(row)
    return rows


def selected(only: Sequence[str] | None, times: int | None, jobs: int | None) -> list[Fault]:
    """Those of the catalogue whose name contains one of the words. Raises SettingsError if a word finds none."""
    for word in only or ():
        if not any(word in fault.name for fault in CATALOGUE):
            raise SettingsError(f"expected a word of a fault's name, got {word!r}; see python -m lab.faults --list")
    chosen = [fault for fault in CATALOGUE if not only or any(word in fault.name for word in only)]
    return [dataclasses.replace(fault, times=times or fault.times, burst=jobs or fault.burst) for fault in chosen]


def main(argv: Sequence[str] | None = None) -> int:
    return run_program("python -m lab.faults", _main, argv)


def _main(argv: Sequence[str]) -> int:
    parser = arguments("lab.faults", __doc__)
    parser.prog = "python -m lab.faults"
    parser.add_argument("--only", nargs="+", metavar="NAME", help="faults whose name contains one of these")
    parser.add_argument("--list", action="store_true", help="print the names and end")
    parser.add_argument("--times", type=int, help="how often each; by default as its row says")
    parser.add_argument("--seed", type=int, help="of the random moments; by default a new one, which is printed")
    parser.add_argument("--jobs", type=int, help="jobs sent just before and just after each time (default: 400)")
    parser.add_argument("--logs", type=Path, help="keep the workers' logs in this folder")
    options = parser.parse_args(argv)
    if options.list:
        sys.stdout.write("".join(f"{fault.name}\n" for fault in CATALOGUE))
        return 0
    seed = random.SystemRandom().randrange(2**32) if options.seed is None else options.seed
    sys.stderr.write(f"seed {seed}\n")
    rows = run_all(selected(options.only, options.times, options.jobs), options.data, seed, options.logs)
    result: dict[str, Any] = {
        "command": command_of("lab.faults", options.data)
        + f" --seed {seed}"
        + (f" --times {options.times}" if options.times else ""),
        "machine": machine(PACKAGES),
        "source": source_of(options.data),
        "seed": seed,
        "seconds": sum(row.seconds for row in rows),
        "faults": [as_json(row) for row in rows],
    }
    show(options, result, table)
    return 0 if all(row.kept for row in rows) else 1


if __name__ == "__main__":
    raise SystemExit(main())
