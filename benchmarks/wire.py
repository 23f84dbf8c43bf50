"""Which encoding should a producer use? Time to encode and decode a 10 KB job as JSON with base64 and as msgpack.

    python -m benchmarks.wire [--json]

The binary one becomes the producer's default if it wins by more than 20 % of the time for one encode and one decode.
"""

import argparse
import json
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import get_args

from benchmarks.machine import machine, machine_line
from schemas.job import Job
from schemas.wire import Wire, decode_job, encode

IMAGE_BYTES = 2_000
AUDIO_BYTES = 8_000  # together a 10 KB job: a small PNG, and half a second at 8 kHz and 16 bits
CALLS = 2_000
REPETITIONS = 15
WARM_UP_REPETITIONS = 3
WINS_BY = 0.20


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
        "machine": machine(["pydantic", "msgpack"]),
        "figures": figures,
        "msgpack_saves": saved,
        "default": "msgpack" if saved > WINS_BY else "json",
    }


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.wire", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    options = parser.parse_args(argv)
    result = compare()
    sys.stdout.write((json.dumps(result, indent=2) if options.json else _table(result)) + "\n")
    return 0


def _table(result: dict[str, object]) -> str:
    lines = [machine_line(result["machine"])]  # type: ignore[arg-type]
    for wire, figures in result["figures"].items():  # type: ignore[attr-defined]
        for step in ("encode", "decode"):
            us = figures[step]
            lines.append(
                f"{wire:8} {step}  {us['median_us']:6.1f} us  ({us['min_us']:.1f}-{us['max_us']:.1f}), "
                f"{figures['record_bytes']} bytes"
            )
    lines.append(f"msgpack saves {result['msgpack_saves']:.0%} of encode + decode: default {result['default']}")
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
