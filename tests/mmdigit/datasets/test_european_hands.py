"""Semeion and the Sudoku cells: missing, read, damaged."""

import os
from pathlib import Path

import numpy as np
import pytest

from mmdigit.datasets.european_hands import (
    CELLS,
    EMPTY_CELLS,
    SEMEION,
    read_empty_cells,
    read_semeion,
    read_sudoku_cells,
)
from schemas.errors import DataError


def write(folder: Path) -> None:
    for path in (SEMEION, CELLS, EMPTY_CELLS):
        (folder / path).parent.mkdir(exist_ok=True)
    labels = np.array([digit for _ in range(2) for digit in range(10) for _ in range(3)], np.uint8)
    np.savez(folder / SEMEION, image=np.ones((60, 16, 16), np.uint8), label=labels)
    photo = np.array([1, 1, 7], np.uint16)
    np.savez(folder / CELLS, image=np.zeros((3, 84, 84, 3), np.uint8), label=np.array([4, 0, 9], np.uint8), photo=photo)
    np.savez(folder / EMPTY_CELLS, image=np.zeros((5, 52, 52), np.uint8))


def test_missing_files_are_no_error(tmp_path: Path) -> None:
    assert read_semeion(tmp_path) is None
    assert read_sudoku_cells(tmp_path) is None
    assert read_empty_cells(tmp_path).shape == (0, 52, 52)


def test_digits_have_labels_and_groups(tmp_path: Path) -> None:
    write(tmp_path)
    semeion, cells = read_semeion(tmp_path), read_sudoku_cells(tmp_path)
    assert semeion is not None
    assert cells is not None
    assert semeion.labels.tolist() == [digit for _ in range(2) for digit in range(10) for _ in range(3)]
    assert semeion.groups.tolist() == [0] * 30 + [1] * 30
    assert (cells.labels.tolist(), cells.groups.tolist()) == ([4, 0, 9], [1, 1, 7])
    assert len(read_empty_cells(tmp_path)) == 5


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"image": np.ones((2, 16, 16), np.uint8)}, "to hold image, label, cannot read it"),
        (
            {"image": np.ones((2, 16, 16)), "label": np.zeros(2, np.uint8)},
            "3-dimensional bytes .*, got float64",
        ),
        ({"image": np.ones((2, 16), np.uint8), "label": np.zeros(2, np.uint8)}, "3-dimensional bytes"),
        ({"image": np.ones((2, 16, 16), np.uint8), "label": np.zeros(3, np.uint8)}, "3-dimensional bytes"),
        ({"image": np.ones((2, 16, 16), np.uint8), "label": np.array([1, 10])}, "expected digits as the labels"),
        ({"image": np.array([{}, {}]), "label": np.zeros(2)}, "cannot read it"),
    ],
)
def test_damaged_file_is_one_line(tmp_path: Path, arrays: dict[str, np.ndarray], message: str) -> None:
    write(tmp_path)
    np.savez(tmp_path / SEMEION, **arrays)  # type: ignore[arg-type]
    with pytest.raises(DataError, match=message):
        read_semeion(tmp_path)


def test_file_that_is_no_archive_is_one_line(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / EMPTY_CELLS).write_bytes(b"no archive")
    with pytest.raises(DataError, match=r"cannot read it .*; restore it"):
        read_empty_cells(tmp_path)


@pytest.mark.data
@pytest.mark.skipif("MMDIGIT_DATA" not in os.environ, reason="needs the real data sets in MMDIGIT_DATA")
def test_semeion_has_four_groups_of_writers() -> None:
    semeion = read_semeion(Path(os.environ["MMDIGIT_DATA"]))
    assert semeion is not None
    sizes = np.bincount(semeion.groups)
    assert len(sizes) == 4
    assert sizes.min() > 380
