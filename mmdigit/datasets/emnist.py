"""EMNIST's handwritten letters, which are no digits: those that do not look like one, of its test split.

Source: Cohen, Afshar, Tapson and van Schaik 2017, "EMNIST: an extension of MNIST to handwritten letters"; NIST.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmdigit.datasets.idx import Content, read_idx
from schemas.errors import DataError

FOLDER = "EMNIST/raw"
"""Within the folder of data sets."""
IMAGES, LABELS = "emnist-letters-test-images-idx3-ubyte.gz", "emnist-letters-test-labels-idx1-ubyte.gz"
FILES = {IMAGES: Content((20_800, 28, 28)), LABELS: Content((20_800,))}
LETTERS = "acefhkmnprtuvwx"
"""Neither the capital nor the small one looks like a digit: not o, i, l, z, s, b, g, q, j, y, d. The set mixes both."""


def read_letters(folder: Path) -> NDArray[np.uint8]:
    """The letters LETTERS, large and small, upright: (N, 28, 28), 255 = ink; (0, 28, 28) if the files are missing.

    folder: of data sets. Raises DataError if a file is damaged.
    """
    raw = folder / FOLDER
    if not (raw / IMAGES).exists():
        return np.zeros((0, 28, 28), np.uint8)
    images, labels = (read_idx(raw / name, FILES[name]) for name in (IMAGES, LABELS))
    if not bool(((labels >= 1) & (labels <= 26)).all()):
        raise DataError(f"expected the letters 1 to 26 in {raw / LABELS}, got others; restore it")
    chosen = np.isin(labels, [1 + ord(letter) - ord("a") for letter in LETTERS])
    return images[chosen].transpose(0, 2, 1)  # the files hold each image by columns
