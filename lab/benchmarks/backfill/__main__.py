"""How long do many files take on two cores, and what does a kill cost? Two workers and a producer beside Ray Data.

    python -m lab.benchmarks.backfill [--data DIR] [--pairs N] [--rounds N] [--kill] [--kill-pairs N] [--json]
        [--output FILE]

From a manifest to a complete predictions file: both programs read the same files, use the same decoders and the same
model in batches of the same size, and start and end as processes within the measured time. Broker and store run
before, on the same two cores; Ray starts its own cluster, and ratios are given with and without that. In turns, so
that a slow machine slows all; ratios are of the same round. Every answer is compared with that of `mmdigit predict`.
--kill: SIGKILL to all processes of a program once half of the pairs are predicted, then a second start; counts what
is predicted again.
"""

import io
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from rich.console import Console

from lab.benchmarks.backfill.killing import kill_midway
from lab.benchmarks.backfill.pairs import write_pairs
from lab.benchmarks.backfill.programs import WORKERS, Backfill, RayData, Workers, read_parts, services
from lab.kit.answers import Answers, differing
from lab.kit.machine import machine_line
from lab.kit.records import read_samples
from lab.kit.report import arguments, provenance, show
from lab.kit.saturation import BATCH_SIZE
from lab.kit.spread import format_spread, spread
from lab.kit.stack import PARTITIONS, Stack
from mmdigit.commands.predict import predict_manifest
from mmdigit.reading.predictor import Predictor
from mmdigit.settings.program import run_program
from producer.sources.sample import Sample
from schemas.errors import StoreError

PACKAGES = ("onnxruntime", "numpy", "kafka-python", "redis")
OURS = "workers"
PAIRS, KILL_PAIRS, ROUNDS = 2_000, 4_000, 3
MOST_SAMPLES = 10_000
"""Distinct pairs, as many as there are images in MNIST's test split; more pairs repeat them under new ids."""


class Timed(NamedTuple):
    """starting_s: the part of the seconds in which services began that could have run before."""

    seconds: float
    starting_s: float

    @property
    def once_started_s(self) -> float:
        return self.seconds - self.starting_s


class Made(Protocol):
    """Prepares one backfill of a manifest, in an empty folder."""

    def __call__(self, manifest: Path, folder: Path, *, counted: bool = False) -> Backfill: ...


def programs(stack: Stack) -> dict[str, Made]:
    """Those that are compared, in the order of their turns."""
    return {
        OURS: partial(Workers, stack),
        "ray data": partial(RayData, checkpoints=False),
        "ray data, checkpoints": partial(RayData, checkpoints=True),
    }


def compare(data: Path | None, pairs: int, rounds: int, kill_pairs: int | None) -> dict[str, Any]:
    """All figures by program. kill_pairs: how many pairs to kill each program at; None = kill none."""
    samples = read_samples(data, min(MOST_SAMPLES, max(pairs, kill_pairs or 0)))
    progress = Console(stderr=True)
    with services() as stack, tempfile.TemporaryDirectory() as root, ExitStack() as folders:

        def fresh() -> Path:
            return Path(folders.enter_context(tempfile.TemporaryDirectory(dir=root)))

        made = programs(stack)
        manifest, expected = prepared(samples, pairs, fresh())
        runs: dict[str, list[Timed]] = {name: [] for name in made}
        for number in range(rounds):
            for name, make in made.items():
                runs[name].append(timed(make(manifest, fresh()), expected))
                progress.print(f"round {number + 1}: {name}: {runs[name][-1].seconds:.1f} s")
        found = {name: summary(pairs, own, runs[OURS]) for name, own in runs.items()}
        if kill_pairs is not None:
            manifest, expected = prepared(samples, kill_pairs, fresh())
            for name, make in made.items():
                backfill = make(manifest, fresh(), counted=True)
                try:
                    found[name]["kill"] = kill_midway(backfill, expected)._asdict()
                finally:
                    backfill.close()
                progress.print(f"kill: {name}: {found[name]['kill']}")
    head = provenance("lab.benchmarks.backfill", PACKAGES, data)
    return {
        **head,
        "command": f"{head['command']} --pairs {pairs} --rounds {rounds}",
        "settings": {
            **{"pairs": pairs, "rounds": rounds, "batch_size": BATCH_SIZE, "workers": WORKERS},
            **{"partitions": PARTITIONS, "answers": "all equal those of mmdigit predict"},
        },
        "programs": found,
    }


