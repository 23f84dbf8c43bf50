"""A folder of data sets as `mmdigit evaluate` reads it, made on the spot: drawn bars, and tones of ten pitches."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mmdigit.training.data import datasets
from tests.mmdigit.clips import tone, wav
from tests.mmdigit.training import made_up

N_DIGITS = 20
SPEAKERS = ("ann", "bob")


def idx(values: NDArray[np.uint8]) -> bytes:
    """gzip-compressed IDX."""
    header = bytes([0, 0, 8, values.ndim]) + b"".join(size.to_bytes(4, "big") for size in values.shape)
    return gzip.compress(header + values.tobytes())


def write(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two test digits a label with their writers, and one clip a label of two speakers; no Omniglot."""
    monkeypatch.setitem(datasets.MNIST_COUNT, "t10k", N_DIGITS)
    monkeypatch.setattr(datasets, "MNIST_MD5", {})
    monkeypatch.setattr(datasets, "FSDD_COUNT", 10 * len(SPEAKERS))
    digits = made_up.digits(N_DIGITS, 3)
    raw, recordings, writers = (
        folder / "MNIST" / "raw",
        folder / "free-spoken-digit-dataset" / "recordings",
        folder / "mnist-writers",
    )
    for part in (raw, recordings, writers):
        part.mkdir(parents=True)
    (raw / "t10k-images-idx3-ubyte.gz").write_bytes(idx(digits.pictures))
    (raw / "t10k-labels-idx1-ubyte.gz").write_bytes(idx(digits.labels.astype(np.uint8)))
    rows = "".join(f"{index},{label},{7 + index % 3}\n" for index, label in enumerate(digits.labels))
    (writers / "test.csv.gz").write_bytes(gzip.compress(f"index,label,writer\n{rows}".encode()))
    for number, speaker in enumerate(SPEAKERS):
        for label in range(10):
            sound = tone(0.2 + 0.05 * number, pitch_hz=200 + 150 * label)
            (recordings / f"{label}_{speaker}_0.wav").write_bytes(wav(sound))
