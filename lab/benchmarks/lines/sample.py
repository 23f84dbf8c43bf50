"""Rendered lines as the reader weighs them; and which of a line's spans holds exactly one of its digits."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lab.benchmarks.lines.rendering import Line, Surface, by_writer, render_line
from mmdigit.datasets.fsdd import Split
from mmdigit.numbers.evidence import Weighed
from mmdigit.numbers.written import weigh
from mmdigit.reading.predictor import Predictor
from mmdigit.training.data.splits import load_digits

KINDS: tuple[tuple[bool, Surface], ...] = (
    *((False, "plain"), (False, "scan"), (False, "photo")),
    *((True, "plain"), (True, "scan"), (True, "photo")),
)
"""Whether digits touch, and what takes the picture."""
WHOLE, PART = 0.8, 0.65  # of a digit's ink is in a span, and of a span's ink is the digit's: it is one; it is none


@dataclass(frozen=True)
class Kind:
    touching: bool
    surface: Surface

    @property
    def name(self) -> str:
        return f"{'touching' if self.touching else 'apart'}, {self.surface}"


@dataclass(frozen=True, eq=False)
class Sample:
    """A line's digits and writer; weighed is None if no line was found. purity: (S,), of each span."""

    kind: Kind
    digits: str
    writer: int
    weighed: Weighed | None
    purity: NDArray[np.float64]


def samples(predictor: Predictor, data: Path, split: Split, count: int, seed: int) -> Iterator[Sample]:
    """Lines of each kind in turn, weighed."""
    for kind, line in render_lines(data, split, count, seed):
        weighed = weigh(predictor, line.grey)
        spans = np.zeros(0) if weighed is None else purity(line, weighed)
        yield Sample(kind, line.digits, line.writer, weighed, spans)


def render_lines(data: Path, split: Split, count: int, seed: int) -> Iterator[tuple[Kind, Line]]:
    """Lines of each kind in turn, of writers drawn with equal chances."""
    writers = by_writer(load_digits(data, split))
    for number in range(count):
        random = np.random.default_rng([seed, number])
        kind = Kind(*KINDS[number % len(KINDS)])
        yield kind, render_line(writers[random.integers(len(writers))], kind.touching, kind.surface, random)


def purity(line: Line, weighed: Weighed) -> NDArray[np.float64]:
    """How far each span is exactly one digit, (S,): the least of the share of its ink that is the digit's, the share of
    the digit's ink that is in it, and the share of any other digit's ink that is not."""
    pieces, spans = weighed.pieces, weighed.spans
    rows, columns = np.nonzero(pieces.part_of >= 0)
    x, y = weighed.line.to_photo[:, :2] @ np.stack([columns + 0.5, rows + 0.5]) + weighed.line.to_photo[:, 2:]
    places = [
        np.clip((values * line.enlarged).astype(np.int64), 0, size - 1)
        for values, size in zip((y, x), line.owners.shape, strict=True)
    ]
    digits = len(line.digits)
    owners = line.owners[places[0], places[1]].astype(np.int64)
    inked = np.zeros((len(pieces.area), digits))
    np.add.at(inked, (pieces.part_of[rows, columns][owners >= 0], owners[owners >= 0]), 1)
    before = np.vstack([np.zeros(digits), np.cumsum(inked, axis=0)])
    within = before[spans.last] - before[spans.first]
    own = within / np.maximum(within.sum(axis=1, keepdims=True), 1)
    whole = within / np.maximum(inked.sum(axis=0), 1)
    second = np.sort(whole, axis=1)[:, -2] if digits > 1 else np.zeros(len(whole))
    return np.asarray(np.minimum(np.minimum(own, whole).max(axis=1, initial=0), 1 - second), np.float64)


def writers_apart(writers: Sequence[int]) -> NDArray[np.bool_]:
    """Half of the writers, (N,): so that what is fitted on one half is judged on the other."""
    order = {writer: place for place, writer in enumerate(sorted(set(writers)))}
    return np.array([order[writer] % 2 == 0 for writer in writers], bool)
