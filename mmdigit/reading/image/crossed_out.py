"""Detects crossed-out digits with a small network that reads the same 28x28 image as the model.

Two convolutions of stride 2 and two dense layers, about 30,000 weights, in NumPy: a twentieth of the model's work.
mmdigit/training/fit/crossed_out.py trains it. Barred sevens and slashed zeros do not count as crossed out.
"""

import hashlib
import io
import zipfile
import zlib
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from mmdigit.files.regular import read_regular
from mmdigit.reading.image.pixels import Grey
from schemas.errors import WeightsError

WEIGHTS = Path(__file__).parents[1] / "weights" / "crossed_out.npz"
SHA256 = "1c19333407aa269616187799e20071226118dc12b3d0547d80a87e3d5a53c962"
"""Of WEIGHTS; mmdigit.training.fit.crossed_out prints the SHA-256 of the file that it writes."""
MAX_BYTES = 1024 * 1024  # the shipped file has 60 KB
CHUNK_SIZE = 16
"""Images at once: their windows take 300 KB. Each image has matrix products of its own: larger ones would wake OpenBLAS
threads, whose spinning doubles the CPU time of a job."""
FIRST, SECOND, HIDDEN = 16, 32, 32  # channels of the convolutions, width of the dense layer
SHAPES = {
    "first": (25, FIRST),
    "first_bias": (FIRST,),
    "second": (9 * FIRST, SECOND),
    "second_bias": (SECOND,),
    "hidden": (25 * SECOND, HIDDEN),
    "hidden_bias": (HIDDEN,),
    "last": (HIDDEN,),
    "last_bias": (),
}


class CrossedOutDetector:
    """The network with its weights, named and shaped as in SHAPES."""

    def __init__(self, weights: dict[str, NDArray[np.float32]]) -> None:
        for name, shape in SHAPES.items():
            if name not in weights or weights[name].shape != shape:
                got = weights[name].shape if name in weights else "none"
                raise WeightsError(f"expected weights {name} of shape {shape}, got {got}; restore the file")
        self._weights = {name: np.ascontiguousarray(weights[name], np.float32) for name in SHAPES}

    @classmethod
    def load(cls, path: Path = WEIGHTS, sha256: str = SHA256) -> Self:
        """Raises WeightsError if the file cannot be read, has another SHA-256, or holds something else."""
        try:
            content = read_regular(path, MAX_BYTES)
        except OSError as exc:
            raise WeightsError(f"expected weights at {path}, got an error ({exc.strerror}); restore the file") from exc
        got = hashlib.sha256(content).hexdigest()
        if got != sha256:
            raise WeightsError(f"expected {path} with SHA-256 {sha256}, got {got}; restore the file")
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as stored:
                weights = {name: stored[name].astype(np.float32) for name in SHAPES if name in stored}
        except (EOFError, TypeError, ValueError, zipfile.BadZipFile, zlib.error) as exc:
            raise WeightsError(f"expected {path} to hold weights, got {type(exc).__name__}; restore the file") from exc
        return cls(weights)

    def detect(self, images: Grey) -> NDArray[np.bool_]:
        """Whether each image shows a crossed-out digit, (B,). images: (B, 28, 28), range [0, 1], 1 = ink."""
        return self.logits(images) > 0

    def logits(self, images: Grey) -> NDArray[np.float32]:
        """(B,): above 0 if the digit is crossed out; training shifts the bias so that 0 is the threshold."""
        chunks = [self._logits(images[start : start + CHUNK_SIZE]) for start in range(0, len(images), CHUNK_SIZE)]
        return np.concatenate([np.zeros(0, np.float32), *chunks])

    def _logits(self, images: Grey) -> NDArray[np.float32]:
        weights = self._weights
        maps = _convolve(images[..., None], 5, weights["first"], weights["first_bias"])  # (B, 12, 12, FIRST)
        maps = _convolve(maps, 3, weights["second"], weights["second_bias"])  # (B, 5, 5, SECOND)
        hidden = _dense(maps.reshape(len(images), 1, -1), weights["hidden"], weights["hidden_bias"])  # (B, 1, HIDDEN)
        return np.asarray(hidden[:, 0] @ weights["last"] + weights["last_bias"], np.float32)


def _convolve(maps: Grey, side: int, kernel: NDArray[np.float32], bias: NDArray[np.float32]) -> Grey:
    """Convolution of stride 2 without padding, then ReLU. maps: (B, H, W, C). kernel: (side * side * C, channels)."""
    count, height, width, channels = maps.shape
    rows, columns = (height - side) // 2 + 1, (width - side) // 2 + 1
    down, right = maps.strides[1:3]
    windows = np.lib.stride_tricks.as_strided(
        maps,
        (count, rows, columns, side, side, channels),
        (maps.strides[0], 2 * down, 2 * right, down, right, maps.strides[3]),
        writeable=False,
    )
    sums = _dense(windows.reshape(count, rows * columns, side * side * channels), kernel, bias)
    return sums.reshape(count, rows, columns, -1)


def _dense(rows: Grey, weights: NDArray[np.float32], bias: NDArray[np.float32]) -> Grey:
    """A dense layer with ReLU, by one matrix product for each image. rows: (B, N, C). weights: (C, channels)."""
    sums: Grey = np.matmul(rows, weights)
    sums += bias
    np.maximum(sums, 0, out=sums)
    return sums
