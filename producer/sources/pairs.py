"""Random pairs as a source: an MNIST image and a Free Spoken Digit recording of the same digit."""

import io
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mmdigit.datasets import fsdd
from mmdigit.datasets.idx import Part, read_mnist
from producer.settings import Split
from producer.sources.sample import NamedSource, Sample, Unreadable, read_sample

DEFAULT_COUNT = 10_000

_MNIST_PARTS: dict[Split, Part] = {"test": "t10k", "train": "train"}


class PairsSource(NamedSource):
    """Labelled pairs of the same digit, drawn by a seed. A longer run begins with the pairs of a shorter one.

    Every image is drawn once before any is drawn again. Images are sent as PNG, recordings as the WAV files they are.
    Holds the split's images in memory (8 MB for test, 47 MB for train).
    """

    def __init__(
        self,
        images: NDArray[np.uint8],
        labels: NDArray[np.uint8],
        recordings: Sequence[Sequence[Path]],
        split: Split,
        seed: int,
        count: int,
    ) -> None:
        """images: (N, 28, 28), 255 = ink; labels: (N,), 0-9; recordings: at least one path for each digit."""
        self._images = images
        self._labels = labels.tolist()
        self._recordings = recordings
        self._split = split
        self._seed = seed
        self._count = count

    @classmethod
    def open(cls, path: Path, split: Split, seed: int, count: int | None) -> Self:
        """The test split has the data sets' own test images and recordings, the train split all others.

        Raises DataError if a file of either data set is missing or altered.
        """
        images, labels = read_mnist(path, _MNIST_PARTS[split])
        recordings: list[list[Path]] = [[] for _ in range(10)]
        for recording in fsdd.list_recordings(path / fsdd.FOLDER):
            if (fsdd.split_of(recording.index) == "test") == (split == "test"):
                recordings[recording.digit].append(recording.path)
        present = [digit for digit, paths in enumerate(recordings) if paths]
        fsdd.require_digits(present, f"the {split} split of {path / fsdd.FOLDER}")
        return cls(images, labels, recordings, split, seed, count or DEFAULT_COUNT)

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
        png = io.BytesIO()
        Image.fromarray(self._images[index]).save(png, "PNG")
        return png.getvalue()
