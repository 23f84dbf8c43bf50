"""A folder of data sets for `mmdigit evaluate`, made up: drawn bars, and tones of ten pitches."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from mmdigit.datasets import fsdd
from tests.mmdigit.clips import tone, wav
from tests.mmdigit.datasets.small_mnist import write_mnist
from tests.mmdigit.training import made_up

N_DIGITS = 20
SPEAKERS = ("ann", "bob")


def write(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two test digits a label with their writers, and one clip a label of two speakers; no Omniglot."""
    monkeypatch.setattr(fsdd, "COUNT", 10 * len(SPEAKERS))
    digits = made_up.digits(N_DIGITS, 3)
    write_mnist(folder, monkeypatch, "t10k", digits.images, digits.labels.astype(np.uint8))
    recordings, writers = folder / fsdd.FOLDER, folder / "mnist-writers"
    for part in (recordings, writers):
        part.mkdir(parents=True)
    rows = "".join(f"{index},{label},{7 + index % 3}\n" for index, label in enumerate(digits.labels))
    (writers / "test.csv.gz").write_bytes(gzip.compress(f"index,label,writer\n{rows}".encode()))
    for number, speaker in enumerate(SPEAKERS):
        for label in range(10):
            waveform = tone(0.2 + 0.05 * number, pitch_hz=200 + 150 * label)
            (recordings / f"{label}_{speaker}_0.wav").write_bytes(wav(waveform))
