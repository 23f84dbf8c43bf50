"""A folder as a source: image and audio files with the same stem are one sample."""

from collections.abc import Iterator
from pathlib import Path
from typing import Self

from producer.group_names import group_of_path
from producer.sample import Sample, Unreadable, read_sample, why
from schemas.errors import DataError
from schemas.printable import printable

MODALITY_OF_SUFFIX = {".png": "image", ".jpg": "image", ".jpeg": "image", ".wav": "audio", ".flac": "audio"}


class FolderSource:
    """Samples of a folder in the order of their stems, which are their ids; they have no labels.

    Reads the folder itself, not those inside it, and only files of a known suffix that do not start with a dot.
    Holds the file names in memory, about 200 bytes each, nothing of their content.
    """

    def __init__(self, path: Path, files: dict[str, dict[str, str]]) -> None:
        self._path = path
        self._files = files  # stem -> modality -> file name

    @classmethod
    def open(cls, path: Path) -> Self:
        """Raises DataError if the folder cannot be read, has no image or audio file, or two of one kind for a stem."""
        files: dict[str, dict[str, str]] = {}
        try:
            names = sorted(entry.name for entry in path.iterdir() if not entry.name.startswith("."))
        except OSError as error:
            raise DataError(f"cannot read the folder {printable(str(path), 200)}: {why(error)}") from error
        for name in names:
            modality = MODALITY_OF_SUFFIX.get(Path(name).suffix.lower())
            if modality is None:
                continue
            sample = files.setdefault(Path(name).stem, {})
            if modality in sample:
                raise DataError(
                    f"expected one {modality} file for each stem, got {printable(sample[modality])} and "
                    f"{printable(name)}; rename one of them"
                )
            sample[modality] = name
        if not files:
            raise DataError(
                f"expected image or audio files ({' '.join(MODALITY_OF_SUFFIX)}) in {printable(str(path), 200)}, "
                "got none; folders inside it are not searched"
            )
        return cls(path, dict(sorted(files.items())))

    @property
    def group(self) -> str:
        return group_of_path(self._path)

    def __len__(self) -> int:
        return len(self._files)

    def __iter__(self) -> Iterator[Sample | Unreadable]:
        for stem, names in self._files.items():
            image, audio = names.get("image"), names.get("audio")
            yield read_sample(
                stem,
                None if image is None else self._path / image,
                None if audio is None else self._path / audio,
                label=None,
            )
