"""What does each fault cost? Injects every fault into real services; counts lost jobs, duplicates and recovery times.

    python -m lab.faults [--data DIR] [--only WORD...] [--times N] [--seed S] [--jobs N] [--output FILE]

Moments and victims are random. The seed is printed; the same seed draws the same ones, but threads still interleave
differently. Exit code 1 if a promise was broken.
"""

import dataclasses
import random
import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lab.faults.catalogue import ALL_FAULTS, AnyFault
from lab.faults.check import offline_answers
from lab.faults.fault import Fault, GatewayFault, PageFault
from lab.faults.gateway_run import run_gateway_fault
from lab.faults.page_run import run_page_fault
from lab.faults.report import table
from lab.faults.run import Row, as_json, run_fault
from lab.faults.services import running_services
from lab.kit.load import load_samples
from lab.kit.report import arguments, provenance, show
from mmdigit.settings.program import run_program
from schemas.errors import MmdigitError, SettingsError

PACKAGES = ("onnxruntime", "kafka-python", "redis")
PAGE_PACKAGES = ("opencv-python-headless", "kafka-python", "sqlalchemy", "psycopg")

GATEWAY_PACKAGES = ("fastapi", "uvicorn", "uvloop", "kafka-python", "redis")


def run_all(faults: Sequence[AnyFault], data: Path | None, seed: int, logs: Path | None = None) -> list[Row]:
    """One row each, in order. Logs progress to standard error."""
    samples = load_samples(data)
    expected = offline_answers(samples)
    began_s = time.monotonic()

    def log(line: str) -> None:
        sys.stderr.write(f"[{time.monotonic() - began_s:5.0f} s] {line}\n")

    rows = []
    with running_services() as services:
        for number, fault in enumerate(faults):
            if isinstance(fault, Fault) and (why := fault.unavailable()):
                rows.append(Row(fault.name, skipped=why))
                continue
            # Each has its own random numbers, so that --only repeats it as it was among all.
            draw = random.Random(f"{seed} {fault.name}")  # noqa: S311 (not a secret)
            folder = logs / fault.name.replace(" ", "-").replace("/", "-") if logs else None
            try:
                if isinstance(fault, PageFault):
                    row = run_page_fault(fault, services, draw, log, folder)
                elif isinstance(fault, GatewayFault):
                    row = run_gateway_fault(fault, services, samples, expected, draw, number, log, folder)
                else:
                    row = run_fault(fault, services, samples, expected, draw, number, log, folder)
            except MmdigitError as error:  # the other faults still run
                row = Row(fault.name, problems=[f"the run failed: {error}"])
            log(f"{fault.name}: {row.jobs} jobs, {row.lost} lost, {row.duplicates} duplicates, {row.seconds:.0f} s")
            rows.append(row)
    return rows


def selected(only: Sequence[str] | None, times: int | None, jobs: int | None) -> list[AnyFault]:
    """The faults whose name contains one of the words. Raises SettingsError if a word matches none."""
    for word in only or ():
        if not any(word in fault.name for fault in ALL_FAULTS):
            raise SettingsError(f"expected part of a fault's name, got {word!r}; see python -m lab.faults --list")
    chosen = [fault for fault in ALL_FAULTS if not only or any(word in fault.name for word in only)]
    repeated = [dataclasses.replace(fault, times=times or fault.times) for fault in chosen]
    return [
        dataclasses.replace(fault, burst=jobs) if jobs and isinstance(fault, Fault) else fault for fault in repeated
    ]


def main(argv: Sequence[str] | None = None) -> int:
    return run_program("python -m lab.faults", _main, argv)


def _main(argv: Sequence[str]) -> int:
    parser = arguments("lab.faults", __doc__)
    parser.add_argument("--only", nargs="+", metavar="WORD", help="faults whose name contains one of these")
    parser.add_argument("--list", action="store_true", help="print the names and exit")
    parser.add_argument("--times", type=int, metavar="N", help="injections of each (default: 1 to 50, by fault)")
    parser.add_argument("--seed", type=int, metavar="S", help="of the random moments and victims (default: a new one)")
    parser.add_argument(
        "--jobs",
        type=int,
        metavar="N",
        help="jobs before and after each injection of a digit worker's fault (default: 400)",
    )
    parser.add_argument("--logs", type=Path, metavar="DIR", help="keep the workers' logs in this folder")
    options = parser.parse_args(argv)
    if options.list:
        sys.stdout.write("".join(f"{fault.name}\n" for fault in ALL_FAULTS))
        return 0
    seed = random.SystemRandom().randrange(2**32) if options.seed is None else options.seed
    sys.stderr.write(f"seed {seed}\n")
    faults = selected(options.only, options.times, options.jobs)
    rows = run_all(faults, options.data, seed, options.logs)
    chosen = f" --only {shlex.join(options.only)}" if options.only else ""
    times = f" --times {options.times}" if options.times else ""

    def result(packages: Sequence[str], kind: type[AnyFault]) -> dict[str, Any]:
        """Of the faults of one kind of process."""
        head = provenance("lab.faults", packages, options.data)
        mine = [row for fault, row in zip(faults, rows, strict=True) if isinstance(fault, kind)]
        return head | {
            "command": f"{head['command']}{chosen} --seed {seed}{times}",
            "seed": seed,
            "seconds": sum(row.seconds for row in mine),
            "faults": [as_json(row) for row in mine],
        }

    pages = result(PAGE_PACKAGES, PageFault) | {"source": "filled pages of samples.demo_forms"}
    gateway = result(GATEWAY_PACKAGES, GatewayFault)
    show(options, result(PACKAGES, Fault) | {"pages": pages, "gateway": gateway}, table)
    return 0 if all(row.kept for row in rows) else 1


if __name__ == "__main__":
    raise SystemExit(main())
