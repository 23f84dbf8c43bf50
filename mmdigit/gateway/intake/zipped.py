"""The jobs of a zip archive: manifest.csv (docs/use/manifests.md) and the files that it names.

A name in the manifest is looked up among the archive's entries and never opened as a path. What a header says of a
size is believed only as far as it is checked: memory and work are bounded by the limits here, whatever the archive
claims.
"""

import io
import struct
import unicodedata
import zlib
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import BinaryIO, NamedTuple, cast
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from mmdigit.datasets.manifest_rows import COLUMNS, REQUIRED, ManifestRow, manifest_rows
from mmdigit.datasets.paths import is_not_utf8
from mmdigit.datasets.table import SAVE_AS, read_table
from mmdigit.gateway.problems import Problem
from schemas.api import JobSubmission
from schemas.errors import DataError
from schemas.job import MAX_AUDIO_BYTES, MAX_IMAGE_BYTES
from schemas.printable import printable

MANIFEST = "manifest.csv"
MAX_ZIP_BYTES = 64 * 1024 * 1024
MAX_DIRECTORY_BYTES = 4 * 1024 * 1024
"""Of the archive's list of entries, which zipfile turns into objects of 15 times the size: 40,000 to 60,000 entries."""
MAX_MANIFEST_BYTES = 16 * 1024 * 1024
MAX_ROWS = 100_000
_IS_ENCRYPTED = 0x1
_BROKEN = (
    # What zipfile raises for broken archives, besides its own error.
    *(BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError),
    *(ValueError, IndexError, KeyError, OverflowError, struct.error, zlib.error),
)


class ZipJob(NamedTuple):
    """A row of the manifest. line: of the manifest, from 1. id: as it says. job: what it submits, or why it cannot."""

    line: int
    id: str
    job: JobSubmission | str


def zip_jobs(file: BinaryIO, max_unpacked_bytes: int) -> Iterator[ZipJob]:
    """The rows of an archive's manifest, each with its files; a row that cannot be used says why, and stops no other.

    file: seekable, at most MAX_ZIP_BYTES. max_unpacked_bytes: of all files, each as often as it is named.
    Raises Problem (422) before the first row if the archive or its manifest cannot be read as a whole.
    """
    try:
        archive = ZipFile(_BoundedReads(file))
    except _BROKEN as exc:
        raise _invalid(f"got a file that is not a zip archive ({_reason(exc)}); zip the files again") from exc
    with archive:
        entries = _Entries(archive, max_unpacked_bytes)
        manifest = entries.manifest()
        try:
            seen: dict[str, int] = {}
            for row in _rows(manifest):
                _check(row, seen)
            if not seen:
                raise _invalid(f"got a {MANIFEST} without rows; add a row for each sample")
        except DataError as exc:
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(exc)) from exc
        for row in _rows(manifest):
            yield ZipJob(row.line, row.id, _job_of(row, entries))


def _rows(manifest: bytes) -> Iterator[ManifestRow]:
    file = cast(io.BufferedReader, io.BufferedReader(io.BytesIO(manifest)))
    with read_table(file, MANIFEST, COLUMNS, REQUIRED) as table:
        yield from manifest_rows(table)


def _check(row: ManifestRow, seen: dict[str, int]) -> None:
    """Raises DataError if the row spoils the whole manifest. seen: the line of each id."""
    if is_not_utf8(row.id):
        raise DataError(f"{MANIFEST} line {row.line}, column id: expected UTF-8, got {printable(row.id)}; {SAVE_AS}")
    if (first := seen.setdefault(row.id or f" {row.line}", row.line)) != row.line:
        raise DataError(
            f"{MANIFEST} lines {first} and {row.line}, column id: expected each id once, got {printable(row.id)} "
            "twice; make the ids unique"
        )
    if len(seen) > MAX_ROWS:
        raise DataError(f"expected {MANIFEST} to have at most {MAX_ROWS} rows, got more; split it")


def _job_of(row: ManifestRow, entries: "_Entries") -> JobSubmission | str:
    if row.fault is not None:
        return row.fault
    try:
        image = None if row.image is None else entries.read(row.image, "image", MAX_IMAGE_BYTES)
        audio = None if row.audio is None else entries.read(row.audio, "audio", MAX_AUDIO_BYTES)
    except _Unreadable as exc:
        return str(exc)
    return JobSubmission(image=image, audio=audio, expected=row.label)


class _Unreadable(Exception):  # noqa: N818  its message is the row's fault
    """One entry cannot be read."""


