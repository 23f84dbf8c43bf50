"""The public data sets of handwriting: addresses, checksums, and how each gets into the folder of data sets.

Checksums: the SHA-256 of MNIST, Omniglot and EMNIST are those of TensorFlow Datasets (url_checksums); of QMNIST's
labels there is only the MD5 that torchvision names. MNIST is checked unpacked, too.
"""

import csv
import gzip
import io
import zipfile
import zlib
from pathlib import Path

import numpy as np
from rich.progress import Progress

from mmdigit.datasets import emnist, idx, mnist_writers, omniglot
from mmdigit.files.atomic import atomic_write_bytes
from mmdigit.training.data.fetching import PublicSet, Source
from schemas.errors import DataError
from schemas.printable import printable

MNIST_ADDRESSES = (
    "https://ossci-datasets.s3.amazonaws.com/mnist",
    "https://storage.googleapis.com/cvdf-datasets/mnist",
)
MNIST_FILES = {
    "train-images-idx3-ubyte.gz": ("440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609", 9_912_422),
    "train-labels-idx1-ubyte.gz": ("3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c", 28_881),
    "t10k-images-idx3-ubyte.gz": ("8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6", 1_648_877),
    "t10k-labels-idx1-ubyte.gz": ("f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6", 4_542),
}
QMNIST = "https://raw.githubusercontent.com/facebookresearch/qmnist"
QMNIST_FILES = {
    "train": ("qmnist-train-labels-idx2-int.gz", "md5:0058f8dd561b90ffdd0f734c6a30e5e4"),
    "test": ("qmnist-test-labels-idx2-int.gz", "md5:5b5b05890a5e13444e108efe57b788aa"),
}
QMNIST_SHAPE = (60_000, 8)
QMNIST_BYTES = 1_000_000  # of either file, about
QMNIST_ROWS = {"train": 60_000, "test": 10_000}  # those of MNIST come first
OMNIGLOT = "https://raw.githubusercontent.com/brendenlake/omniglot"
OMNIGLOT_FILES = {
    omniglot.ARCHIVE: ("f38eb80f801274ac2b4dff5b24289016bfaba4a7d5bb50deebf27104ad6cb8a4", 1_319_022),
    omniglot.MORE: ("3ccaa407515a8778e5d0861875af38b17e418f301ad5bb3b5a6b65d901a41c7f", 1_580_917),
}
EMNIST_ARCHIVE = "emnist-gzip.zip"
EMNIST_MEMBERS = {name: f"gzip/{name}" for name in emnist.FILES}
MAX_MEMBER_BYTES = 32 * 1024 * 1024


def _missing_mnist(folder: Path) -> list[str]:
    return [name for name in idx.FILES if not _is_mnist(folder / idx.FOLDER / name)]


def _is_mnist(path: Path) -> bool:
    try:
        idx.read_idx(path, idx.FILES[path.name])
    except DataError:
        return False
    return True


def _install_mnist(folder: Path, work: Path, progress: Progress) -> None:
    _move([(work / name, folder / idx.FOLDER / name) for name in idx.FILES if (work / name).exists()])


def _missing_writers(folder: Path) -> list[str]:
    tables = [folder / mnist_writers.FOLDER / f"{part}.csv.gz" for part in QMNIST_FILES]
    return [] if all(table.exists() for table in tables) else [name for name, _ in QMNIST_FILES.values()]


def _install_writers(folder: Path, work: Path, progress: Progress) -> None:
    """Source: QMNIST's README, "Using the QMNIST extended labels": column 0 is the digit, 2 its writer."""
    tables = {part: _writers_table(work / name, QMNIST_ROWS[part]) for part, (name, _) in QMNIST_FILES.items()}
    (folder / mnist_writers.FOLDER).mkdir(parents=True, exist_ok=True)
    for part, table in tables.items():
        atomic_write_bytes(folder / mnist_writers.FOLDER / f"{part}.csv.gz", gzip.compress(table, mtime=0))


