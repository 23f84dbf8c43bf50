"""Reads the wanted files of an untrusted archive, within limits of size, number and memory; writes none."""

import gzip
import tarfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, cast

from schemas.errors import DataError
from schemas.printable import printable

MAX_MEMBERS = 200_000
MAX_READ_BYTES = 16 * 1024 * 1024  # of one file, and of one header


def members(
    archive: Path, max_bytes: int, wanted: Callable[[str], bool], show: Callable[[int], None] = lambda n_bytes: None
) -> Iterator[tuple[str, bytes]]:
    """Name and content of each wanted file of a .tar.gz; links, devices and sparse files never are.

    A name may be anything: take it apart, never open it as a path. max_bytes: of the whole archive, unpacked. show:
    gets the bytes of the packed archive that are read. Raises DataError if the archive is damaged or exceeds a limit,
    at the latest behind the last file: until then, a file may be wrong.
    """
    try:
        with (
            archive.open("rb") as packed,
            gzip.open(packed) as file,
            tarfile.open(fileobj=cast(IO[bytes], content := _Bounded(file, max_bytes)), mode="r:") as tar,
        ):
            for number, member in enumerate(tar):
                if number == MAX_MEMBERS:
                    raise ValueError(f"more than {MAX_MEMBERS} files")
                plain = member.isreg() and not member.issparse()  # a sparse file unpacks to any size
                found = tar.extractfile(member) if plain and wanted(member.name) else None
                if found is not None:
                    if member.size > MAX_READ_BYTES:
                        raise ValueError(f"more than {MAX_READ_BYTES} bytes in one file")
                    yield member.name, found.read(member.size)
                show(packed.tell())
            while content.read(MAX_READ_BYTES):  # the padding, and the checksum behind it
                pass
    except (tarfile.TarError, OSError, EOFError, zlib.error, ValueError, RecursionError) as exc:
        why = printable(str(exc), 200)
        raise DataError(f"expected {archive.name} whole, got a damaged one ({why}); run the download again") from exc


class _Bounded:
    """What tarfile needs of a file. Raises ValueError instead of reading beyond the limits, whatever headers say."""

    def __init__(self, file: gzip.GzipFile, max_bytes: int) -> None:
        self._file = file
        self._max_bytes = max_bytes

    def read(self, size: int) -> bytes:
        if not 0 <= size <= MAX_READ_BYTES:
            raise ValueError(f"more than {MAX_READ_BYTES} bytes in a header")
        content = self._file.read(size)
        self._check(self.tell())
        return content

    def seek(self, offset: int) -> int:
        self._check(offset)
        if offset < self.tell() - 1:  # an archive is read once, from its beginning to its end
            raise ValueError("a file of negative size")
        return self._file.seek(offset)

    def tell(self) -> int:
        return self._file.tell()

    def _check(self, n_bytes: int) -> None:
        if n_bytes > self._max_bytes:
            raise ValueError(f"more than {self._max_bytes} bytes unpacked")
