"""python -m lab.benchmarks.lines.fitting: fits mmdigit/numbers/written.json to the shipped reader.

Lines of MNIST's validation writers, whom the reader's training never saw. A small network learns which spans hold
exactly one digit. The confidence from which numbers are accepted is then chosen on writers that the network did not
learn from, in turn on each half. Three minutes of one core; repeat it whenever the reader's weights change.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from lab.benchmarks.lines.sample import PART, WHOLE, Sample, samples, writers_apart
from lab.kit.report import progress
from mmdigit.files.atomic import atomic_write
from mmdigit.numbers.evidence import Evidence, evidence_of
from mmdigit.numbers.judging import NO_BAR
from mmdigit.numbers.span_model import FITTED, FittedLines, features_of
from mmdigit.numbers.written import LineReader
from mmdigit.numbers.written_number import WrittenNumber
from mmdigit.reading.error_bounds import error_bound
from mmdigit.reading.predictor import Predictor

SEED = 7
LINES = 1_200
HIDDEN = 16
EPOCHS, SLOWER_FROM = 15, 10
RATE, SLOWER, DECAY, BATCH = 3e-3, 5e-4, 1e-4, 256
TARGET_ERROR = 0.001  # share of the accepted numbers that may be wrong


def fit(rendered: Sequence[Sample], model_version: str) -> FittedLines:
    """The network alone; its bars accept nothing."""
    lines = [(each.weighed, each.purity) for each in rendered if each.weighed is not None]
    values = np.concatenate(
        [features_of(line.log_chances, line.novelty_logits, line.spans.shapes) for line, _ in lines]
    )
    purities = np.concatenate([each for _, each in lines])
    clear = (purities > WHOLE) | (purities < PART)
    values, one = values[clear], (purities[clear] > WHOLE).astype(np.float32)
    mean, scale = values.mean(axis=0), values.std(axis=0) + 1e-6
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    inputs, wanted = torch.tensor((values - mean) / scale, dtype=torch.float32), torch.tensor(one)
    hidden, output = torch.nn.Linear(inputs.shape[1], HIDDEN), torch.nn.Linear(HIDDEN, 1)
    net = torch.nn.Sequential(hidden, torch.nn.Tanh(), output)
    steps = torch.optim.Adam(net.parameters(), RATE, weight_decay=DECAY)
    for epoch in range(EPOCHS):
        for group in steps.param_groups:
            group["lr"] = RATE if epoch < SLOWER_FROM else SLOWER
        order = torch.randperm(len(inputs))
        for start in range(0, len(inputs), BATCH):
            rows = order[start : start + BATCH]
            steps.zero_grad()
            loss = torch.nn.functional.binary_cross_entropy_with_logits(net(inputs[rows])[:, 0], wanted[rows])
            loss.backward()  # type: ignore[no-untyped-call]
            steps.step()
    return FittedLines(
        model_version=model_version,
        mean=_numbers(mean),
        scale=_numbers(scale),
        hidden=tuple(_numbers(row) for row in hidden.weight.detach().numpy().T),
        hidden_bias=_numbers(hidden.bias.detach().numpy()),
        output=_numbers(output.weight.detach().numpy()[0]),
        output_bias=float(output.bias.item()),
        accept=NO_BAR,
    )


def _numbers(values: NDArray[np.floating]) -> tuple[float, ...]:
    return tuple(float(f"{value:.6g}") for value in values)


def across_halves(lines: Sequence[Sample], predictor: Predictor) -> Iterator[tuple[Sample, Evidence]]:
    """Each line that was found, as a network judges it that did not learn from its writer."""
    first = writers_apart([line.writer for line in lines])
    for half in (first, ~first):
        fitted = fit([line for line, mine in zip(lines, half, strict=True) if not mine], predictor.model_version)
        for line, mine in zip(lines, half, strict=True):
            if mine and line.weighed is not None:
                yield line, evidence_of(line.weighed, fitted)


def bar_of(numbers: Sequence[tuple[WrittenNumber, str]]) -> tuple[float, int, int]:
    """The confidence from which numbers are accepted: by their own confidence at most TARGET_ERROR of them are wrong,
    and none here. How many reach it, and of how many. numbers: each with what was written."""
    sound = [(number.confidence, number.number == said) for number, said in numbers if not other_reasons(number)]
    bar, doubt, reaching = NO_BAR, 0.0, 0
    for count, (confidence, right) in enumerate(sorted(sound, reverse=True), 1):
        doubt += 1 - confidence
        if not right or doubt > TARGET_ERROR * count:
            break
        bar, reaching = confidence, count
    return bar, reaching, len(sound)


def other_reasons(number: WrittenNumber) -> bool:
    """Whether more than a low confidence speaks against it."""
    return bool(set(number.reasons) - {"low_confidence"})


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m lab.benchmarks.lines.fitting", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR")
    parser.add_argument("--lines", type=int, default=LINES, metavar="N", help="to render (default: %(default)s)")
    parser.add_argument("--output", type=Path, default=FITTED, metavar="FILE", help="(default: what is shipped)")
    given = parser.parse_args(argv)
    predictor = Predictor.load()
    rendered = samples(predictor, given.data, "validation", given.lines, SEED)
    lines = list(progress(rendered, f"{given.lines} lines"))
    fitted = fit(lines, predictor.model_version)
    reader = LineReader(predictor, fitted)
    judged = list(across_halves(lines, predictor))
    numbers = [(reader.choose(evidence, len(line.digits)), line.digits) for line, evidence in judged]
    bar, reaching, sound = bar_of(numbers)
    right = sum(number.number == said for number, said in numbers)
    sys.stdout.write(
        f"{right} of {len(lines)} right; {sound} without another reason, {reaching} of them from confidence {bar:.6f}, "
        f"none wrong: at most {error_bound(0, max(1, reaching)):.2g} (95 %)\n"
    )
    fitted = fitted.model_copy(update={"accept": bar})
    with atomic_write(given.output) as file:
        file.write(fitted.model_dump_json(indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
