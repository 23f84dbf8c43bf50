"""How many instructions does a job take around the network, the disk and the network model?

    python -m lab.benchmarks.instructions [--data DIR] [--only PART ...] [--cpu] [--json] [--output FILE]

Where a machine is shared, times vary by a third within seconds; these counts do not. Valgrind counts them (the Debian
package of that name; `perf stat` cannot on most virtual machines). lab.kit.job_work names the parts.

--cpu measures microseconds of CPU instead, to be compared within a minute, in turns with another checkout.
"""

import os
import pickle
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lab.kit.job_work import BATCH_SIZE, Inputs, inputs_of, parts_of
from lab.kit.machine import machine_line
from lab.kit.records import read_samples
from lab.kit.report import arguments, provenance, show
from mmdigit.settings.program import run_program
from schemas.errors import SettingsError

PACKAGES = ("numpy", "opencv-python-headless", "pydantic", "kafka-python", "redis", "prometheus-client")
SAMPLES = 2 * BATCH_SIZE  # some of the sample pack lack image or audio
ROUNDS = 2
CPU_ROUNDS = 31
MARK = "getppid"
"""A C function that nothing else calls: Valgrind writes a profile before each call of it."""

RUN_PARTS = "from lab.benchmarks.instructions import run_parts; run_parts()"

# One thread, and no string instructions, of which Valgrind counts each repetition.
ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",
    "GLIBC_TUNABLES": "glibc.cpu.x86_rep_movsb_threshold=1000000000:glibc.cpu.x86_rep_stosb_threshold=1000000000",
}


def count_instructions(inputs: Inputs, names: Sequence[str]) -> dict[str, float]:
    """Instructions a job of each part. Raises SettingsError if Valgrind is not installed or fails."""
    if shutil.which("valgrind") is None:
        raise SettingsError("expected the program valgrind, got none; install the package valgrind")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "inputs").write_bytes(pickle.dumps(inputs, protocol=5))
        ran = subprocess.run(  # noqa: S603
            [
                *("valgrind", "--tool=callgrind", f"--dump-before={MARK}", "--callgrind-out-file=profile"),
                *(sys.executable, "-c", RUN_PARTS, *names),
            ],
            cwd=folder,
            env=os.environ | ENVIRONMENT | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            capture_output=True,
            text=True,
            check=False,
        )
        if ran.returncode:
            raise SettingsError(f"expected valgrind to run the parts, got an error: {ran.stderr[-500:]}")
        jobs = {name: count for name, (count, _) in parts_of(inputs).items()}
        # The first profile ends before the first part; then each part has one, and so has what lies between two.
        return {
            name: _total(Path(folder) / f"profile.{2 * number}") / (ROUNDS * jobs[name])
            for number, name in enumerate(names, 1)
        }


def cpu_us(inputs: Inputs, names: Sequence[str]) -> dict[str, float]:
    """Microseconds of CPU a job of each part: the median of CPU_ROUNDS, the parts in turns."""
    parts = parts_of(inputs)
    found: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(1 + CPU_ROUNDS):
        for name in names:
            jobs, call = parts[name]
            began_s = time.thread_time()
            call()
            found[name].append((time.thread_time() - began_s) / jobs * 1e6)
    return {name: statistics.median(each[1:]) for name, each in found.items()}


def run_parts() -> None:
    """Run the parts that the command line names, in the process that Valgrind watches."""
    parts = parts_of(pickle.loads(Path("inputs").read_bytes()))  # noqa: S301  our own file
    for name in sys.argv[1:]:
        call = parts[name][1]
        call()
        os.getppid()
        for _ in range(ROUNDS):
            call()
        os.getppid()


def _total(profile: Path) -> int:
    found = re.search(r"^summary: (\d+)", profile.read_text(), re.MULTILINE)
    if found is None:
        raise SettingsError(f"expected a total in Valgrind's {profile.name}, got none; install a newer valgrind")
    return int(found[1])


def main(argv: Sequence[str] | None = None) -> int:
    return run_program("python -m lab.benchmarks.instructions", _main, argv)


def _main(argv: Sequence[str]) -> int:
    parser = arguments("lab.benchmarks.instructions", __doc__)
    parser.add_argument("--only", nargs="+", metavar="PART", help="count these parts alone")
    parser.add_argument("--cpu", action="store_true", help="measure CPU time instead of counting instructions")
    options = parser.parse_args(argv)
    inputs = inputs_of(read_samples(options.data, SAMPLES))
    known = list(parts_of(inputs))
    names = options.only or known
    if not {*names} <= {*known}:
        raise SettingsError(f"expected parts of {', '.join(known)}, got {', '.join(names)}")
    result = {
        **provenance("lab.benchmarks.instructions", PACKAGES, options.data),
        **({"cpu_us_per_job": cpu_us(inputs, names)} if options.cpu else {}),
        **({} if options.cpu else {"instructions_per_job": count_instructions(inputs, names)}),
    }
    return show(options, result, _table)


def _table(result: dict[str, Any]) -> str:
    times = result.get("cpu_us_per_job")
    counts = times or {name: count / 1000 for name, count in result["instructions_per_job"].items()}
    lines = [machine_line(result["machine"]), "CPU a job, us" if times else "thousand instructions a job"]
    return "\n".join([*lines, *(f"  {name:<16} {count:>8.0f}" for name, count in counts.items())])


if __name__ == "__main__":
    raise SystemExit(main())
