"""Trains the crossed-out network: `python -m mmdigit.training.fit.crossed_out --data DIR`, 10 minutes on 2 cores.

Positives: rendered digits that are crossed out. Negatives: rendered digits with harmless marks (data/crossed_out.py),
MNIST's own digits, and drawn sevens and ones (data/strokes.py). The threshold is chosen on a tenth of the training
writers, who are left out of the training, and stored in the last bias. The command then prints the network's answers
for the validation writers, on whom no choice is made.
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

from mmdigit.reading.image.crossed_out import FIRST, HIDDEN, SECOND, CrossedOutDetector
from mmdigit.training.data.augment import TensorRng
from mmdigit.training.data.crossed_out import render_digits
from mmdigit.training.data.splits import Digits, load_digits
from mmdigit.training.data.strokes import barred_sevens, flagged_ones
from mmdigit.training.measures import wilson

Images = NDArray[np.uint8]
Shares = tuple[float, float, float]

N_RENDERED = 36_000  # of crossed-out digits, and of others
SHARES: Shares = (0.4, 0.4, 0.2)  # clean crops, photographs, images in MNIST's own format
N_DRAWN = 2_000  # of sevens, and of ones
EPOCHS, BATCH = 24, 256
SEED = 20
THRESHOLD_WRITERS = 5  # the threshold is chosen on training writers whose number ends in this digit
N_CHECKED = 2_500  # rendered images for each of CHECKS
CHECKS: dict[str, tuple[bool, Shares]] = {
    "crossed out, clean crops": (True, (1, 0, 0)),
    "crossed out, photographs": (True, (0, 1, 0)),
    "clean crops": (False, (1, 0, 0)),
    "photographs": (False, (0, 1, 0)),
}
MAX_FALSE_POSITIVE_RATES = {"MNIST": 0.001, "clean crops": 0.005, "photographs": 0.028}
"""Of the left-out writers' digits."""


def network() -> nn.Sequential:
    """The network that mmdigit.reading.image.crossed_out runs: two convolutions of stride 2, two linear layers."""
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


