"""The training, validation and test splits of the data sets, decoded.

Layout of the folder (`--data DIR`, `MMDIGIT_DATA`): `MNIST/raw/*.gz`, `mnist-writers/*.csv.gz`,
`free-spoken-digit-dataset/recordings/`, the folders of RECORDED_SETS, `omniglot/*.zip`, `EMNIST/raw/*.gz`.
The test splits are MNIST's 10,000 test digits and FSDD's recordings 0-4 of each speaker and digit. Validation is taken
from the training sets, by writer and by speaker. No choice is made on a test split.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from mmdigit.datasets import emnist, fsdd
from mmdigit.datasets.fsdd import Recording, Split, list_recordings
from mmdigit.datasets.idx import Part, read_mnist
from mmdigit.datasets.mnist_writers import read_writers
from mmdigit.datasets.omniglot import ARCHIVE, MORE, read_omniglot
from mmdigit.files.regular import read_regular
from mmdigit.reading.audio.normalize import Waveform, read_waveform
from mmdigit.reading.image.normalize import decode_image
from schemas.errors import DataError, InvalidImage, InvalidJob
from schemas.job import MAX_AUDIO_BYTES

VALIDATION_WRITERS = 10  # every tenth writer of MNIST
FOLDS = 5  # of the speakers; the first one is for validation
ALPHABETS: dict[Split, tuple[str, ...]] = {
    "train": ("Balinese", "Early_Aramaic", "Korean"),
    "validation": ("Greek",),
    "test": ("Latin",),
}
MORE_ALPHABETS = ("Japanese_(katakana)", "Sanskrit", "Tagalog")
"""Of the second archive, for training."""


@dataclass(frozen=True)
class RecordedSet:
    """An optional folder of recordings, {digit or word}_{speaker}_{index}.wav or .flac.

    split: whether every fifth speaker is for validation; if not, all are for training. digits: those that it has, none:
    what is no digit.
    """

    folder: str
    source: str
    split: bool = True
    digits: range = range(10)


RECORDED_SETS = (
    RecordedSet("speech-commands-digits", "speech-commands"),
    RecordedSet("speech-commands-more", "speech-commands"),
    RecordedSet("negatives-words", "speech-commands", digits=range(0)),
    RecordedSet("speech-commands/digits", "speech-commands"),
    RecordedSet("speech-commands/words", "speech-commands", digits=range(0)),
    RecordedSet("cs566-digits", "cs566", split=False),
    RecordedSet("audiomnist-part", "audiomnist"),
    RecordedSet("audiomnist", "audiomnist"),
    RecordedSet("laptop-commands", "laptop-commands", split=False, digits=range(1, 6)),
    RecordedSet("laptop-commands/negatives", "laptop-commands", split=False, digits=range(0)),
    RecordedSet("prompts-permissive", "prompts"),
    RecordedSet("kokoro-voices", "kokoro", split=False),  # synthetic
)
"""Besides FSDD."""


@dataclass(frozen=True)
class Clip:
    """One recording. waveform: (n_samples,), 8 kHz, range [-1, 1]; label: None = not a digit; word: what is said in its
    place, "" = a digit, or unknown."""

    waveform: Waveform
    label: int | None
    source: str
    speaker: str
    index: int
    word: str = ""

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

    def join(self, other: Self) -> Self:
        """These digits, then the others."""
        return type(self)(
            np.concatenate([self.images, other.images]),
            np.concatenate([self.labels, other.labels]),
            np.concatenate([self.writers, other.writers]),
        )


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
    """Spoken digits, decoded, and for training words too. The test split is FSDD's official one alone.

    Raises DataError if FSDD is missing or incomplete, or if a clip cannot be read. RECORDED_SETS are optional.
    """
    recordings = folder / fsdd.FOLDER
    all_clips = _read_clips(list_recordings(recordings, fsdd.COUNT), "fsdd")
    clips = [clip for clip in all_clips if fsdd.split_of(clip.index) == split]
    fsdd.require_digits((clip.label for clip in clips), f"the {split} split of {recordings}")
    if split == "test":
        return clips
    for each in RECORDED_SETS:
        if (folder / each.folder).is_dir():
            found = _read_clips(list_recordings(folder / each.folder, digits=each.digits), each.source)
            clips += [clip for clip in found if (each.split and fold_of(clip.speaker) == 0) == (split == "validation")]
    return clips if split == "train" else [clip for clip in clips if clip.label is not None]


def fold_of(speaker: str, folds: int = FOLDS) -> int:
    """The fold that leaves this speaker out, 0 to folds - 1, the same in every set. Fold 0 of FOLDS is validation."""
    return zlib.crc32(speaker.encode()) % folds


def _read_clips(recordings: Sequence[Recording], source: str) -> list[Clip]:
    clips = []
    for each in recordings:
        try:
            waveform = read_waveform(read_regular(each.path, MAX_AUDIO_BYTES))
        except (OSError, InvalidJob) as exc:
            if each.digit < 0 and isinstance(exc, InvalidJob):
                continue  # noise that the worker refuses as silence never reaches the model
            raise DataError(f"expected {each.path} to be a recording, cannot read it ({exc}); restore it") from exc
        label = each.digit if each.digit >= 0 else None
        clips.append(Clip(waveform, label, source, each.speaker, each.index, each.word))
    return clips


def load_glyphs(folder: Path, split: Split) -> NDArray[np.uint8]:
    """Characters of Omniglot, which are not digits, as the decoder returns them: (N, 28, 28), uint8, 255 = ink.

    Each split has its own alphabets. Returns (0, 28, 28) if Omniglot is missing. Raises DataError if it is damaged.
    """
    try:
        more = read_omniglot(folder, MORE_ALPHABETS, MORE) if split == "train" else []
        images = [decode_image(file) for file in (*read_omniglot(folder, ALPHABETS[split]), *more)]
    except InvalidImage as exc:
        raise DataError(f"expected images in {folder / ARCHIVE}, got a damaged one ({exc}); restore it") from exc
    return np.round(np.stack(images) * 255).astype(np.uint8) if images else np.zeros((0, 28, 28), np.uint8)


def load_letters(folder: Path) -> NDArray[np.uint8]:
    """Handwritten letters of EMNIST's test split, for measurements alone; otherwise as load_glyphs."""
    files = [cv2.imencode(".png", image)[1].tobytes() for image in emnist.read_letters(folder)]
    images = [decode_image(file) for file in files]
    return np.round(np.stack(images) * 255).astype(np.uint8) if images else np.zeros((0, 28, 28), np.uint8)
