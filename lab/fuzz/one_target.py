"""Fuzzes one target in this process: `python -m lab.fuzz.one_target TARGET RESULT LIBFUZZER-FLAG...`.

The Python code of this project and of Pillow is instrumented. C code (libpng, libjpeg, libsndfile, pydantic, msgpack)
runs too, but does not guide the search.
"""

import json
import sys
import time
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["schemas", "mmdigit", "producer", "worker", "PIL"]):
    from lab.fuzz.targets import TARGETS


def main(name: str, result: Path, flags: list[str]) -> None:
    """Does not return: libFuzzer ends the process. Therefore each slower input is written at once."""
    target = TARGETS[name]
    slowest_s, runs = 0.0, 0

    def run(content: bytes) -> None:
        nonlocal slowest_s, runs
        started_s = time.process_time()
        target.run(content)
        seconds = time.process_time() - started_s
        runs += 1
        if runs > 10 and seconds > slowest_s:  # the first runs import modules
            slowest_s = seconds
            result.with_suffix(".slowest").write_bytes(content)
            result.write_text(json.dumps({"slowest_ms": round(1000 * slowest_s, 1)}))

    atheris.Setup([sys.argv[0], *flags], run)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
