"""The scanned files of a folder here or at a URL: S3 through pyarrow, others through fsspec.

s3:// takes the credentials, region and endpoint (AWS_ENDPOINT_URL) that AWS's own tools take, from the environment, a
profile or the machine's role.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import fsspec
from fsspec.implementations.arrow import ArrowFSWrapper
from pyarrow.fs import S3FileSystem

from mmdigit.files.regular import read_regular
from mmdigit.forms.pages.decoder import MAX_FILE_BYTES, SUFFIXES
from mmdigit.settings.redaction import redact
from schemas.errors import DataError, UnreadableScan
from schemas.printable import printable

_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")


class Scans(Protocol):
    """Files by name, which are read one at a time."""

    names: tuple[str, ...]
    """Relative to the folder, in order."""

    def read(self, name: str) -> bytes:
        """The content of a file. Raises UnreadableScan."""
        ...


def open_scans(place: str, *, recursive: bool = False) -> Scans:
    """The scans at a path or URL: a file, or those in a folder. Raises DataError if there are none."""
    scans: Scans = _RemoteScans(place, recursive) if "://" in place else _LocalScans(Path(place), recursive)
    if not scans.names:
        deeper = "" if recursive else ", or add --recursive"
        raise DataError(f"expected scans ({', '.join(SUFFIXES)}) in {_shown(place)}, got none; name another{deeper}")
    return scans


class _LocalScans:
    def __init__(self, place: Path, recursive: bool) -> None:
        if place.is_dir():
            found = place.rglob("*") if recursive else place.iterdir()
            self._folder = place
            self.names = tuple(sorted(str(path.relative_to(place)) for path in found if _is_scan(path.name)))
        else:
            self._folder, self.names = place.parent, (place.name,)

    def read(self, name: str) -> bytes:
        try:
            return read_regular(self._folder / name, MAX_FILE_BYTES)
        except OSError as exc:
            raise UnreadableScan(f"it cannot be read ({exc.strerror})") from exc


class _RemoteScans:
    def __init__(self, url: str, recursive: bool) -> None:
        try:
            self._files, root = _file_system(url)
            root = root.rstrip("/")
            if self._files.isfile(root):
                self._folder, _, name = root.rpartition("/")
                self.names: tuple[str, ...] = (name,)
                return
            found = self._files.find(root, maxdepth=None if recursive else 1)
        except (OSError, ValueError, ImportError) as exc:
            raise DataError(
                f"expected a folder of scans at {_shown(url)}, got: {_reason(exc)}; check the URL and the access to it"
            ) from exc
        self._folder = root
        self.names = tuple(sorted(path.removeprefix(f"{root}/") for path in found if _is_scan(path)))

    def read(self, name: str) -> bytes:
        path = f"{self._folder}/{name}" if self._folder else name
        try:
            info = self._files.info(path)
            if info["type"] != "file":  # to open a pipe would wait for its writer
                raise UnreadableScan(f"it is no file but of type {_shown(str(info['type']))}")
            if (info["size"] or 0) > MAX_FILE_BYTES:
                raise UnreadableScan(f"it has {info['size']} bytes, more than {MAX_FILE_BYTES}")
            with self._files.open(path, "rb") as file:
                content = b"".join(_parts(file))
        except (OSError, ValueError) as exc:
            raise UnreadableScan(f"it cannot be read ({_reason(exc)})") from exc
        if len(content) > MAX_FILE_BYTES:
            raise UnreadableScan(f"it has more than {MAX_FILE_BYTES} bytes")
        return content


def _parts(file: Any) -> Iterator[bytes]:
    left = MAX_FILE_BYTES + 1
    while left > 0 and (part := file.read(min(left, 1 << 22))):
        left -= len(part)
        yield part


def _file_system(url: str) -> tuple[Any, str]:
    parts = urlsplit(url)
    if parts.scheme != "s3":
        return fsspec.url_to_fs(url)  # type: ignore[no-any-return]
    endpoint = next((value for name in _ENDPOINTS if (value := os.environ.get(name))), None)
    return ArrowFSWrapper(S3FileSystem(endpoint_override=endpoint)), f"{parts.netloc}{parts.path}"


def _is_scan(name: str) -> bool:
    return name.lower().endswith(SUFFIXES)


def _shown(place: str) -> str:
    return printable(redact(place), 200)


def _reason(exc: Exception) -> str:
    return printable(" ".join(str(exc).split()) or type(exc).__name__, 200)
