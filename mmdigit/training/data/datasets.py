"""The data sets: read from a folder, checked, and split into training, validation and test.

Layout of the folder (`--data DIR`, `MMDIGIT_DATA`): `MNIST/raw/*.gz`, `mnist-writers/*.csv.gz`,
`free-spoken-digit-dataset/recordings/`, `speech-commands-digits/`, `cs566-digits/`, `omniglot/*.zip`.
Test splits: MNIST's 10,000 test digits; FSDD's recordings 0-4 of each speaker and digit. Validation is carved from
the training sets, by writer and by speaker, and no choice ever reads a test split.
"""

import csv
import gzip
import hashlib
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mmdigit.files.regular import open_regular, read_regular
from mmdigit.reading.audio.normalize import Waveform, read_waveform
from mmdigit.reading.image.normalize import decode_image
from schemas.errors import DataError, InvalidJob
from schemas.job import MAX_AUDIO_BYTES

Split = Literal["train", "validation", "test"]

MNIST_COUNT = {"train": 60_000, "t10k": 10_000}
# MD5 of the unpacked files, so that a re-compressed copy is right too. The official archives' own MD5, in this order:
# f68b3c2dcbeaaa9fbdd348bbdeb94873, d53e105ee54ea40749a09fcbcd1e9432, 9fb629c4189551a2d022fa330f9573f3,
# ec29112dd5afa0611ce80d1b7f02629c.
MNIST_MD5 = {
    "train-images-idx3-ubyte.gz": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte.gz": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte.gz": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte.gz": "27ae3e4e09519cfbb04c329615203637",
}
MAX_IDX_BYTES = 1024 * 1024 * 1024  # unpacked; MNIST has 47 MB
FSDD_COUNT = 3_000
FSDD_TEST = range(0, 5)  # recording indices, the data set's own test split
FSDD_VALIDATION = range(5, 10)
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


def read_idx(path: Path, md5: str | None = None) -> NDArray[np.uint8]:
    """The array in a gzip-compressed IDX file of bytes.

    md5: of the unpacked file, if it is known. Raises DataError if the file is missing, damaged or another one.
    Source: LeCun, Cortes and Burges, "The MNIST database", file formats.
    """
    try:
        with open_regular(path) as packed, gzip.open(packed) as file:
            content = file.read(MAX_IDX_BYTES + 1)
    except FileNotFoundError as exc:
        raise DataError(f"expected {path}, it is missing; run `mmdigit data download` or name another --data") from exc
    except (OSError, EOFError, zlib.error) as exc:
        raise DataError(f"expected {path} to be a gzip file, it is damaged ({exc}); download it again") from exc
    if len(content) > MAX_IDX_BYTES:
        raise DataError(f"expected {path} to hold at most {MAX_IDX_BYTES} bytes, got more; download it again")
    if len(content) < 8 or content[:3] != b"\x00\x00\x08":
        raise DataError(f"expected {path} to hold an IDX array of bytes, got something else; download it again")
    if md5 is not None and (found := hashlib.md5(content, usedforsecurity=False).hexdigest()) != md5:
        raise DataError(f"expected {path} unpacked with MD5 {md5}, got {found}: it was altered; download it again")
    n_axes = content[3]
    shape = [int.from_bytes(content[4 + 4 * axis : 8 + 4 * axis], "big") for axis in range(n_axes)]
    values = np.frombuffer(content, np.uint8, offset=4 + 4 * n_axes)
    if values.size != int(np.prod(shape)):
        raise DataError(f"expected {path} to hold {shape} values, got {values.size}; download it again")
    return values.reshape(shape)


def load_digits(folder: Path, split: Split) -> Digits:
    """MNIST: test = the official 10,000; validation = every tenth writer of the 60,000; train = the others.

    Raises DataError if a file is missing, damaged or not the expected size.
    """
    part = "t10k" if split == "test" else "train"
    names = (f"{part}-images-idx3-ubyte.gz", f"{part}-labels-idx1-ubyte.gz")
    pictures, read = (read_idx(folder / "MNIST" / "raw" / name, MNIST_MD5.get(name)) for name in names)
    labels = read.astype(np.int64)
    count = MNIST_COUNT[part]
    if pictures.shape != (count, 28, 28) or labels.shape != (count,) or labels.max() > 9:
        raise DataError(f"expected {count} MNIST digits in {folder}, got {pictures.shape}; download them again")
    writers = _writers(folder, part, labels)
    digits = Digits(pictures, labels, writers)
    if split == "test":
        return digits
    # Without the table of writers every tenth digit stands in: a weaker split, but never the test set.
    key = writers if writers[0] >= 0 else np.arange(count)
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
    clips = _read_folder(folder / "free-spoken-digit-dataset" / "recordings", "fsdd", FSDD_COUNT)
    chosen = [clip for clip in clips if _fsdd_split(clip) == split]
    if {clip.label for clip in chosen} != set(range(10)):
        raise DataError(
            f"expected FSDD's {split} recordings of all ten digits in {folder}, some are missing; restore it"
        )
    if split == "test":
        return chosen
    for name, source in (("speech-commands-digits", "speech-commands"), ("cs566-digits", "cs566")):
        if (folder / name).is_dir():
            chosen += [clip for clip in _read_folder(folder / name, source, None) if _small_split(clip) == split]
    return chosen


def _fsdd_split(clip: Clip) -> Split:
    return "test" if clip.index in FSDD_TEST else "validation" if clip.index in FSDD_VALIDATION else "train"


def _small_split(clip: Clip) -> Split:
    """Speech Commands: every fifth speaker, by a checksum of the name; cs566 has two, both kept."""
    held_out = clip.source == "speech-commands" and zlib.crc32(clip.speaker.encode()) % VALIDATION_PART_SPEAKERS == 0
    return "validation" if held_out else "train"


def _read_folder(folder: Path, source: str, expected: int | None) -> list[Clip]:
    paths = sorted(folder.glob("*.wav"))
    if not paths or (expected is not None and len(paths) != expected):
        raise DataError(
            f"expected {expected or 'some'} recordings in {folder}, {len(paths)} are there; "
            "run `mmdigit data download` or name another --data"
        )
    clips = []
    for path in paths:
        try:
            digit, speaker, index = path.stem.split("_")
            clips.append(
                Clip(read_waveform(read_regular(path, MAX_AUDIO_BYTES)), int(digit), source, speaker, int(index))
            )
        except (OSError, ValueError, InvalidJob) as exc:
            raise DataError(f"expected {path} to be a recording {{digit}}_{{speaker}}_{{index}}.wav: {exc}") from exc
    if {clip.label for clip in clips} != set(range(10)):
        raise DataError(f"expected recordings of all ten digits in {folder}, some are missing; restore it")
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
