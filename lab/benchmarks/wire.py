"""Which encoding should a producer use, and which files? Microseconds to encode and decode each.

    python -m lab.benchmarks.wire [--data DIR] [--json] [--output FILE]

A 10 KB job as JSON with base64 and as msgpack; pictures and clips of each kind (lab.benchmarks.decoding).

The binary one becomes the producer's default if it wins by more than 20 % of the time for one encode and one decode.
"""

import random
import statistics
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

from lab.benchmarks.decoding import kinds, next_of
from lab.kit.machine import machine, machine_line
from lab.kit.records import read_samples
from lab.kit.report import arguments, command_of, show
from mmdigit.settings.program import run_program
from schemas.job import Job
from schemas.wire import Wire, decode_job, encode

PACKAGES = ("pydantic", "msgpack", "pillow", "opencv-python-headless", "soundfile", "soxr")
IMAGE_BYTES = 2_000
AUDIO_BYTES = 8_000  # together a 10 KB job: a small PNG, and half a second at 8 kHz and 16 bits
CALLS = 2_000
REPETITIONS = 15
WARM_UP_REPETITIONS = 3
WINS_BY = 0.20
DECODING_CALLS = 96
DECODING_FILES = 32


def measure(call: Callable[[], object], calls: int = CALLS, repetitions: int = REPETITIONS) -> dict[str, float]:
    """Microseconds for one call: median, least and most over the repetitions of many calls, warm-up dropped."""
    figures_us = []
    for _ in range(WARM_UP_REPETITIONS + repetitions):
        start_s = time.perf_counter()
        for _ in range(calls):
            call()
        figures_us.append((time.perf_counter() - start_s) / calls * 1e6)
    kept = figures_us[WARM_UP_REPETITIONS:]
    return {"median_us": statistics.median(kept), "min_us": min(kept), "max_us": max(kept)}


def ten_kilobyte_job() -> Job:
    """A job of incompressible bytes, the same in every run."""
    random_bytes = random.Random(0).randbytes  # noqa: S311 (a benchmark's input, not a secret)
    return Job(
        job_id="benchmark-0",
        group="benchmark",
        image=random_bytes(IMAGE_BYTES),
        audio=random_bytes(AUDIO_BYTES),
        expected=7,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def compare(calls: int = CALLS, repetitions: int = REPETITIONS) -> dict[str, object]:
    """Figures of both encodings, and which of them the rule makes the producer's default."""
    job = ten_kilobyte_job()
    figures: dict[str, dict[str, object]] = {}
    total_us: dict[str, float] = {}
    for wire in get_args(Wire):
        value = encode(job, wire)
        encoding = measure(lambda wire=wire: encode(job, wire), calls, repetitions)  # type: ignore[misc]
        decoding = measure(lambda value=value: decode_job(value), calls, repetitions)  # type: ignore[misc]
        total_us[wire] = encoding["median_us"] + decoding["median_us"]
        figures[wire] = {"encode": encoding, "decode": decoding, "record_bytes": len(value)}
    saved = 1 - total_us["msgpack"] / total_us["json"]
    return {
        "machine": machine(PACKAGES),
        "settings": {"calls": calls, "repetitions": repetitions, "warm_up": WARM_UP_REPETITIONS},
        "figures": figures,
        "msgpack_saves": saved,
        "default": "msgpack" if saved > WINS_BY else "json",
    }


def compare_files(
    data: Path | None, calls: int = DECODING_CALLS, repetitions: int = REPETITIONS
) -> dict[str, dict[str, float]]:
    """Microseconds to decode one file of each kind, and its mean size."""
    return {
        name: measure(next_of(decode, files), calls, repetitions)
        | {"mean_bytes": statistics.mean(len(file) for file in files)}
        for name, (decode, files) in kinds(read_samples(data, DECODING_FILES)).items()
    }


def main(argv: Sequence[str] | None = None) -> int:
    return run_program("python -m lab.benchmarks.wire", _main, argv)


def _main(argv: Sequence[str]) -> int:
    options = arguments("lab.benchmarks.wire", __doc__).parse_args(argv)
    result = compare() | {
        "command": command_of("lab.benchmarks.wire", options.data),
        "files": compare_files(options.data),
    }
    return show(options, result, _table)


def _table(result: dict[str, Any]) -> str:
    lines = [
        machine_line(result["machine"]),
        f"wall time of one call; median (least-most) of {REPETITIONS}",
    ]
    for wire, figures in result["figures"].items():
        for step in ("encode", "decode"):
            us = figures[step]
            lines.append(
                f"{wire:8} {step}  {us['median_us']:6.1f} us  ({us['min_us']:.1f}-{us['max_us']:.1f}), "
                f"{figures['record_bytes']} bytes"
            )
    for name, us in result["files"].items():
        lines.append(
            f"decode {name:28} {us['median_us']:7.1f} us  ({us['min_us']:.1f}-{us['max_us']:.1f}), "
            f"{us['mean_bytes']:.0f} bytes"
        )
    lines.append(f"msgpack saves {result['msgpack_saves']:.0%} of encode + decode: default {result['default']}")
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