def prepared(samples: Sequence[Sample], pairs: int, folder: Path) -> tuple[Path, Answers]:
    """A manifest of that many pairs, and what `mmdigit predict` says of it."""
    manifest, output = write_pairs(samples, pairs, folder), folder / "expected.csv"
    predict_manifest(Predictor.load(), manifest, output, io.StringIO())
    return manifest, read_parts([output]).answers


def timed(backfill: Backfill, expected: Answers) -> Timed:
    """Run it from starting its processes to complete predictions. Raises StoreError if they are not as expected."""
    try:
        began_s = time.monotonic()
        backfill.start()
        backfill.wait()
        run = Timed(time.monotonic() - began_s, backfill.starting_s())
        table = backfill.table()
    finally:
        backfill.close()
    wrong = differing(expected, table.answers)
    if wrong or table.repeated:
        raise StoreError(
            f"expected one row with the predictor's answer for each of {len(expected)} pairs, got {len(wrong)} missing "
            f"or different and {table.repeated} repeated"
        )
    return run


def summary(pairs: int, runs: Sequence[Timed], ours: Sequence[Timed]) -> dict[str, Any]:
    """The spreads over the rounds; workers_times: how many times faster the workers were in the same round."""
    rounds = list(zip(runs, ours, strict=True))
    return {
        "seconds": spread([run.seconds for run in runs]),
        "starting_s": spread([run.starting_s for run in runs]),
        "pairs_per_s": spread([pairs / run.seconds for run in runs]),
        "workers_times": spread([run.seconds / own.seconds for run, own in rounds]),
        "workers_times_once_started": spread([run.once_started_s / own.once_started_s for run, own in rounds]),
    }


def main(argv: Sequence[str] | None = None) -> int:
    return run_program("python -m lab.benchmarks.backfill", _main, argv)


def _main(argv: Sequence[str]) -> int:
    parser = arguments("lab.benchmarks.backfill", __doc__)
    parser.add_argument("--pairs", type=int, metavar="N", default=PAIRS, help="pairs in a run (default: %(default)s)")
    parser.add_argument("--rounds", type=int, metavar="N", default=ROUNDS, help="default: %(default)s")
    parser.add_argument("--kill", action="store_true", help="also kill each program once")
    help_ = "pairs in the run that is killed (default: %(default)s)"
    parser.add_argument("--kill-pairs", type=int, metavar="N", default=KILL_PAIRS, help=help_)
    options = parser.parse_args(argv)
    for name in ("pairs", "rounds", "kill_pairs"):
        if getattr(options, name) < 1:
            parser.error(f"expected at least 1 for --{name.replace('_', '-')}, got {getattr(options, name)}")
    result = compare(options.data, options.pairs, options.rounds, options.kill_pairs if options.kill else None)
    return show(options, result, _table)


def _table(result: dict[str, Any]) -> str:
    settings = result["settings"]
    lines = [
        machine_line(result["machine"]),
        f"{settings['pairs']} pairs, files to predictions file; median (min-max) of {settings['rounds']} rounds",
        f"{'':>24}{'seconds':>22}{'pairs/s':>22}{'workers are faster':>22}{'once started':>22}"
        f"{'redone / killed at / of':>26}",
    ]
    for name, found in result["programs"].items():
        kill = found.get("kill")
        lines.append(
            f"{name:>24}{format_spread(found['seconds'], '.1f'):>22}{format_spread(found['pairs_per_s']):>22}"
            f"{format_spread(found['workers_times'], '.2f'):>22}"
            f"{format_spread(found['workers_times_once_started'], '.2f'):>22}"
            + (f"{kill['redone']} / {kill['predicted_before']} / {kill['pairs']}" if kill else "").rjust(26)
        )
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
