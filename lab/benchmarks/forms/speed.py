"""python -m lab.benchmarks.forms.speed: CPU time and memory of a page up to its jobs, and the time from scan to row.

Pages of 40 boxes, scanned at 200 dpi, as JPEG in a PDF; filled with the digits of MNIST's validation writers. The
decoder's process counts, too.
"""

import argparse
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from lab.benchmarks.forms.camera import Camera
from lab.benchmarks.forms.degrading import degrade
from lab.benchmarks.forms.filling import blank_page, fill
from lab.benchmarks.forms.generated import FORM
from lab.kit.machine import machine
from lab.kit.usage import usage
from mmdigit.forms.cells.jobs import jobs_of
from mmdigit.forms.cells.reader import CellReader
from mmdigit.forms.loading import load_template
from mmdigit.forms.pages.decoder import PageDecoder
from mmdigit.forms.pages.page import PageFault
from mmdigit.forms.sheets.placing import place
from mmdigit.training.data.splits import load_digits

DPI, QUALITY = 200, 75
FIELDS = slice(0, 20, 4)  # of the benchmark's form: five of eight digits, from top to bottom
RUNS = 5  # from scan to row


def write_form(path: Path) -> None:
    lines = FORM.read_text().splitlines()
    first = lines.index("    fields:") + 1
    path.write_text("\n".join([*lines[:first], *lines[first:][FIELDS]]) + "\n")


def write_scans(template_file: Path, data: Path, pages: int, path: Path) -> None:
    template, digits = load_template(template_file), load_digits(data, "validation")
    chance = np.random.default_rng(1)
    paper = blank_page(template)
    scans = []
    for _ in range(pages):
        filled = fill(paper, template, digits, chance, blanks=0.0)
        camera = Camera(DPI, chance.normal(0, 0.7))
        scans.append(Image.fromarray(degrade(filled.pixels, template.size_mm, "scan", chance, camera).pixels))
    scans[0].save(path, "PDF", save_all=True, append_images=scans[1:], resolution=DPI, quality=QUALITY)


def measure(template_file: Path, scans: Path) -> dict[str, float]:
    """In a process of its own, so that its memory is that of the work and of the decoder alone."""
    cv2.setNumThreads(1)
    template, cells = load_template(template_file), CellReader()
    pages = jobs = 0
    before = usage(os.getpid())
    with PageDecoder() as decoder:
        for page in decoder.pages_of(scans):
            placed = None if isinstance(page, PageFault) else place(page, template)
            if placed is None or isinstance(placed, PageFault):
                raise RuntimeError(f"expected a page that is read, got {placed or page}")
            fields = cells.read(placed.darkness, placed.slots, placed.frames)
            written = [cell for row in fields for cell in row]
            jobs += len(list(jobs_of(written, "0" * 64, page.number, template, datetime.now(UTC))))
            pages += 1
        after = usage(os.getpid())
    spent = (after.cpu_s - before.cpu_s) / pages
    return {
        "pages": pages, "jobs": jobs, "cpu_ms_a_page": round(1000 * spent, 1),
        "pages_a_minute_and_core": round(60 / spent), "peak_mb": round(after.peak_rss_mb),
    }  # fmt: skip


def scan_to_row_s(template_file: Path, scan: Path, table: Path) -> tuple[float, float]:
    """Wall-clock and CPU time of `mmdigit form read` of one page, its start and the model's loading among it."""
    command = [sys.executable, "-m", "mmdigit", "form", "read", str(scan), "--template", str(template_file)]
    begun, before = time.perf_counter(), os.times()
    subprocess.run([*command, "--output", str(table)], check=True, capture_output=True)  # noqa: S603
    after = os.times()
    cpu_s = after.children_user + after.children_system - before.children_user - before.children_system
    return time.perf_counter() - begun, cpu_s


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m lab.benchmarks.forms.speed", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR")
    parser.add_argument("--pages", type=int, default=60, metavar="N")
    parser.add_argument("--output", type=Path, metavar="FILE")
    given = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        form, scans, one = (Path(folder) / name for name in ("form.yaml", "scans.pdf", "one.pdf"))
        write_form(form)
        write_scans(form, given.data, given.pages, scans)
        write_scans(form, given.data, 1, one)
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            found: dict[str, object] = dict(pool.submit(measure, form, scans).result())
        waits = [scan_to_row_s(form, one, Path(folder) / f"table{run}.csv") for run in range(RUNS)]
    found["scan_to_row_s"], found["scan_to_row_cpu_s"] = (
        round(statistics.median(each), 2) for each in zip(*waits, strict=True)
    )
    found["machine"] = machine(("numpy", "opencv-python-headless", "pypdfium2", "onnxruntime"))
    text = json.dumps(found, indent=2) + "\n"
    sys.stdout.write(text)
    if given.output is not None:
        given.output.write_text(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
