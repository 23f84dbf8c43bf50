"""The writers of MNIST's digits: reads the table that names who wrote each digit."""

import csv
import gzip
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmdigit.datasets.idx import Part
from mmdigit.files.regular import open_regular
from schemas.errors import DataError

FOLDER = "mnist-writers"
"""Within the folder of data sets."""


def read_writers(folder: Path, part: Part, labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """The writer of each digit, (N,); all -1 if there is no table.

    folder: of data sets. labels: (N,), those of that part of MNIST. Raises DataError if the table is damaged or belongs
    to other digits.
    """
    path = folder / FOLDER / f"{'test' if part == 't10k' else 'train'}.csv.gz"
    if not path.exists():
        return np.full(labels.size, -1, np.int64)
    try:
        with open_regular(path) as packed, gzip.open(packed, "rt", newline="") as file:
            rows = [(int(row["index"]), int(row["label"]), int(row["writer"])) for row in csv.DictReader(file)]
        table = np.array(sorted(rows), np.int64)
    except (OSError, EOFError, zlib.error, KeyError, ValueError, TypeError, OverflowError, csv.Error) as exc:
        raise DataError(
            f"expected {path} to be a table index,label,writer, got a damaged one ({exc}); restore it"
        ) from exc
    if table.shape != (labels.size, 3) or not bool((table[:, 1] == labels).all()):
        raise DataError(f"expected {path} to match the MNIST labels, got other labels; restore it")
    return table[:, 2]
