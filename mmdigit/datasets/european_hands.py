"""Handwriting of European hands: Semeion's digits, and digits and empty boxes of photographed Sudokus. All optional.

Source: Semeion Handwritten Digit (Buscema; UCI Machine Learning Repository, CC BY 4.0); Wicht and Hennebert 2014,
"Camera-based Sudoku recognition with deep belief network" (CC BY 4.0).
"""

import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mmdigit.files.regular import open_regular
from schemas.errors import DataError

SEMEION = "semeion/semeion.npz"
CELLS, EMPTY_CELLS = "sudoku-cells/natural.npz", "sudoku-cells/empty.npz"
"""Within the folder of data sets."""
MAX_BYTES = 256 * 1024 * 1024


class Cells(NamedTuple):
    """images: (N, H, W) or (N, H, W, 3), uint8; labels: (N,), 0-9; groups: (N,), by photograph or by writers."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    groups: NDArray[np.int64]


def read_semeion(folder: Path) -> Cells | None:
    """Binary digits, (N, 16, 16), 1 = ink, each stretched to fill its square; None if the file is missing.

    folder: of data sets. Raises DataError if the file is damaged.
    """
    arrays = _read(folder / SEMEION, ("image", "label"), 3)
    if arrays is None:
        return None
    images, labels = arrays
    return _cells(folder / SEMEION, images, labels, _twenty_writers(labels))


def read_sudoku_cells(folder: Path) -> Cells | None:
    """Photographs of handwritten digits in printed boxes, (N, 84, 84, 3), RGB; otherwise as read_semeion."""
    arrays = _read(folder / CELLS, ("image", "label", "photo"), 4)
    return None if arrays is None else _cells(folder / CELLS, arrays[0], arrays[1], arrays[2].astype(np.int64))


def read_empty_cells(folder: Path) -> NDArray[np.uint8]:
    """Photographs of empty printed boxes, (N, 52, 52), grey; none if the file is missing; otherwise as read_semeion."""
    arrays = _read(folder / EMPTY_CELLS, ("image",), 3)
    return np.zeros((0, 52, 52), np.uint8) if arrays is None else arrays[0]


def _read(path: Path, names: tuple[str, ...], dimensions: int) -> list[NDArray[np.uint8]] | None:
    if not path.exists():
        return None
    try:
        with open_regular(path, MAX_BYTES) as stream, np.load(stream, allow_pickle=False) as file:
            arrays = [np.asarray(file[name]) for name in names]
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as exc:
        raise DataError(f"expected {path} to hold {', '.join(names)}, cannot read it ({exc}); restore it") from exc
    images = arrays[0]
    if images.ndim != dimensions or images.dtype != np.uint8 or any(len(array) != len(images) for array in arrays):
        raise DataError(
            f"expected {dimensions}-dimensional bytes in {path}, got {images.dtype} {images.shape}; restore it"
        )
    return arrays


def _cells(path: Path, images: NDArray[np.uint8], labels: NDArray[np.uint8], groups: NDArray[np.int64]) -> Cells:
    if labels.ndim != 1 or not bool(np.isin(labels, range(10)).all()):
        raise DataError(f"expected digits as the labels of {path}, got others; restore it")
    return Cells(images, labels.astype(np.int64), groups.astype(np.int64))


def _twenty_writers(labels: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The group of twenty writers of each digit, 0 to 3, (N,).

    The file holds each digit of twenty writers in a row, ten digits of four groups; then, written in a hurry, each one
    of forty writers, twice. A few digits are missing, so that the last writers of a group may count to the next one.
    """
    starts = np.flatnonzero(np.diff(labels.astype(np.int64), prepend=-1))
    run = np.searchsorted(starts, np.arange(labels.size), side="right") - 1
    place = np.arange(labels.size) - starts[run]
    page = run // 10
    return np.where(page < 4, page, 2 * (page - 4) + (place >= 20))
