"""The training, validation and test splits of the data sets, decoded.

Layout of the folder (`--data DIR`, `MMDIGIT_DATA`): `MNIST/raw/*.gz`, `mnist-writers/*.csv.gz`,
`free-spoken-digit-dataset/recordings/`, `speech-commands-digits/`, `cs566-digits/`, `omniglot/*.zip`.
The test splits are MNIST's 10,000 test digits and FSDD's recordings 0-4 of each speaker and digit. Validation is taken
from the training sets, by writer and by speaker. No choice is made on a test split.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from mmdigit.datasets import fsdd
from mmdigit.datasets.fsdd import Recording, Split, list_recordings
from mmdigit.datasets.idx import Part, read_mnist
from mmdigit.datasets.mnist_writers import read_writers
from mmdigit.datasets.omniglot import ARCHIVE, read_omniglot
from mmdigit.files.regular import read_regular
from mmdigit.reading.audio.normalize import Waveform, read_waveform
from mmdigit.reading.image.normalize import decode_image
from schemas.errors import DataError, InvalidImage, InvalidJob
from schemas.job import MAX_AUDIO_BYTES

VALIDATION_WRITERS = 10  # every tenth writer of MNIST
VALIDATION_SPEAKERS = 5  # every fifth speaker of Speech Commands
ALPHABETS: dict[Split, tuple[str, ...]] = {
    "train": ("Balinese", "Early_Aramaic", "Korean"),
    "validation": ("Greek",),
    "test": ("Latin",),
}


@dataclass(frozen=True)
class Clip:
    """One recording. waveform: (n_samples,), 8 kHz, range [-1, 1]; label: None = not a digit."""

    waveform: Waveform
    label: int | None
    source: str
    speaker: str
    index: int

    @property
    def name(self) -> str:
        """The speaker, as SOURCE/SPEAKER."""
        return f"{self.source}/{self.speaker}"


@dataclass(frozen=True)
class Digits:
    """Handwritten digits. images: (N, 28, 28), uint8, 255 = ink; labels: (N,), 0-9; writers: (N,), -1 = unknown."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    writers: NDArray[np.int64]

    def select(self, rows: NDArray[Any]) -> Self:
        """These digits: indices, (M,), or a mask, (N,)."""
        return type(self)(self.images[rows], self.labels[rows], self.writers[rows])


def load_digits(folder: Path, split: Split) -> Digits:
    """MNIST: test = the official 10,000; validation = every tenth writer of the 60,000; train = the others.

    Raises DataError if a file is missing, damaged or altered.
    """
    part: Part = "t10k" if split == "test" else "train"
    images, raw_labels = read_mnist(folder, part)
    labels = raw_labels.astype(np.int64)
    writers = read_writers(folder, part, labels)
    digits = Digits(images, labels, writers)
    if split == "test":
        return digits
    # Without the table of writers, take every tenth digit: a weaker split, but never the test set.
    groups = writers if writers[0] >= 0 else np.arange(labels.size)
    validation = groups % VALIDATION_WRITERS == 0
    return digits.select(validation if split == "validation" else ~validation)


def load_clips(folder: Path, split: Split) -> list[Clip]:
    """Spoken digits, decoded. The test split is FSDD's official one alone.

    Raises DataError if FSDD is missing or incomplete, or if a clip cannot be read. The two smaller sets are optional.
    """
    recordings = folder / fsdd.FOLDER
    all_clips = _read_clips(list_recordings(recordings, fsdd.COUNT), "fsdd")
    clips = [clip for clip in all_clips if fsdd.split_of(clip.index) == split]
    fsdd.require_all_digits((clip.label for clip in clips), f"the {split} split of {recordings}")
    if split == "test":
        return clips
    for name, source in (("speech-commands-digits", "speech-commands"), ("cs566-digits", "cs566")):
        if (folder / name).is_dir():
            clips += [
                clip for clip in _read_clips(list_recordings(folder / name), source) if _split_of_speaker(clip) == split
            ]
    return clips


def _split_of_speaker(clip: Clip) -> Split:
    """Speech Commands: validation is every fifth speaker, by a checksum of the name. cs566: both speakers train."""
    validation = clip.source == "speech-commands" and zlib.crc32(clip.speaker.encode()) % VALIDATION_SPEAKERS == 0
    return "validation" if validation else "train"


def _read_clips(recordings: Sequence[Recording], source: str) -> list[Clip]:
    clips = []
    for each in recordings:
        try:
            waveform = read_waveform(read_regular(each.path, MAX_AUDIO_BYTES))
        except (OSError, InvalidJob) as exc:
            raise DataError(f"expected {each.path} to be a recording, cannot read it ({exc}); restore it") from exc
        clips.append(Clip(waveform, each.digit, source, each.speaker, each.index))
    return clips


def load_glyphs(folder: Path, split: Split) -> NDArray[np.uint8]:
    """Characters of Omniglot, which are not digits, as the decoder returns them: (N, 28, 28), uint8, 255 = ink.

    Each split has its own alphabets. Returns (0, 28, 28) if Omniglot is missing. Raises DataError if it is damaged.
    """
    try:
        images = [decode_image(file) for file in read_omniglot(folder, ALPHABETS[split])]
    except InvalidImage as exc:
        raise DataError(f"expected images in {folder / ARCHIVE}, got a damaged one ({exc}); restore it") from exc
    return np.round(np.stack(images) * 255).astype(np.uint8) if images else np.zeros((0, 28, 28), np.uint8)