class _Entries:
    """The files of an archive, by their names beside the manifest."""

    def __init__(self, archive: ZipFile, max_unpacked_bytes: int) -> None:
        self._archive = archive
        self._max_bytes = self._left_bytes = max_unpacked_bytes
        infos = [info for info in archive.infolist() if not info.filename.endswith("/")]  # is_dir() fails on ""
        found = [
            info
            for info in infos
            if info.filename.rpartition("/")[2].lower() == MANIFEST and not info.filename.startswith("__MACOSX/")
        ]
        if len(found) != 1:
            raise _invalid(f"got {len(found) or 'no'} file of that name; put one {MANIFEST} beside the files it names")
        [self._manifest] = found
        folder = self._manifest.filename.rpartition("/")[0]
        prefix = f"{folder}/" if folder else ""
        self._named: dict[str, ZipInfo | None] = {}  # None: several entries have the name
        for info in infos:
            if info.filename.startswith(prefix):
                name = _normalized(info.filename[len(prefix) :])
                self._named[name] = None if name in self._named else info

    def manifest(self) -> bytes:
        """Raises Problem (422)."""
        try:
            return self._content(self._manifest, MAX_MANIFEST_BYTES)
        except _Unreadable as exc:
            raise _invalid(f"{MANIFEST}: {exc}") from exc

    def read(self, cell: str, column: str, max_bytes: int) -> bytes:
        """The content of the file that a cell names. Raises _Unreadable."""
        name = _normalized(cell.encode("utf-8", "surrogateescape").decode("cp1252", "replace")
                           if is_not_utf8(cell) else cell)  # fmt: skip
        if name not in self._named:
            raise _Unreadable(
                f"column {column}: expected a file of the archive beside {MANIFEST}, got {printable(name)}; add it"
            )
        info = self._named[name]
        if info is None:
            raise _Unreadable(f"column {column}: expected one file {printable(name)}, got several; zip it once")
        try:
            return self._content(info, max_bytes)
        except _Unreadable as exc:
            raise _Unreadable(f"column {column}: {printable(name)}: {exc}") from exc

    def _content(self, info: ZipInfo, max_bytes: int) -> bytes:
        if info.flag_bits & _IS_ENCRYPTED:
            raise _Unreadable("expected a file without a password, got an encrypted one; zip it without")
        if info.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
            raise _Unreadable(f"expected a file stored or deflated, got method {info.compress_type}; zip it so")
        if info.file_size > max_bytes:
            raise _Unreadable(f"expected at most {max_bytes} bytes, got {info.file_size}; send a smaller file")
        # Both sizes: a long stream may unpack to nothing, and costs time all the same.
        self._left_bytes -= info.compress_size + info.file_size
        if self._left_bytes < 0:
            raise _Unreadable(
                f"expected files of at most {self._max_bytes} bytes packed and unpacked, got more; split the archive"
            )
        try:
            with self._archive.open(info) as entry:
                # Never more than the size it claims: zipfile stops there, and what is left fails its checksum.
                content = entry.read(max_bytes + 1)
        except _BROKEN as exc:
            raise _Unreadable(f"expected an intact file, got a broken one ({_reason(exc)}); zip it again") from exc
        if len(content) != info.file_size:
            raise _Unreadable(f"expected {info.file_size} bytes, got {len(content)}; zip it again")
        return content


class _BoundedReads:
    """A file that returns no more at once than the list of entries may have: zipfile reads that in one call, whose size
    the archive chooses."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.seek, self.tell = file.seek, file.tell
        self.seekable: Callable[[], bool] = file.seekable

    def read(self, size: int = -1) -> bytes:
        content = self._file.read(MAX_DIRECTORY_BYTES + 1 if size < 0 else min(size, MAX_DIRECTORY_BYTES + 1))
        if len(content) > MAX_DIRECTORY_BYTES:
            raise BadZipFile(f"a list of entries of more than {MAX_DIRECTORY_BYTES} bytes")
        return content


def _normalized(name: str) -> str:
    """One spelling for names that mean the same: macOS writes a letter and its accent, Windows backslashes."""
    return unicodedata.normalize("NFC", name.strip().replace("\\", "/")).removeprefix("./")


def _invalid(what: str) -> Problem:
    return Problem(
        HTTPStatus.UNPROCESSABLE_ENTITY, f"expected a zip archive with {MANIFEST} and the files it names, {what}"
    )


def _reason(exc: BaseException) -> str:
    return printable(" ".join(str(exc).split()) or type(exc).__name__, 120)
