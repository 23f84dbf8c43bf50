"""`mmdigit data download`: fetches MNIST and the Free Spoken Digit Dataset with pooch, and checks them.

pooch (BSD-3-Clause) retries, checks the SHA-256 of each archive and leaves no partial file behind. It does not resume:
it starts an interrupted file again. The largest has 16 MB.

MNIST's archives are checked both packed and unpacked. GitHub makes FSDD's archive on demand and its bytes may change:
the recordings in it are checked instead. Tested: transfers from a local HTTP server, and all checksums against existing
files. Not tested: the public addresses, which need a network.
"""

import gzip
import io
import logging
import sys
import tarfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pooch
import requests
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from mmdigit.datasets import fsdd, idx
from schemas.errors import DataError
from schemas.printable import printable

CHUNK_BYTES = 64 * 1024
MAX_FILE_BYTES = 200 * 1024 * 1024  # of an archive, packed and unpacked
TIMEOUT_S = 30.0
RETRIES = 2  # of each address, after 1 s and after 2 s


@dataclass(frozen=True)
class Source:
    """One file to fetch. urls: tried in this order. sha256: of the file as it is transferred; None = not known."""

    urls: tuple[str, ...]
    sha256: str | None


MNIST_ADDRESSES = (
    "https://ossci-datasets.s3.amazonaws.com/mnist",
    "https://storage.googleapis.com/cvdf-datasets/mnist",
)
MNIST_SHA256 = {
    "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
}
MNIST = {
    name: Source(tuple(f"{address}/{name}" for address in MNIST_ADDRESSES), sha256)
    for name, sha256 in MNIST_SHA256.items()
}
FSDD = Source(("https://github.com/Jakobovski/free-spoken-digit-dataset/archive/refs/tags/v1.0.10.tar.gz",), None)

pooch.get_logger().setLevel(logging.WARNING)  # the progress bar shows the rest


def run(folder: Path) -> None:
    """Fetch what is missing or altered and leave the rest alone. Raises DataError."""
    download(folder, MNIST, FSDD)
    sys.stdout.write(f"MNIST and the Free Spoken Digit Dataset are in {folder}\n")


def download(folder: Path, mnist: Mapping[str, Source], recordings: Source) -> None:
    """Fetch what is missing or altered: mnist, by file name, and FSDD's recordings.

    A file appears in the folder once it is complete and checked. Raises DataError if a file cannot be fetched, has
    other content than expected, or cannot be written.
    """
    missing = [name for name in mnist if not _is_mnist(folder / idx.FOLDER / name)]
    if not missing and fsdd.is_fsdd(folder / fsdd.FOLDER):
        return
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (
            TemporaryDirectory(prefix=".download-", dir=folder) as work,
            Progress(*columns, console=Console(stderr=True)) as progress,
        ):
            for name in missing:
                fetched = fetch(mnist[name], Path(work) / name, progress)
                fetched.chmod(0o644)  # pooch makes files that only their owner may read
                (folder / idx.FOLDER).mkdir(parents=True, exist_ok=True)
                fetched.replace(folder / idx.FOLDER / name)
            if not fsdd.is_fsdd(folder / fsdd.FOLDER):
                _replace_recordings(fetch(recordings, Path(work) / "fsdd.tar.gz", progress), folder / fsdd.FOLDER)
    except OSError as exc:
        raise DataError(f"expected to write to {folder}, that failed ({exc.strerror or exc}); check --data") from exc


def fetch(source: Source, path: Path, progress: Progress) -> Path:
    """Fetch one file to path, which is returned. Raises DataError, OSError if it cannot be written."""
    task = progress.add_task(path.name, total=None)

    def transfer(url: str, output_file: Any, cache: Any, *, check_only: bool | None = None) -> None:
        # identity: no compression on the way, so that the bytes counted are the bytes written.
        headers = {"Accept-Encoding": "identity"}
        http = pooch.HTTPDownloader(_Bar(progress, task), CHUNK_BYTES, timeout=TIMEOUT_S, headers=headers)
        http(url, output_file, cache)

    failure = ""
    for url in source.urls:
        registry, urls = {path.name: source.sha256}, {path.name: url}
        cache = pooch.create(path.parent, "", registry=registry, urls=urls, retry_if_failed=RETRIES)
        try:
            cache.fetch(path.name, downloader=transfer)
        except (requests.RequestException, ValueError) as exc:  # ValueError: another checksum, or too large
            failure = printable(f"{url}: {exc}", 500)
        else:
            return path
    raise DataError(
        f"expected {path.name} from the network, got {failure}; check the connection and run it again: complete files "
        "are kept"
    )


class _Bar:
    """Shows pooch's progress as a line of rich's, and bounds the size of the file."""

    def __init__(self, progress: Progress, task: Any) -> None:
        self.total = 0  # bytes; set by pooch, 0 = unknown
        self._done = 0
        self._progress = progress
        self._task = task

    def update(self, n_bytes: int) -> None:
        """Raises ValueError once there are more than MAX_FILE_BYTES."""
        self._done += n_bytes
        if self._done > MAX_FILE_BYTES:
            raise ValueError(f"expected at most {MAX_FILE_BYTES} bytes, got more")
        if n_bytes:
            self._progress.update(self._task, completed=self._done, total=self.total or None)

    def reset(self) -> None:
        self._done = 0

    def close(self) -> None:
        pass


def _is_mnist(path: Path) -> bool:
    try:
        idx.read_idx(path, idx.FILES[path.name])
    except DataError:
        return False
    return True


def _replace_recordings(archive: Path, folder: Path) -> None:
    """Put the recordings of FSDD's archive into their folder.

    Raises DataError if they are not FSDD's, or if the folder holds other recordings too.
    """
    recordings = _recordings(archive)
    if (found := fsdd.digest(recordings)) != fsdd.SHA256:
        raise DataError(
            f"expected recordings with SHA-256 {fsdd.SHA256} in FSDD's archive, got {len(recordings)} with {found}; "
            "run the download again"
        )
    folder.mkdir(parents=True, exist_ok=True)
    whole = archive.with_name("whole.wav")
    for name, content in recordings.items():
        whole.write_bytes(content)
        whole.replace(folder / name)
    if not fsdd.is_fsdd(folder):
        raise DataError(f"expected FSDD's recordings alone in {folder}, got other .wav files too; move those elsewhere")


def _recordings(archive: Path) -> dict[str, bytes]:
    """The .wav files in the archive's folder `recordings`, by file name. Raises DataError if the archive is damaged."""
    found: dict[str, bytes] = {}
    try:
        with gzip.open(archive) as packed:
            content = packed.read(MAX_FILE_BYTES + 1)
        if len(content) > MAX_FILE_BYTES:
            raise ValueError(f"more than {MAX_FILE_BYTES} bytes unpacked")
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as tar:
            for member in tar:
                path = Path(member.name)
                plain = member.isreg() and not member.issparse()  # a sparse file unpacks to any size
                if plain and path.suffix == ".wav" and path.parent.name == "recordings":
                    file = tar.extractfile(member)
                    found[path.name] = b"" if file is None else file.read()
    except (tarfile.TarError, OSError, EOFError, zlib.error, ValueError) as exc:
        why = printable(str(exc), 200)
        raise DataError(f"expected FSDD's archive, got a damaged one ({why}); run the download again") from exc
    return found
