"""Small data sets for the tests, made on the spot: rings and bars, and tones of ten pitches."""

import numpy as np

from mmdigit.training.batches import TrainingSets
from mmdigit.training.data import Clip, Digits
from tests.mmdigit.clips import tone


def digits(count: int, seed: int) -> Digits:
    """Label n is a bright bar at height 4 + 2n."""
    random = np.random.default_rng(seed)
    labels = np.arange(count, dtype=np.int64) % 10
    pictures = random.integers(0, 30, (count, 28, 28)).astype(np.uint8)
    for picture, label in zip(pictures, labels, strict=True):
        picture[4 + 2 * label : 6 + 2 * label, 6:22] = 250
    return Digits(pictures, labels, np.zeros(count, np.int64))


def clips(per_digit: int) -> list[Clip]:
    """Label n is a tone of 200 + 150n Hz; one clip that is no digit."""
    spoken = [
        Clip(tone(0.2 + 0.01 * number, pitch_hz=200 + 150 * label).astype(np.float32), label, "fsdd", "a", number)
        for label in range(10)
        for number in range(per_digit)
    ]
    other = Clip(tone(0.3, pitch_hz=3000).astype(np.float32), None, "espeak", "b", 0)
    return [*spoken, other]


def sets(count: int = 96) -> TrainingSets:
    glyphs = np.random.default_rng(5).integers(0, 255, (8, 28, 28)).astype(np.uint8)
    return TrainingSets(digits(count, 1), clips(2), glyphs, digits(20, 2), clips(1)[:10])
