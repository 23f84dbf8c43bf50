"""Trains the network of mmdigit.struck: `python -m mmdigit.training.struck --data DIR`, a quarter of an hour.

24,000 digits of the training writers crossed out against 24,000 rendered as they are (strikes.py) and half of MNIST's
training pictures untouched. The threshold stands in the last bias: chosen on the validation writers, so that fewer than
0.1 % of their untouched digits and about 1 % of rendered ones that the model accepts are called crossed out.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mmdigit.struck import FIRST, HIDDEN, SECOND, WEIGHTS
from mmdigit.training.data import Digits, load_digits
from mmdigit.training.strikes import pictures

COUNT = 24_000  # pictures of each kind
SHARES = (0.5, 0.2, 0.3)  # clean crops, photographs, pictures like MNIST's own
EPOCHS, BATCH = 12, 256
SEED = 20
THRESHOLD = 1.5


def network() -> nn.Sequential:
    """What mmdigit.struck runs: two convolutions of stride 2, two layers."""
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


def fit(images: NDArray[np.uint8], crossed_out: NDArray[np.bool_], epochs: int = EPOCHS) -> nn.Sequential:
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
    """Its weights by the names and of the shapes of mmdigit.struck.SHAPES, the threshold taken off the last bias."""
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


def _some(digits: Digits, seed: int) -> Digits:
    chosen = np.random.default_rng(seed).choice(digits.labels.size, COUNT, replace=False)
    return Digits(digits.pictures[chosen], digits.labels[chosen], digits.writers[chosen])


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the network that tells crossed-out digits.")
    parser.add_argument("--data", type=Path, required=True, help="folder with MNIST and its writers")
    parser.add_argument("--output", type=Path, default=WEIGHTS, help="the file to write")
    options = parser.parse_args()
    digits = load_digits(options.data, "train")
    clean = np.concatenate([pictures(_some(digits, 1), False, SHARES, 5), digits.pictures[::2]])
    crossed_out = pictures(_some(digits, 2), True, SHARES, 6)
    images = np.concatenate([clean, crossed_out])
    wanted = np.arange(len(images)) >= len(clean)
    seen = images.max(axis=(1, 2)) > 0  # the decoder may find nothing in a photograph
    stored = weights_of(fit(images[seen], wanted[seen]), THRESHOLD)
    small: dict[str, Any] = {name: value.astype(np.float16) for name, value in stored.items()}
    np.savez_compressed(options.output, **small)


if __name__ == "__main__":
    main()
