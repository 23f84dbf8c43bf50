"""Random pairs as a source: an MNIST image with a Free Spoken Digit recording of the same digit."""

import gzip
import io
import random
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from PIL import Image

from mmdigit.files.regular import open_regular
from producer.settings import Split
from producer.sources.sample import Sample, Unreadable, read_sample, why
from schemas.errors import DataError
from schemas.printable import printable

DEFAULT_COUNT = 10_000
SIDE_PIXELS = 28
PIXELS = SIDE_PIXELS * SIDE_PIXELS
TEST_RECORDING_INDICES = range(5)
"""Of each speaker and digit. Source: the data set's README, "Usage"."""

_MNIST_FILES: dict[Split, str] = {"test": "t10k", "train": "train"}
_MNIST_IMAGES: dict[Split, int] = {"test": 10_000, "train": 60_000}
_IMAGES_MAGIC, _LABELS_MAGIC = 2051, 2049
_RECORDING = re.compile(r"(?P<digit>[0-9])_(?P<speaker>[A-Za-z0-9]+)_(?P<index>[0-9]+)\.wav")


class PairsSource:
    """Same-digit pairs with their label, drawn by a seed: a longer run starts with the pairs of a shorter one.

    Every image comes once before any comes again. Images are sent as PNG, recordings as the WAV files they are.
    Holds the split's images in memory (8 MB for test, 47 MB for train).
    """

    def __init__(
        self, images: bytes, labels: bytes, recordings: list[list[Path]], split: Split, seed: int, count: int
    ) -> None:
        self._images = images  # uint8, (n_images, 28, 28)
        self._labels = labels  # uint8, (n_images,)
        self._recordings = recordings  # by digit
        self._split = split
        self._seed = seed
        self._count = count

    @classmethod
    def open(cls, path: Path, split: Split, seed: int, count: int | None) -> Self:
        """Raises DataError if a file of either data set is missing or altered."""
        raw, n_images = path / "MNIST" / "raw", _MNIST_IMAGES[split]
        images = _idx(raw / f"{_MNIST_FILES[split]}-images-idx3-ubyte.gz", _IMAGES_MAGIC, (n_images, 28, 28))
        labels = _idx(raw / f"{_MNIST_FILES[split]}-labels-idx1-ubyte.gz", _LABELS_MAGIC, (n_images,))
        recordings = _recordings(path / "free-spoken-digit-dataset" / "recordings", split)
        return cls(images, labels, recordings, split, seed, count or DEFAULT_COUNT)

    @property
    def warnings(self) -> list[str]:
        return []

    @property
    def left_out(self) -> int:
        return 0

    @property
    def group(self) -> str:
        return f"pairs-{self._split}-{self._seed}"

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Sample | Unreadable]:
        draw = random.Random(self._seed)  # noqa: S311 (which pairs, not a secret)
        order: list[int] = []
        for number in range(self._count):
            if not order:
                order = list(range(len(self._labels)))
                draw.shuffle(order)
            index = order.pop()
            label = self._labels[index]
            sample = read_sample(f"pair-{number:06}", None, draw.choice(self._recordings[label]), label)
            if isinstance(sample, Sample):
                yield Sample(sample.sample_id, self._png(index), sample.audio, label)
            else:
                yield sample

    def _png(self, index: int) -> bytes:
        pixels = self._images[index * PIXELS : (index + 1) * PIXELS]
        png = io.BytesIO()
        Image.frombytes("L", (SIDE_PIXELS, SIDE_PIXELS), pixels).save(png, "PNG")
        return png.getvalue()


def _idx(path: Path, magic: int, shape: tuple[int, ...]) -> bytes:
    """The unsigned bytes of a gzip-compressed IDX file of that shape.

    Source: "The IDX file format" on the MNIST database's page: a big-endian magic number, each dimension, the data.
    """
    header = b"".join(number.to_bytes(4, "big") for number in (magic, *shape))
    n_bytes = 1
    for length in shape:
        n_bytes *= length
    try:
        with open_regular(path) as packed, gzip.open(packed) as file:
            content = file.read(len(header) + n_bytes + 1)
    except FileNotFoundError as error:
        raise _missing(path) from error
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{printable(str(path), 200)} cannot be read ({why(error)}); download it again") from error
    if not content.startswith(header) or len(content) != len(header) + n_bytes:
        raise DataError(f"{printable(str(path), 200)} is not the MNIST file of that name; download it again")
    return content[len(header) :]


def _recordings(path: Path, split: Split) -> list[list[Path]]:
    """The split's recordings, by digit, in the order of their names."""
    by_digit: list[list[Path]] = [[] for _ in range(10)]
    try:
        names = sorted(entry.name for entry in path.iterdir())
    except OSError as error:
        raise _missing(path) from error
    for name in names:
        found = _RECORDING.fullmatch(name)
        if found and (int(found["index"]) in TEST_RECORDING_INDICES) == (split == "test"):
            by_digit[int(found["digit"])].append(path / name)
    if not all(by_digit):
        raise _missing(path / f"{by_digit.index([])}_<speaker>_<index>.wav")
    return by_digit


def _missing(path: Path) -> DataError:
    return DataError(
        f"expected {printable(str(path), 200)}; pairs:DIR needs MNIST/raw/*.gz and "
        "free-spoken-digit-dataset/recordings/ in DIR, which mmdigit data download fetches"
    )