def training_examples(digits: Digits, count: int, workers: int) -> tuple[Images, NDArray[np.bool_]]:
    """Images to train on, (N, 28, 28), and which are crossed out, (N,). count: of rendered images, as N_RENDERED."""
    rng = TensorRng(torch.Generator().manual_seed(SEED))
    drawn = torch.cat([draw(N_DRAWN * count // N_RENDERED, rng) for draw in (barred_sevens, flagged_ones)])
    negatives = [
        render_digits(_sample(digits, count, 1), False, SHARES, 5, workers),
        digits.images[::2],
        (255 * drawn[:, 0]).round().byte().numpy(),
    ]
    positives = render_digits(_sample(digits, count, 2), True, SHARES, 6, workers)
    images = np.concatenate([*negatives, positives])
    crossed_out = np.arange(len(images)) >= len(images) - len(positives)
    readable = images.max(axis=(1, 2)) > 0  # the decoder may find no digit in a photograph
    return images[readable], crossed_out[readable]


def train_network(images: Images, crossed_out: NDArray[np.bool_], epochs: int = EPOCHS) -> nn.Sequential:
    """Train the network. images: (N, 28, 28), 255 = ink. crossed_out: (N,)."""
    torch.manual_seed(SEED)
    inputs, targets = torch.from_numpy(images)[:, None], torch.from_numpy(crossed_out.astype(np.float32))
    net, generator = network(), torch.Generator().manual_seed(1)
    steps = max(1, targets.numel() // BATCH)
    optimizer = torch.optim.AdamW(net.parameters(), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, epochs * steps)
    for _ in range(epochs):
        for rows in torch.randperm(targets.numel(), generator=generator).tensor_split(steps):
            shift = torch.randint(-1, 2, (2,), generator=generator).tolist()
            batch = torch.roll(inputs[rows].float() / 255, shift, (2, 3))
            batch = (batch * (0.85 + 0.3 * torch.rand(len(rows), 1, 1, 1, generator=generator))).clamp(0, 1)
            loss = nn.functional.binary_cross_entropy_with_logits(net(batch)[:, 0], targets[rows])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
    return net.eval()


def extract_weights(net: nn.Sequential, threshold: float) -> dict[str, NDArray[np.float32]]:
    """The weights by name, with the shapes of reading.image.crossed_out.SHAPES; the last bias less the threshold."""
    state = {name: value.detach() for name, value in net.state_dict().items()}

    def kernel(name: str) -> Tensor:  # (out, in, rows, columns) to (rows * columns * in, out)
        weight: Tensor = state[name]
        return weight.permute(2, 3, 1, 0).flatten(0, 2)

    weights = {
        "first": kernel("0.weight"),
        "first_bias": state["0.bias"],
        "second": kernel("2.weight"),
        "second_bias": state["2.bias"],
        "hidden": state["6.weight"].reshape(HIDDEN, SECOND, 25).permute(2, 1, 0).flatten(0, 1),
        "hidden_bias": state["6.bias"],
        "last": state["8.weight"][0],
        "last_bias": state["8.bias"][0] - threshold,
    }
    return {name: value.numpy() for name, value in weights.items()}


def save_weights(path: Path, weights: dict[str, NDArray[np.float32]]) -> str:
    """Write the file that CrossedOutDetector.load reads, in 16 bits. Returns its SHA-256."""
    half: dict[str, Any] = {name: value.astype(np.float16) for name, value in weights.items()}
    file = io.BytesIO()
    np.savez_compressed(file, **half)
    path.write_bytes(file.getvalue())
    return hashlib.sha256(file.getvalue()).hexdigest()


def score_checks(reader: CrossedOutDetector, digits: Digits, count: int, seed: int, workers: int) -> dict[str, Any]:
    """The reader's logits for MNIST's own digits, and for digits rendered as each of CHECKS says, (N,) each."""
    images = {"MNIST": digits.images}
    for number, (name, (crossed_out, shares)) in enumerate(CHECKS.items()):
        made = render_digits(_sample(digits, count, seed + number), crossed_out, shares, seed + number, workers)
        images[name] = made[made.max(axis=(1, 2)) > 0]
    return {name: reader.logits(np.asarray(each / 255, np.float32)) for name, each in images.items()}


def choose_threshold(logits: dict[str, Any]) -> float:
    """The lowest threshold that meets MAX_FALSE_POSITIVE_RATES. logits: as score_checks returns them."""
    return max(float(np.quantile(logits[name], 1 - rate)) for name, rate in MAX_FALSE_POSITIVE_RATES.items())


def _chooses_threshold(digits: Digits) -> NDArray[np.bool_]:
    """Which digits the threshold is chosen on, (N,): every tenth writer's, or every tenth if writers are unknown."""
    groups = digits.writers if digits.writers[0] >= 0 else np.arange(digits.labels.size)
    return np.asarray(groups % 10 == THRESHOLD_WRITERS)


def _sample(digits: Digits, count: int, seed: int) -> Digits:
    size = digits.labels.size
    return digits.select(np.random.default_rng(seed).choice(size, count, replace=count > size))


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the network that tells crossed-out digits.")
    parser.add_argument("--data", type=Path, required=True, help="folder with MNIST and its writers")
    parser.add_argument("--output", type=Path, required=True, help="the file to write")
    parser.add_argument("--workers", type=int, default=2, help="processes for rendering")
    options = parser.parse_args()
    torch.set_num_threads(1)  # the weights do not depend on the number of cores
    digits = load_digits(options.data, "train")
    left_out = _chooses_threshold(digits)
    net = train_network(*training_examples(digits.select(~left_out), N_RENDERED, options.workers))
    logits = score_checks(
        CrossedOutDetector(extract_weights(net, 0)), digits.select(left_out), N_CHECKED, 30, options.workers
    )
    weights = extract_weights(net, choose_threshold(logits))
    sys.stdout.write(f"{options.output}, SHA-256 {save_weights(options.output, weights)}; detected as crossed out:\n")
    validation = load_digits(options.data, "validation")
    for name, scores in score_checks(CrossedOutDetector(weights), validation, N_CHECKED, 40, options.workers).items():
        detected = int((scores > 0).sum())
        low, high = wilson(detected, scores.size)
        sys.stdout.write(f"{name}: {detected} of {scores.size}, {detected / scores.size:.2%} ({low:.2%}-{high:.2%})\n")


if __name__ == "__main__":
    main()
