"""Which wire encoding and which file formats are cheapest? Microseconds to encode and decode each.

    python -m lab.benchmarks.wire [--data DIR] [--json] [--output FILE]

A 10 KB job as JSON with base64 and as msgpack; images and clips of each format (lab.benchmarks.decoding), one by one
and 32 at once, as the worker decodes them. msgpack is the producer's default if it saves more than 20 % of one encode
and one decode.
"""

import random
import statistics
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

from lab.benchmarks.decoding import decode_in_turn, file_formats
from lab.kit.machine import machine_line
from lab.kit.records import read_samples
from lab.kit.report import arguments, provenance, show
from lab.kit.spread import Spread, format_spread, spread
from mmdigit.reading.batch_decoding import decode_batch
from mmdigit.reading.image.normalize import decode_image
from mmdigit.settings.program import run_program
from schemas.job import Job
from schemas.wire import Wire, decode_job, encode

PACKAGES = ("pydantic", "msgpack", "pillow", "opencv-python-headless", "soundfile", "soxr")
IMAGE_BYTES = 2_000
AUDIO_BYTES = 8_000  # together a 10 KB job: a small PNG, and half a second at 8 kHz and 16 bits
CALLS = 2_000
REPETITIONS = 15
WARM_UP_REPETITIONS = 3
MIN_SAVED = 0.20
DECODING_CALLS = 96
DECODING_FILES = 32


def measure(call: Callable[[], object], calls: int = CALLS, repetitions: int = REPETITIONS) -> Spread:
    """Microseconds per call: the spread over repetitions of many calls, warm-up dropped."""
    figures_us = []
    for _ in range(WARM_UP_REPETITIONS + repetitions):
        start_s = time.perf_counter()
        for _ in range(calls):
            call()
        figures_us.append((time.perf_counter() - start_s) / calls * 1e6)
    return spread(figures_us[WARM_UP_REPETITIONS:])


def ten_kilobyte_job() -> Job:
    """A job of incompressible bytes; deterministic."""
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
    """The figures of both encodings, and which is the producer's default by the rule above."""
    job = ten_kilobyte_job()
    figures: dict[str, dict[str, object]] = {}
    total_us: dict[str, float] = {}
    for wire in get_args(Wire):
        value = encode(job, wire)
        encoding = measure(lambda wire=wire: encode(job, wire), calls, repetitions)  # type: ignore[misc]
        decoding = measure(lambda value=value: decode_job(value), calls, repetitions)  # type: ignore[misc]
        total_us[wire] = encoding["median"] + decoding["median"]
        figures[wire] = {"encode": encoding, "decode": decoding, "record_bytes": len(value)}
    saved = 1 - total_us["msgpack"] / total_us["json"]
    return {
        "settings": {"calls": calls, "repetitions": repetitions, "warm_up": WARM_UP_REPETITIONS},
        "figures": figures,
        "msgpack_saves": saved,
        "default": "msgpack" if saved > MIN_SAVED else "json",
    }


def compare_files(
    data: Path | None, calls: int = DECODING_CALLS, repetitions: int = REPETITIONS
) -> dict[str, dict[str, Any]]:
    """Microseconds to decode a file of each format, alone and at once with the others, and the mean size."""
    figures = {}
    for name, (decode, files) in file_formats(read_samples(data, DECODING_FILES)).items():
        jobs = [(file, None) if decode is decode_image else (None, file) for file in files]
        at_once = measure(lambda jobs=jobs: decode_batch(jobs), max(1, calls // len(jobs)), repetitions)  # type: ignore[misc]
        figures[name] = {
            **measure(decode_in_turn(decode, files), calls, repetitions),
            "at_once": {each: us / len(jobs) for each, us in at_once.items()},
            "mean_bytes": statistics.mean(len(file) for file in files),
        }
    return figures


def main(argv: Sequence[str] | None = None) -> int:
    return run_program("python -m lab.benchmarks.wire", _main, argv)


def _main(argv: Sequence[str]) -> int:
    options = arguments("lab.benchmarks.wire", __doc__).parse_args(argv)
    result = {
        **provenance("lab.benchmarks.wire", PACKAGES, options.data),
        **compare(),
        "files": compare_files(options.data),
    }
    return show(options, result, _table)


def _table(result: dict[str, Any]) -> str:
    lines = [
        machine_line(result["machine"]),
        f"microseconds per call, wall time; median (min-max) of {REPETITIONS}",
    ]
    for wire, figures in result["figures"].items():
        for step in ("encode", "decode"):
            us = format_spread(figures[step], ".1f")
            lines.append(f"{step} {wire:28} {us:>24}  {figures['record_bytes']} bytes")
    for name, us in result["files"].items():
        at_once = format_spread(us["at_once"], ".1f")
        lines.append(f"decode {name:28} {format_spread(us, '.1f'):>24}  {us['mean_bytes']:.0f} bytes")
        lines.append(f"  {DECODING_FILES} at once, each {'':18} {at_once:>24}")
    lines.append(f"msgpack saves {result['msgpack_saves']:.0%} of encode + decode: default {result['default']}")
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