def _writers_table(path: Path, rows: int) -> bytes:
    """The CSV of the first rows: index,label,writer."""
    header = b"".join(number.to_bytes(4, "big") for number in (0xC02, *QMNIST_SHAPE))
    size = len(header) + 4 * QMNIST_SHAPE[0] * QMNIST_SHAPE[1]
    try:
        with gzip.open(path) as file:
            content = file.read(size + 1)
    except (OSError, EOFError, zlib.error) as exc:
        why = printable(str(exc), 200)
        raise DataError(f"expected {path.name} whole, got a damaged one ({why}); run the download again") from exc
    if not content.startswith(header) or len(content) != size:
        raise DataError(f"expected {path.name} to hold {QMNIST_SHAPE} numbers, got something else; run it again")
    labels = np.frombuffer(content, ">i4", offset=len(header)).reshape(QMNIST_SHAPE)[:rows]
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(("index", "label", "writer"))
    table.writerows((index, int(row[0]), int(row[2])) for index, row in enumerate(labels))
    return text.getvalue().encode()


def _missing_omniglot(folder: Path) -> list[str]:
    return [Path(name).name for name in OMNIGLOT_FILES if not (folder / name).exists()]


def _install_omniglot(folder: Path, work: Path, progress: Progress) -> None:
    fetched = [(work / Path(name).name, folder / name) for name in OMNIGLOT_FILES]
    _move([(file, target) for file, target in fetched if file.exists()])


def _missing_emnist(folder: Path) -> list[str]:
    return [] if all((folder / emnist.FOLDER / name).exists() for name in emnist.FILES) else [EMNIST_ARCHIVE]


def _install_emnist(folder: Path, work: Path, progress: Progress) -> None:
    """Its test letters alone."""
    try:
        with zipfile.ZipFile(work / EMNIST_ARCHIVE) as archive:
            for name, member in EMNIST_MEMBERS.items():
                with archive.open(member) as file:
                    content = file.read(MAX_MEMBER_BYTES + 1)
                if len(content) > MAX_MEMBER_BYTES:
                    raise ValueError(f"more than {MAX_MEMBER_BYTES} bytes of {name}")
                (work / name).write_bytes(content)
    except (zipfile.BadZipFile, KeyError, NotImplementedError, RuntimeError, EOFError, ValueError, zlib.error) as exc:
        why = printable(str(exc), 200)
        raise DataError(f"expected {EMNIST_ARCHIVE} whole, got a damaged one ({why}); run the download again") from exc
    try:
        for name, content_of in emnist.FILES.items():
            idx.read_idx(work / name, content_of)
        _move([(work / name, folder / emnist.FOLDER / name) for name in emnist.FILES])
    finally:
        for name in emnist.FILES:
            (work / name).unlink(missing_ok=True)


def _move(files: list[tuple[Path, Path]]) -> None:
    for file, target in files:
        target.parent.mkdir(parents=True, exist_ok=True)
        file.replace(target)


MNIST = PublicSet(
    {
        name: Source(tuple(f"{address}/{name}" for address in MNIST_ADDRESSES), checksum, n_bytes)
        for name, (checksum, n_bytes) in MNIST_FILES.items()
    },
    12_000_000,
    _missing_mnist,
    _install_mnist,
)
MNIST_WRITERS = PublicSet(
    {
        name: Source(
            (f"{QMNIST}/c5d0468d749822b3dfc4fcb7110a1e94d541b1c1/{name}", f"{QMNIST}/master/{name}"),
            checksum,
            QMNIST_BYTES,
        )
        for name, checksum in QMNIST_FILES.values()
    },
    500_000,
    _missing_writers,
    _install_writers,
)
OMNIGLOT_SMALL = PublicSet(
    {
        Path(name).name: Source(
            tuple(
                f"{OMNIGLOT}/{version}/python/{Path(name).name}"
                for version in ("32aee47094f15296299b761dcaa01400b90c60d5", "master")
            ),
            checksum,
            n_bytes,
        )
        for name, (checksum, n_bytes) in OMNIGLOT_FILES.items()
    },
    3_000_000,
    _missing_omniglot,
    _install_omniglot,
)
EMNIST = PublicSet(
    {
        EMNIST_ARCHIVE: Source(
            (
                "https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip",
                "https://www.itl.nist.gov/iaui/vip/cs_links/EMNIST/gzip.zip",
            ),
            "fb9bb67e33772a9cc0b895e4ecf36d2cf35be8b709693c3564cea2a019fcda8e",
            561_753_746,
        )
    },
    6_000_000,
    _missing_emnist,
    _install_emnist,
)
