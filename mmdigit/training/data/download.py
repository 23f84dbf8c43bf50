"""Fetch MNIST and the Free Spoken Digit Dataset from their public addresses: checked, resumable, with a progress bar.

What has been tried: the transfer, its resumption and the checks, against a local HTTP server; the checksums of the
unpacked MNIST files, against files already at hand. What has not: the public addresses themselves, for which a network
is needed. FSDD's archive has no published checksum; its recordings are counted and each must be readable instead.
"""

import gzip
import hashlib
import http
import http.client
import os
import sys
import tarfile
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from mmdigit.training.data.datasets import FSDD_COUNT, MNIST_MD5
from schemas.errors import DataError

CHUNK_BYTES = 64 * 1024
MAX_FILE_BYTES = 200 * 1024 * 1024
TIMEOUT_S = 30.0
TRIES = 3  # of one address; each goes on where the one before broke off


@dataclass(frozen=True)
class Source:
    """One file: where it lies, where it goes, and the MD5 of what is inside it, if known.

    urls: tried in this order.
    """

    urls: tuple[str, ...]
    path: str
    unpacked_md5: str | None


MNIST_ADDRESSES = (
    "https://ossci-datasets.s3.amazonaws.com/mnist",
    "https://storage.googleapis.com/cvdf-datasets/mnist",
)


MNIST = tuple(
    Source(tuple(f"{address}/{name}" for address in MNIST_ADDRESSES), f"MNIST/raw/{name}", md5)
    for name, md5 in MNIST_MD5.items()
)
FSDD = Source(
    ("https://github.com/Jakobovski/free-spoken-digit-dataset/archive/refs/tags/v1.0.10.tar.gz",),
    "fsdd-v1.0.10.tar.gz",
    None,
)
RECORDINGS = "free-spoken-digit-dataset/recordings"


def run(folder: Path) -> None:
    """`mmdigit data download`: whatever is there and right is left alone. Raises DataError."""
    download(folder, MNIST, FSDD)
    sys.stdout.write(f"MNIST and the Free Spoken Digit Dataset are in {folder}\n")


def download(folder: Path, mnist: Sequence[Source], fsdd: Source) -> None:
    """Fetch what is missing. Raises DataError if it cannot be reached, or is not what was expected."""
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    ) as progress:
        for source in mnist:
            path = folder / source.path
            if not (path.exists() and unpacked_md5(path) == source.unpacked_md5):
                fetch(source, path, _bar(progress, path.name))
        if len(list((folder / RECORDINGS).glob("*.wav"))) != FSDD_COUNT:
            archive = folder / fsdd.path
            if not archive.exists():
                fetch(fsdd, archive, _bar(progress, archive.name))
            _unpack(archive, folder / RECORDINGS)
            archive.unlink()


def _bar(progress: Progress, name: str) -> Callable[[int, int | None], None]:
    task = progress.add_task(name, total=None)
    return lambda done, total: progress.update(task, completed=done, total=total)


def fetch(source: Source, path: Path, advance: Callable[[int, int | None], None]) -> None:
    """Fetch one file to path, going on where an earlier, broken-off transfer left `path.partial`.

    advance: called with the bytes done and, if known, in all. Raises DataError.
    """
    partial = path.with_name(f"{path.name}.partial")
    failures: list[str] = []
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for url in source.urls:
            for _ in range(TRIES):
                try:
                    _transfer(url, partial, advance)
                except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as exc:
                    failures.append(f"{url}: {exc}")
                    continue
                if source.unpacked_md5 is None or unpacked_md5(partial) == source.unpacked_md5:
                    partial.replace(path)
                    return
                failures.append(f"{url}: its content is not what was expected (MD5)")
                partial.unlink()  # whatever it was, going on from it would not help
    except OSError as exc:
        raise DataError(f"expected to write {path}, that failed ({exc.strerror or exc}); check --data") from exc
    raise DataError(
        f"expected {path.name} from the network, it did not come ({failures[-1]}); "
        "check the connection and run it again: it goes on where it stopped"
    )


def _transfer(url: str, partial: Path, advance: Callable[[int, int | None], None]) -> None:
    """Append to partial what of the file is missing. Raises what urllib raises, IncompleteRead if it breaks off."""
    done = partial.stat().st_size if partial.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={done}-"} if done else {})  # noqa: S310 - constants
    try:
        response = urllib.request.urlopen(request, timeout=TIMEOUT_S)  # noqa: S310 - constants, http or https
    except urllib.error.HTTPError as exc:
        exc.close()
        if exc.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and done:
            partial.unlink()  # longer than the file, or whole already but wrong: begin again
        raise
    with response, partial.open("ab") as file:
        if done and response.status != http.HTTPStatus.PARTIAL_CONTENT:
            file.truncate(0)  # the server sends the whole file again
            done = 0
        length = response.headers.get("Content-Length")
        total = done + int(length) if length and length.isdigit() else None
        while chunk := response.read(CHUNK_BYTES):
            done += len(chunk)
            if done > MAX_FILE_BYTES:
                raise http.client.HTTPException(f"expected at most {MAX_FILE_BYTES} bytes, got more")
            file.write(chunk)
            advance(done, total)
        file.flush()
        os.fsync(file.fileno())
    if total is not None and done < total:
        raise http.client.IncompleteRead(b"", total - done)


def unpacked_md5(path: Path) -> str:
    """MD5 of what a gzip file holds, in hexadecimal; "" if it is damaged."""
    digest = hashlib.md5(usedforsecurity=False)
    try:
        with gzip.open(path) as file:
            while chunk := file.read(CHUNK_BYTES):
                digest.update(chunk)
    except (OSError, EOFError, zlib.error):
        return ""
    return digest.hexdigest()


def _unpack(archive: Path, recordings: Path) -> None:
    """The recordings of FSDD's archive, and nothing else of it. Raises DataError if they are not all there."""
    recordings.mkdir(parents=True, exist_ok=True)
    count = 0
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for member in tar:
                name = Path(member.name)
                if member.isfile() and name.suffix == ".wav" and name.parent.name == "recordings":
                    file = tar.extractfile(member)
                    if file is not None and member.size <= MAX_FILE_BYTES:
                        (recordings / name.name).write_bytes(file.read())
                        count += 1
    except (tarfile.TarError, OSError, EOFError, zlib.error) as exc:
        archive.unlink()
        raise DataError(f"expected FSDD's archive, got a damaged one ({exc}); run the download again") from exc
    if count != FSDD_COUNT:
        archive.unlink()
        raise DataError(f"expected {FSDD_COUNT} recordings in FSDD's archive, got {count}; run the download again")
