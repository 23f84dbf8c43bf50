"""MNIST: its gzip-compressed IDX files, checked and read into arrays."""

import gzip
import hashlib
import math
import zlib
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mmdigit.files.regular import open_regular
from schemas.errors import DataError
from schemas.printable import printable

FOLDER = "MNIST/raw"
"""Within the folder of data sets."""

Part = Literal["train", "t10k"]


class Content(NamedTuple):
    """What an IDX file holds. sha256: of the unpacked file, so that a copy compressed anew is right too; None = any."""

    shape: tuple[int, ...]
    sha256: str | None = None


FILES = {
    "train-images-idx3-ubyte.gz": Content(
        (60_000, 28, 28), "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"
    ),
    "train-labels-idx1-ubyte.gz": Content(
        (60_000,), "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"
    ),
    "t10k-images-idx3-ubyte.gz": Content(
        (10_000, 28, 28), "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"
    ),
    "t10k-labels-idx1-ubyte.gz": Content((10_000,), "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
}


def read_mnist(folder: Path, part: Part) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """One part of MNIST: images (N, 28, 28), 255 = ink, and labels (N,), 0-9.

    folder: of data sets. Raises DataError if a file is missing, damaged or not MNIST's own.
    """
    images, labels = f"{part}-images-idx3-ubyte.gz", f"{part}-labels-idx1-ubyte.gz"
    raw = folder / FOLDER
    return read_idx(raw / images, FILES[images]), read_idx(raw / labels, FILES[labels])


def read_idx(path: Path, expected: Content) -> NDArray[np.uint8]:
    """The array in a gzip-compressed IDX file of bytes. Reads no more than that array needs.

    Raises DataError if the file is missing, damaged or holds anything else.
    Source: LeCun, Cortes and Burges, "The MNIST database", file formats: a big-endian magic number (8 for bytes, the
    number of axes), the length of each axis, the values.
    """
    name = printable(str(path), 200)
    header = b"".join(number.to_bytes(4, "big") for number in (0x800 + len(expected.shape), *expected.shape))
    size = len(header) + math.prod(expected.shape)
    try:
        with open_regular(path) as packed, gzip.open(packed) as file:
            content = file.read(size + 1)
    except FileNotFoundError as exc:
        raise DataError(
            f"expected {name}, got no such file; run `mmdigit data download`, or name the folder that holds {FOLDER}"
        ) from exc
    except (OSError, EOFError, zlib.error) as exc:
        why = printable(str(getattr(exc, "strerror", None) or exc), 200)
        raise DataError(f"expected {name} to be a gzip file, cannot read it ({why}); download it again") from exc
    shape = " x ".join(map(str, expected.shape))
    if not content.startswith(header) or len(content) != size:
        got = "fewer" if content.startswith(header) and len(content) < size else "something else"
        raise DataError(f"expected {name} to be an IDX file of {shape} bytes, got {got}; download it again")
    if expected.sha256 is not None and (got := hashlib.sha256(content).hexdigest()) != expected.sha256:
        raise DataError(f"expected {name} unpacked with SHA-256 {expected.sha256}, got {got}; download it again")
    return np.frombuffer(content, np.uint8, offset=len(header)).reshape(expected.shape)
