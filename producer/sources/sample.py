"""The interface of a source, and what it yields: samples, and an error line for each one that cannot be sent."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mmdigit.files.regular import read_regular
from schemas.job import MAX_AUDIO_BYTES, MAX_IMAGE_BYTES
from schemas.printable import printable

MODALITY_MAX_BYTES = {"image": MAX_IMAGE_BYTES, "audio": MAX_AUDIO_BYTES}


@dataclass(frozen=True, slots=True)
class Sample:
    """One image and/or one audio clip, before it becomes a job. sample_id: any text, unique in its source."""

    sample_id: str
    image: bytes | None
    audio: bytes | None
    label: int | None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """One sample that cannot be sent. reason: a line for the user."""

    sample_id: str
    reason: str


class Source(Protocol):
    """Samples in a stable order. Can be iterated again.

    Iteration reads files one by one, so that memory does not grow.
    """

    @property
    def group(self) -> str:
        """The default group of the jobs; the same in every run."""
        ...

    def __len__(self) -> int:
        """How many samples the source yields, unreadable ones included."""
        ...

    def __iter__(self) -> Iterator[Sample | Unreadable]: ...


class NamedSource(Source, Protocol):
    """A source that a user named, with its warnings."""

    @property
    def warnings(self) -> list[str]:
        """Lines for the user about the source as a whole; by default none."""
        return []

    @property
    def left_out(self) -> int:
        """How many files and folders of the source are not samples; the warnings name them. By default 0."""
        return 0


def read_sample(sample_id: str, image: Path | None, audio: Path | None, label: int | None) -> Sample | Unreadable:
    """The sample in these files, or the reason why it cannot be sent."""
    try:
        return Sample(
            sample_id,
            None if image is None else _read(image, "image"),
            None if audio is None else _read(audio, "audio"),
            label,
        )
    except _ReadError as error:
        return Unreadable(sample_id, str(error))


def _reason(error: Exception) -> str:
    """The message of a file error, without the file's name, which may be long and hold any characters."""
    return printable(error.strerror if isinstance(error, OSError) and error.strerror else str(error), 200)


class _ReadError(Exception):
    """Stays within this module."""


def _read(path: Path, modality: str) -> bytes:
    max_bytes = MODALITY_MAX_BYTES[modality]
    shown = printable(str(path), 200)
    try:
        content = read_regular(path, max_bytes)
    except OSError as error:
        raise _ReadError(f"cannot read {modality} {shown}: {_reason(error)}") from error
    if not content:
        raise _ReadError(f"{modality} {shown} is empty")
    return content
