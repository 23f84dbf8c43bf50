"""A lookup file: every value that a field may have, such as the membership numbers that there are."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmdigit.files.regular import read_regular
from schemas.errors import DataError
from schemas.printable import printable

MAX_LIST_BYTES = 32 * 1024 * 1024
MAX_VALUES = 1_000_000


@dataclass(frozen=True)
class ValueList:
    """sha256: of the file, in hex; lists of the same file are equal. values: (n_values,), ASCII digits, sorted, each
    once. columns: (n_digits, n_values), the same as numbers."""

    sha256: str
    values: NDArray[np.bytes_] = field(compare=False, repr=False)
    columns: NDArray[np.uint8] = field(compare=False, repr=False)

    def __contains__(self, digits: str) -> bool:
        index = int(np.searchsorted(self.values, digits.encode()))
        return index < len(self.values) and bool(self.values[index] == digits.encode())

    def likeliest(self, probabilities: NDArray[np.float64], most: int) -> tuple[list[str], NDArray[np.float64], float]:
        """The likeliest values and their chances, best first, and the chance of all others of the list together.

        probabilities: (n_digits, 10), each digit's.
        """
        chances = np.ones(len(self.values))
        for row, column in zip(probabilities, self.columns, strict=True):
            chances *= row[column]
        best = np.argpartition(-chances, most)[:most] if len(chances) > most else np.arange(len(chances))
        best = best[np.argsort(-chances[best], kind="stable")]
        rest = max(0.0, float(chances.sum() - chances[best].sum()))
        return [value.decode() for value in self.values[best].tolist()], chances[best], rest


def load_values(path: Path, n_digits: int) -> ValueList:
    """The values of a file, one a line, n_digits each; empty lines do not count. Raises DataError."""
    name = printable(str(path), 200)
    try:
        content = read_regular(path, MAX_LIST_BYTES)
    except OSError as exc:
        raise DataError(f"expected a lookup file at {name}, it cannot be read ({exc.strerror}); put it there") from exc
    lines = [line.strip() for line in content.removeprefix(b"\xef\xbb\xbf").splitlines()]
    for number, line in enumerate(lines, 1):
        if line and (len(line) != n_digits or not line.isdigit()):
            shown = repr(printable(line.decode(errors="replace"), 40))
            raise DataError(f"{name}, line {number}: expected {n_digits} digits, got {shown}; correct it")
    values = np.unique(np.array([line for line in lines if line], f"S{n_digits}"))
    if not 0 < len(values) <= MAX_VALUES:
        raise DataError(f"{name}: expected 1 to {MAX_VALUES} values, got {len(values)}; check the file")
    digits = values.view(np.uint8).reshape(-1, n_digits) - ord("0")
    return ValueList(hashlib.sha256(content).hexdigest(), values, np.ascontiguousarray(digits.T))
