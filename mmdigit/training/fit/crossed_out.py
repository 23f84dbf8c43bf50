"""Trains the crossed-out network: `python -m mmdigit.training.fit.crossed_out --data DIR`, 10 minutes on 2 cores.

Digits crossed out against digits rendered as they are (strikes.py), MNIST's own, and sevens and ones as Europe writes
them (strokes.py). A tenth of the training writers is left out and chooses the threshold, which stands in the last bias.
The validation writers choose nothing: the command ends with what it finds among their digits.
"""

import argparse
import hashlib
import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mmdigit.reading.image.crossed_out import FIRST, HIDDEN, SECOND, WEIGHTS, CrossedOutDetector
from mmdigit.training.data.augment import Chance
from mmdigit.training.data.crossed_out import pictures
from mmdigit.training.data.datasets import Digits, load_digits
from mmdigit.training.data.strokes import barred_sevens, flagged_ones
from mmdigit.training.evaluate.measures import wilson

Pictures = NDArray[np.uint8]
Shares = tuple[float, float, float]

COUNT = 36_000  # rendered pictures, of crossed-out digits as many as of others
SHARES: Shares = (0.4, 0.4, 0.2)  # clean crops, photographs, pictures like MNIST's own
EUROPEAN = 2_000  # drawn sevens and ones, of each
EPOCHS, BATCH = 24, 256
SEED = 20
LEFT_OUT = 5  # of the last digits of the training writers' numbers; those writers choose the threshold
CHECKED = 2_500  # rendered pictures of each kind in CHECKS
CHECKS: dict[str, tuple[bool, Shares]] = {
    "crossed out, clean crops": (True, (1, 0, 0)),
    "crossed out, photographs": (True, (0, 1, 0)),
    "clean crops": (False, (1, 0, 0)),
    "photographs": (False, (0, 1, 0)),
}
MOST_CALLED = {"MNIST as it is": 0.001, "clean crops": 0.005, "photographs": 0.028}
"""Of pictures of the writers left out that are not crossed out: so many may be called so."""


def network() -> nn.Sequential:
    """What mmdigit.reading.image.crossed_out runs: two convolutions of stride 2, two layers."""
    return nn.Sequential(
        nn.Conv2d(1, FIRST, 5, stride=2),  # (B, FIRST, 12, 12)
        nn.ReLU(),
        nn.Conv2d(FIRST, SECOND, 3, stride=2),  # (B, SECOND, 5, 5)
        nn.ReLU(),
        nn.Flatten(),
        nn.Dropout(0.2),
        nn.Linear(25 * SECOND, HIDDEN),
        nn.ReLU(),
        nn.Linear(HIDDEN, 1),
    )


