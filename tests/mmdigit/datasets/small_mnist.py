"""A small MNIST, written to a folder, that the reader takes for the real one."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mmdigit.datasets import idx
from mmdigit.datasets.idx import Content, Part


def packed(values: NDArray[np.uint8]) -> bytes:
    """A gzip-compressed IDX file of bytes."""
    lengths = b"".join(length.to_bytes(4, "big") for length in values.shape)
    return gzip.compress(bytes([0, 0, 8, values.ndim]) + lengths + values.tobytes(), 1)


def write_mnist(
    folder: Path, patch: pytest.MonkeyPatch, part: Part, images: NDArray[np.uint8], labels: NDArray[np.uint8]
) -> None:
    """One part of it. images: (N, 28, 28); labels: (N,)."""
    raw = folder / idx.FOLDER
    raw.mkdir(parents=True, exist_ok=True)
    for name, values in ((f"{part}-images-idx3-ubyte.gz", images), (f"{part}-labels-idx1-ubyte.gz", labels)):
        (raw / name).write_bytes(packed(values))
        patch.setitem(idx.FILES, name, Content(values.shape))
