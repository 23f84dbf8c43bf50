"""The data sets: decoded, and split into training, validation and test.

Layout of the folder (`--data DIR`, `MMDIGIT_DATA`): `MNIST/raw/*.gz`, `mnist-writers/*.csv.gz`,
`free-spoken-digit-dataset/recordings/`, `speech-commands-digits/`, `cs566-digits/`, `omniglot/*.zip`.
Test splits: MNIST's 10,000 test digits; FSDD's recordings 0-4 of each speaker and digit. Validation is carved from
the training sets, by writer and by speaker, and no choice ever reads a test split.
"""

import csv
import gzip
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmdigit.datasets import fsdd
from mmdigit.datasets.fsdd import Recording, Split, list_recordings
from mmdigit.datasets.idx import Part, read_mnist
from mmdigit.files.regular import open_regular, read_regular
from mmdigit.reading.audio.normalize import Waveform, read_waveform
from mmdigit.reading.image.normalize import decode_image
from schemas.errors import DataError, InvalidJob
from schemas.job import MAX_AUDIO_BYTES

VALIDATION_PART = 10  # every tenth writer of MNIST
VALIDATION_PART_SPEAKERS = 5  # every fifth speaker of Speech Commands
NEGATIVE_ALPHABETS: dict[Split, tuple[str, ...]] = {
    "train": ("Balinese", "Early_Aramaic", "Korean"),
    "validation": ("Greek",),
    "test": ("Latin",),
}


@dataclass(frozen=True)
class Clip:
    """One recording. waveform: (n_samples,), 8 kHz, range [-1, 1]; label None = not a digit."""

    waveform: Waveform
    label: int | None
    source: str
    speaker: str
    index: int

    @property
    def name(self) -> str:
        """Whose recording it is: SOURCE/SPEAKER."""
        return f"{self.source}/{self.speaker}"


@dataclass(frozen=True)
class Digits:
    """Handwritten digits. pictures: (N, 28, 28), uint8, 255 = ink; labels: (N,), 0-9; writers: (N,), -1 = unknown."""

    pictures: NDArray[np.uint8]
    labels: NDArray[np.int64]
    writers: NDArray[np.int64]

    def take(self, chosen: NDArray[np.bool_]) -> "Digits":
        return Digits(self.pictures[chosen], self.labels[chosen], self.writers[chosen])


def load_digits(folder: Path, split: Split) -> Digits:
    """MNIST: test = the official 10,000; validation = every tenth writer of the 60,000; train = the others.

    Raises DataError if a file is missing, damaged or altered.
    """
    part: Part = "t10k" if split == "test" else "train"
    pictures, read = read_mnist(folder, part)
    labels = read.astype(np.int64)
    writers = _writers(folder, part, labels)
    digits = Digits(pictures, labels, writers)
    if split == "test":
        return digits
    # Without the table of writers every tenth digit stands in: a weaker split, but never the test set.
    key = writers if writers[0] >= 0 else np.arange(labels.size)
    held_out = key % VALIDATION_PART == 0
    return digits.take(held_out if split == "validation" else ~held_out)


def _writers(folder: Path, part: str, labels: NDArray[np.int64]) -> NDArray[np.int64]:
    path = folder / "mnist-writers" / f"{'test' if part == 't10k' else 'train'}.csv.gz"
    if not path.exists():
        return np.full(labels.size, -1, np.int64)
    try:
        with open_regular(path) as packed, gzip.open(packed, "rt", newline="") as file:
            rows = [(int(row["index"]), int(row["label"]), int(row["writer"])) for row in csv.DictReader(file)]
        table = np.array(sorted(rows), np.int64)
    except (OSError, EOFError, zlib.error, KeyError, ValueError, TypeError, OverflowError, csv.Error) as exc:
        raise DataError(f"expected {path} to be a table index,label,writer, it is damaged ({exc}); restore it") from exc
    if table.shape != (labels.size, 3) or not bool((table[:, 1] == labels).all()):
        raise DataError(f"expected {path} to match the MNIST labels, it does not; restore it")
    return table[:, 2]


def load_spoken(folder: Path, split: Split) -> list[Clip]:
    """Spoken digits, decoded. Test holds FSDD's official test split alone.

    Raises DataError if FSDD is missing or incomplete or a clip cannot be read; the two smaller sets are optional.
    """
    recordings = folder / fsdd.FOLDER
    clips = _read_clips(list_recordings(recordings, fsdd.COUNT), "fsdd")
    chosen = [clip for clip in clips if fsdd.split_of(clip.index) == split]
    fsdd.require_all_digits((clip.label for clip in chosen), f"the {split} split of {recordings}")
    if split == "test":
        return chosen
    for name, source in (("speech-commands-digits", "speech-commands"), ("cs566-digits", "cs566")):
        if (folder / name).is_dir():
            clips = _read_clips(list_recordings(folder / name), source)
            chosen += [clip for clip in clips if _small_split(clip) == split]
    return chosen


def _small_split(clip: Clip) -> Split:
    """Speech Commands: every fifth speaker, by a checksum of the name; cs566 has two, both kept."""
    held_out = clip.source == "speech-commands" and zlib.crc32(clip.speaker.encode()) % VALIDATION_PART_SPEAKERS == 0
    return "validation" if held_out else "train"


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
    """Characters that are no digits, as the decoder gives them: (N, 28, 28), uint8, 255 = ink.

    Each split has alphabets of its own. Returns (0, 28, 28) if Omniglot is not there.
    """
    path = folder / "omniglot" / "images_background_small1.zip"
    if not path.exists():
        return np.zeros((0, 28, 28), np.uint8)
    try:
        with open_regular(path) as file, zipfile.ZipFile(file) as archive:
            names = sorted(
                name
                for name in archive.namelist()
                if name.endswith(".png") and any(f"{part}/" in name for part in NEGATIVE_ALPHABETS[split])
            )
            pictures = [decode_image(archive.read(name)) for name in names]
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, OSError, EOFError, InvalidJob) as exc:
        raise DataError(f"expected {path} to be the Omniglot archive, it is damaged ({exc}); restore it") from exc
    if not pictures:
        raise DataError(f"expected the alphabets {NEGATIVE_ALPHABETS[split]} in {path}, none is there; restore it")
    return np.round(np.stack(pictures) * 255).astype(np.uint8)
