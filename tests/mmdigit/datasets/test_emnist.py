"""EMNIST's letters: upright, without those like digits, missing, damaged."""

from pathlib import Path

import numpy as np
import pytest

from mmdigit.datasets import emnist
from mmdigit.datasets.emnist import read_letters
from mmdigit.datasets.idx import Content
from schemas.errors import DataError
from tests.mmdigit.datasets.small_mnist import packed


def write(folder: Path, patch: pytest.MonkeyPatch, labels: list[int]) -> None:
    raw = folder / emnist.FOLDER
    raw.mkdir(parents=True)
    images = np.arange(len(labels) * 784, dtype=np.uint32).astype(np.uint8).reshape(-1, 28, 28)
    for name, values in ((emnist.IMAGES, images), (emnist.LABELS, np.array(labels, np.uint8))):
        (raw / name).write_bytes(packed(values))
        patch.setitem(emnist.FILES, name, Content(values.shape))


def test_read_letters_are_upright_and_not_like_digits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_letters(tmp_path).shape == (0, 28, 28)
    write(tmp_path, monkeypatch, [15, 24, 9, 1])  # o, x, i, a
    letters = read_letters(tmp_path)
    assert letters.shape == (2, 28, 28)
    assert letters[0, :3, 0].tolist() == [16, 17, 18]  # 784 = 16 modulo 256, and the first row goes down
    assert letters[0, 0, :2].tolist() == [16, 16 + 28]


@pytest.mark.parametrize("label", [0, 27])
def test_read_letters_refuse_other_labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, label: int) -> None:
    write(tmp_path, monkeypatch, [1, label])
    with pytest.raises(DataError, match=r"expected the letters 1 to 26 in .*, got others"):
        read_letters(tmp_path)