def examples(digits: Digits, count: int, workers: int) -> tuple[Pictures, NDArray[np.bool_]]:
    """What to train on, (N, 28, 28), and which of it is crossed out, (N,). count: of COUNT's kind."""
    chance = Chance(torch.Generator().manual_seed(SEED))
    drawn = torch.cat([draw(EUROPEAN * count // COUNT, chance) for draw in (barred_sevens, flagged_ones)])
    clean = [
        pictures(_some(digits, count, 1), False, SHARES, 5, workers),
        digits.pictures[::2],
        (255 * drawn[:, 0]).round().byte().numpy(),
    ]
    crossed_out = pictures(_some(digits, count, 2), True, SHARES, 6, workers)
    images = np.concatenate([*clean, crossed_out])
    wanted = np.arange(len(images)) >= len(images) - len(crossed_out)
    seen = images.max(axis=(1, 2)) > 0  # the decoder may find nothing in a photograph
    return images[seen], wanted[seen]


def fit(images: Pictures, crossed_out: NDArray[np.bool_], epochs: int = EPOCHS) -> nn.Sequential:
    """The network after that many epochs. images: (N, 28, 28), 255 = ink. crossed_out: (N,)."""
    torch.manual_seed(SEED)
    inputs, wanted = torch.from_numpy(images)[:, None], torch.from_numpy(crossed_out.astype(np.float32))
    net, chance = network(), torch.Generator().manual_seed(1)
    steps = max(1, wanted.numel() // BATCH)
    optimiser = torch.optim.AdamW(net.parameters(), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, epochs * steps)
    for _ in range(epochs):
        for chosen in torch.randperm(wanted.numel(), generator=chance).tensor_split(steps):
            shift = torch.randint(-1, 2, (2,), generator=chance).tolist()
            seen = torch.roll(inputs[chosen].float() / 255, shift, (2, 3))
            seen = (seen * (0.85 + 0.3 * torch.rand(len(chosen), 1, 1, 1, generator=chance))).clamp(0, 1)
            loss = nn.functional.binary_cross_entropy_with_logits(net(seen)[:, 0], wanted[chosen])
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
    return net.eval()


def weights_of(net: nn.Sequential, threshold: float) -> dict[str, NDArray[np.float32]]:
    """Its weights by name, shapes as reading.image.crossed_out.SHAPES, the threshold taken off the last bias."""
    state = {name: value.detach() for name, value in net.state_dict().items()}

    def kernel(name: str) -> Tensor:  # (out, in, rows, columns) to (rows * columns * in, out)
        weight: Tensor = state[name]
        return weight.permute(2, 3, 1, 0).flatten(0, 2)

    found = {
        "first": kernel("0.weight"),
        "first_bias": state["0.bias"],
        "second": kernel("2.weight"),
        "second_bias": state["2.bias"],
        "hidden": state["6.weight"].reshape(HIDDEN, SECOND, 25).permute(2, 1, 0).flatten(0, 1),
        "hidden_bias": state["6.bias"],
        "last": state["8.weight"][0],
        "last_bias": state["8.bias"][0] - threshold,
    }
    return {name: value.numpy() for name, value in found.items()}


def save(path: Path, weights: dict[str, NDArray[np.float32]]) -> str:
    """Writes the file that CrossedOutDetector.load reads, in 16 bits. Returns its SHA-256."""
    small: dict[str, Any] = {name: value.astype(np.float16) for name, value in weights.items()}
    packed = io.BytesIO()
    np.savez_compressed(packed, **small)
    path.write_bytes(packed.getvalue())
    return hashlib.sha256(packed.getvalue()).hexdigest()


def scores(reader: CrossedOutDetector, digits: Digits, count: int, seed: int, workers: int) -> dict[str, Any]:
    """The reader's logits of the digits as they are, and rendered in each way of CHECKS, (N,) each."""
    images = {"MNIST as it is": digits.pictures}
    for number, (name, (strike, shares)) in enumerate(CHECKS.items()):
        made = pictures(_some(digits, count, seed + number), strike, shares, seed + number, workers)
        images[name] = made[made.max(axis=(1, 2)) > 0]
    return {name: reader.logits(np.asarray(each / 255, np.float32)) for name, each in images.items()}


def threshold_of(found: dict[str, Any]) -> float:
    """The lowest logit above which no kind of MOST_CALLED has more than its share. found: as scores gives it."""
    return max(float(np.quantile(found[name], 1 - most)) for name, most in MOST_CALLED.items())


def _choosing(digits: Digits) -> NDArray[np.bool_]:
    """Which digits choose the threshold, (N,): those of every tenth writer, or every tenth if no writer is known."""
    key = digits.writers if digits.writers[0] >= 0 else np.arange(digits.labels.size)
    return np.asarray(key % 10 == LEFT_OUT)


def _some(digits: Digits, count: int, seed: int) -> Digits:
    size = digits.labels.size
    chosen = np.random.default_rng(seed).choice(size, count, replace=count > size)
    return Digits(digits.pictures[chosen], digits.labels[chosen], digits.writers[chosen])


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the network that tells crossed-out digits.")
    parser.add_argument("--data", type=Path, required=True, help="folder with MNIST and its writers")
    parser.add_argument("--output", type=Path, default=WEIGHTS, help="the file to write")
    parser.add_argument("--workers", type=int, default=2, help="processes that render")
    options = parser.parse_args()
    torch.set_num_threads(1)  # the same weights on every machine with as many cores or others
    digits = load_digits(options.data, "train")
    left_out = _choosing(digits)
    net = fit(*examples(digits.take(~left_out), COUNT, options.workers))
    chosen = scores(CrossedOutDetector(weights_of(net, 0)), digits.take(left_out), CHECKED, 30, options.workers)
    weights = weights_of(net, threshold_of(chosen))
    sys.stdout.write(f"{options.output}, SHA-256 {save(options.output, weights)}; called crossed out:\n")
    validation = load_digits(options.data, "validation")
    for name, found in scores(CrossedOutDetector(weights), validation, CHECKED, 40, options.workers).items():
        called, (low, high) = int((found > 0).sum()), wilson(int((found > 0).sum()), found.size)
        sys.stdout.write(f"{name}: {called} of {found.size}, {called / found.size:.2%} ({low:.2%}-{high:.2%})\n")


if __name__ == "__main__":
    main()
