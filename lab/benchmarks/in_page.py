"""How long does the page alone take for a digit, and how near are its answers to the worker's?

    python -m lab.benchmarks.in_page [--pairs N] [--json] [--output FILE]

Debian's Chromium runs the model of mmdigit/webapp/js/model/ on arrays of the sample pack, decoded in Python. The time
is from the call of readInPage to its answer, in a page that does nothing else; loading is the first such call.
"""

import base64
import csv
import re
import shutil
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lab.kit.machine import machine_line
from lab.kit.report import arguments, provenance, show
from mmdigit.reading.model_input import ModelInput, decode_input
from mmdigit.reading.predictor import Predictor
from mmdigit.settings.program import run_program
from samples.api import PACK, commands
from samples.running import RunningConsumer
from schemas.errors import SettingsError

PAIRS = 200
READ = """
async (pairs) => {
  const { prepare, readInPage } = await import("/app/js/model/reader.js")
  const floats = (text) => new Float32Array(Uint8Array.from(atob(text), (byte) => byte.charCodeAt()).buffer)
  const timed = async (call) => {
    const began = performance.now()
    return [await call(), performance.now() - began]
  }
  const [, load] = await timed(prepare)
  const answers = []
  for (const [image, waveform] of pairs) {
    answers.push(await timed(() => readInPage({ image: floats(image), waveform: floats(waveform) })))
  }
  return { load, took: answers.map(([, ms]) => ms), answers: answers.map(([{ probabilities }]) => probabilities) }
}
"""


def measure(inputs: Sequence[ModelInput]) -> dict[str, float]:
    """Times in ms, and the largest difference between a probability of the page and of Python."""
    from playwright.sync_api import sync_playwright  # a dependency of the tests

    program = shutil.which("chromium")
    if program is None:
        raise SettingsError("expected Chromium, got none; apt-get install chromium")
    with _gateway() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_context(service_workers="block").new_page()
        page.goto(url)
        found = page.evaluate(READ, [[_base64(each.image), _base64(each.waveform)] for each in inputs])
        browser.close()
    python = np.array([answer.probabilities for answer in Predictor.load().predict(inputs)])
    took_ms = found["took"]
    return {
        "load_ms": found["load"],
        "p50_ms": statistics.median(took_ms),
        "p95_ms": statistics.quantiles(took_ms, n=20)[-1],
        "max_ms": max(took_ms),
        "largest_difference": float(np.abs(np.array(found["answers"]) - python).max()),
    }


@contextmanager
def _gateway() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "gateway.log"
        with RunningConsumer(commands(0, Path(folder))["gateway"], log) as gateway:
            gateway.wait_until_ready()
            [url] = re.findall(r"api=(\S+)", log.read_text())
            yield url


def _base64(values: NDArray[np.float32] | None) -> str:
    return base64.b64encode(np.ascontiguousarray(values, "<f4").tobytes()).decode()


def _pairs(count: int) -> list[ModelInput]:
    with (PACK / "manifest.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["image"] and row["audio"]][:count]
    return [decode_input((PACK / row["image"]).read_bytes(), (PACK / row["audio"]).read_bytes()) for row in rows]


def main(argv: Sequence[str] | None = None) -> int:
    return run_program("python -m lab.benchmarks.in_page", _main, argv)


def _main(argv: Sequence[str]) -> int:
    parser = arguments("lab.benchmarks.in_page", __doc__, on_data=False)
    parser.add_argument("--pairs", type=int, metavar="N", default=PAIRS, help="pairs to read (default: %(default)s)")
    options = parser.parse_args(argv)
    inputs = _pairs(options.pairs)
    head = provenance("lab.benchmarks.in_page", ("playwright", "onnxruntime"), None)
    return show(options, {**head, "pairs": len(inputs), **measure(inputs)}, _table)


def _table(result: dict[str, Any]) -> str:
    return "\n".join(
        (
            machine_line(result["machine"]),
            f"loading {result['load_ms']:.0f} ms",
            f"an answer {result['p50_ms']:.1f} ms (p50 of {result['pairs']}), {result['p95_ms']:.1f} (p95), "
            f"{result['max_ms']:.1f} (max)",
            f"largest difference from Python's probabilities {result['largest_difference']:.1e}",
        )
    )


if __name__ == "__main__":
    raise SystemExit(main())
