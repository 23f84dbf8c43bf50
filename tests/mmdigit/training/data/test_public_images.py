"""Sets of handwriting: laid out for their readers, refused when damaged."""

import csv
import gzip
import hashlib
import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from rich.progress import Progress

pytest.importorskip("pooch")

from mmdigit.datasets import emnist, idx
from mmdigit.datasets.idx import Content
from mmdigit.datasets.mnist_writers import read_writers
from mmdigit.datasets.omniglot import ARCHIVE, MORE
from mmdigit.training.data import public_images as module
from mmdigit.training.data.public_images import EMNIST, EMNIST_ARCHIVE, MNIST, MNIST_WRITERS, OMNIGLOT_SMALL
from mmdigit.training.data.splits import load_letters
from schemas.errors import DataError
from tests.mmdigit.clips import mnist_like
from tests.mmdigit.datasets.small_mnist import packed
from tests.mmdigit.training.data.archives import names

NOTHING = Progress(disable=True)
ROWS = 30


@pytest.fixture
def work(tmp_path: Path) -> Path:
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def test_mnist_replaces_only_what_is_missing(folder: Path, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.arange(12, dtype=np.uint8)
    content = Content(values.shape, hashlib.sha256(gzip.decompress(packed(values))).hexdigest())
    monkeypatch.setattr(idx, "FILES", {"a.gz": content, "b.gz": content})
    assert MNIST.missing(folder) == ["a.gz", "b.gz"]
    (work / "b.gz").write_bytes(packed(values))
    MNIST.install(folder, work, NOTHING)
    assert MNIST.missing(folder) == ["a.gz"]
    assert names(work) == []


def qmnist(path: Path) -> None:
    """Extended labels of ROWS digits; writer = 100 + row // 3."""
    labels = np.zeros((ROWS, 8), ">i4")
    labels[:, 0], labels[:, 2] = np.arange(ROWS) % 10, 100 + np.arange(ROWS) // 3
    header = b"".join(number.to_bytes(4, "big") for number in (0xC02, *labels.shape))
    path.write_bytes(gzip.compress(header + labels.tobytes()))


def test_writers_are_those_of_mnist(folder: Path, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "QMNIST_SHAPE", (ROWS, 8))
    monkeypatch.setattr(module, "QMNIST_ROWS", {"train": ROWS, "test": 10})
    assert MNIST_WRITERS.missing(folder) == list(MNIST_WRITERS.sources)
    for name in MNIST_WRITERS.sources:
        qmnist(work / name)
    MNIST_WRITERS.install(folder, work, NOTHING)
    assert MNIST_WRITERS.missing(folder) == []
    assert read_writers(folder, "train", np.arange(ROWS) % 10).tolist() == [100 + row // 3 for row in range(ROWS)]
    assert read_writers(folder, "t10k", np.arange(10)).tolist() == [100 + row // 3 for row in range(10)]


@pytest.mark.parametrize("content", [b"no gzip", gzip.compress(b"no table"), b""], ids=["no gzip", "no table", "empty"])
def test_writers_refuse_a_damaged_table(
    folder: Path, work: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    monkeypatch.setattr(module, "QMNIST_SHAPE", (ROWS, 8))
    train, test = MNIST_WRITERS.sources
    qmnist(work / train)
    (work / test).write_bytes(content)
    with pytest.raises(DataError, match=r"run .* again"):
        MNIST_WRITERS.install(folder, work, NOTHING)
    assert names(folder) == []


@pytest.mark.data
@pytest.mark.skipif("MMDIGIT_DATA" not in os.environ, reason="needs the real data sets in MMDIGIT_DATA")
@pytest.mark.parametrize("part", ["train", "test"])
def test_writers_table_is_the_one_of_the_real_data(tmp_path: Path, part: str) -> None:
    """The table at hand, written as QMNIST writes its labels, and read back."""
    table = gzip.decompress((Path(os.environ["MMDIGIT_DATA"]) / "mnist-writers" / f"{part}.csv.gz").read_bytes())
    rows = [[int(value) for value in row] for row in list(csv.reader(io.StringIO(table.decode())))[1:]]
    labels = np.zeros(module.QMNIST_SHAPE, ">i4")
    labels[: len(rows), [5, 0, 2]] = rows
    header = b"".join(number.to_bytes(4, "big") for number in (0xC02, *labels.shape))
    (tmp_path / "f").write_bytes(gzip.compress(header + labels.tobytes(), 1))
    assert module._writers_table(tmp_path / "f", module.QMNIST_ROWS[part]) == table


def test_omniglot_is_put_where_its_reader_looks(folder: Path, work: Path) -> None:
    assert OMNIGLOT_SMALL.missing(folder) == list(OMNIGLOT_SMALL.sources)
    (work / Path(MORE).name).write_bytes(b"more")
    OMNIGLOT_SMALL.install(folder, work, NOTHING)
    assert (folder / MORE).read_bytes() == b"more"
    assert OMNIGLOT_SMALL.missing(folder) == [Path(ARCHIVE).name]


@pytest.mark.data
@pytest.mark.skipif("MMDIGIT_DATA" not in os.environ, reason="needs the real data sets in MMDIGIT_DATA")
@pytest.mark.parametrize("name", [ARCHIVE, MORE])
def test_checksums_of_omniglot_are_those_of_the_real_data(name: str) -> None:
    content = (Path(os.environ["MMDIGIT_DATA"]) / name).read_bytes()
    source = OMNIGLOT_SMALL.sources[Path(name).name]
    assert (hashlib.sha256(content).hexdigest(), len(content)) == (source.checksum, source.n_bytes)


def emnist_archive(letters: bytes, count: int) -> bytes:
    """An archive of `count` rings, each by columns, labelled with these letters."""
    images = np.stack([mnist_like(seed).T for seed in range(count)])
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(f"gzip/{emnist.IMAGES}", packed(images))
        archive.writestr(f"gzip/{emnist.LABELS}", packed(np.frombuffer(letters, np.uint8) - ord("a") + 1))
        archive.writestr("gzip/emnist-byclass-train-images-idx3-ubyte.gz", b"not wanted")
    return buffer.getvalue()


@pytest.fixture
def small_emnist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(emnist.FILES, emnist.IMAGES, Content((4, 28, 28)))
    monkeypatch.setitem(emnist.FILES, emnist.LABELS, Content((4,)))


@pytest.mark.usefixtures("small_emnist")
def test_emnist_keeps_the_test_letters_alone(folder: Path, work: Path) -> None:
    assert load_letters(folder).shape == (0, 28, 28)
    assert EMNIST.missing(folder) == [EMNIST_ARCHIVE]
    (work / EMNIST_ARCHIVE).write_bytes(emnist_archive(b"aomo", 4))
    EMNIST.install(folder, work, NOTHING)
    assert EMNIST.missing(folder) == []
    assert names(folder) == sorted(f"{emnist.FOLDER}/{name}" for name in emnist.FILES)
    assert names(work) == [EMNIST_ARCHIVE]
    assert np.array_equal(load_letters(folder), np.stack([mnist_like(0), mnist_like(2)]))


OTHER_NAMES = emnist_archive(b"aomo", 4).replace(b"gzip/emnist-l", b"x" * 13)


@pytest.mark.usefixtures("small_emnist")
@pytest.mark.parametrize("content", [b"no archive", emnist_archive(b"amo", 3), OTHER_NAMES])
def test_emnist_refuses_another_archive(folder: Path, work: Path, content: bytes) -> None:
    (work / EMNIST_ARCHIVE).write_bytes(content)
    with pytest.raises(DataError, match="again") as caught:
        EMNIST.install(folder, work, NOTHING)
    assert str(caught.value).isprintable()
    assert (names(folder), names(work)) == ([], [EMNIST_ARCHIVE])


@pytest.mark.usefixtures("small_emnist")
def test_emnist_refuses_more_than_the_limit(folder: Path, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_MEMBER_BYTES", 100)
    (work / EMNIST_ARCHIVE).write_bytes(emnist_archive(b"aomo", 4))
    with pytest.raises(DataError, match="more than 100 bytes of emnist-letters-test-images"):
        EMNIST.install(folder, work, NOTHING)
