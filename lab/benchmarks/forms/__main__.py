"""python -m lab.benchmarks.forms: generated pages, printed, filled, degraded, read; how many come out right.

--split validation (writers whom the training never saw) for development; --split test, with seeds of its own, for the
figures alone: nothing may be tuned on it. Pages that are done are kept beside the output, so that the same command goes
on where it was stopped.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import cv2

from lab.benchmarks.forms.ablations import ABLATIONS, Ablation, ablate
from lab.benchmarks.forms.generated import SEEDS, Generator, Split
from lab.benchmarks.forms.page_result import PageReader, PageResult
from lab.benchmarks.forms.summary import summary
from lab.kit.report import progress
from mmdigit.reading.predictor import Predictor

_workplace: list[tuple[Generator, PageReader]] = []
"""Of this process."""


def start(data: Path, split: Split, without: Ablation | None) -> None:
    cv2.setNumThreads(1)
    if without is not None:
        ablate(without)
    generator = Generator(data, split)
    reader = PageReader(generator.template, Predictor.load(), validators=without != "validators")
    _workplace.append((generator, reader))


def read(number: int) -> PageResult:
    generator, reader = _workplace[0]
    return reader.read(number, generator.page(number))


def results(numbers: Sequence[int], given: argparse.Namespace) -> Iterator[PageResult]:
    """In any order."""
    with ProcessPoolExecutor(given.jobs, None, start, (given.data, given.split, given.without)) as pool:
        waiting = [pool.submit(read, number) for number in numbers]
        for done in progress(as_completed(waiting), f"{len(numbers)} pages"):
            yield done.result()


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m lab.benchmarks.forms", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR")
    parser.add_argument("--split", choices=SEEDS, default="validation")
    parser.add_argument("--pages", type=int, default=70, metavar="N")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes (default: %(default)s)")
    parser.add_argument("--without", choices=ABLATIONS, help="leave a part of the reader out")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE")
    given = parser.parse_args(argv)
    kept = given.output.with_suffix(f".{given.split}{'-' + given.without if given.without else ''}.pages.jsonl")
    lines = kept.read_text().splitlines() if kept.exists() else []
    done = {page.number: page for page in (PageResult.of(json.loads(line)) for line in lines)}
    with kept.open("a") as file:
        for page in results([number for number in range(given.pages) if number not in done], given):
            done[page.number] = page
            file.write(json.dumps(page) + "\n")
            file.flush()
    pages = [done[number] for number in range(given.pages)]
    text = json.dumps(summary(pages, given.split, given.without), indent=2) + "\n"
    given.output.write_text(text)
    sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
