"""MNIST's IDX files: round trip, and one clear line for what is missing, damaged or altered."""

import gzip
import hashlib
import os
from pathlib import Path

import numpy as np
import pytest

from mmdigit.datasets.idx import FILES, Content, Part, read_idx, read_mnist
from schemas.errors import DataError
from tests.mmdigit.datasets.small_mnist import packed, write_mnist

VALUES = np.arange(60, dtype=np.uint8).reshape(3, 4, 5)


@pytest.mark.parametrize("sha256", [None, hashlib.sha256(gzip.decompress(packed(VALUES))).hexdigest()])
def test_idx_round_trip(tmp_path: Path, sha256: str | None) -> None:
    (tmp_path / "a.gz").write_bytes(packed(VALUES))
    np.testing.assert_array_equal(read_idx(tmp_path / "a.gz", Content((3, 4, 5), sha256)), VALUES)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "got no such file; run `mmdigit data download`"),
        (b"no gzip", "cannot read it .*download it again"),
        (packed(VALUES)[:-12], "cannot read it .*download it again"),
        (gzip.compress(b"something else"), "3 x 4 x 5 bytes, got something else"),
        (gzip.compress(b"\0\0\x08\x03\0\0"), "got something else"),
        (packed(VALUES.reshape(3, 20)), "got something else"),
        (packed(VALUES.reshape(5, 4, 3)), "got something else"),
        (gzip.compress(gzip.decompress(packed(VALUES))[:-1]), "got fewer"),
        (gzip.compress(gzip.decompress(packed(VALUES)) + b"\0"), "got something else"),
    ],
    ids=["missing", "no gzip", "cut", "no IDX", "header cut", "fewer axes", "other axes", "fewer", "more"],
)
def test_idx_of_other_content_is_one_line(tmp_path: Path, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / "a.gz").write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        read_idx(tmp_path / "a.gz", Content((3, 4, 5)))
    assert str(caught.value).isprintable()


def test_idx_with_altered_values_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(packed(VALUES))
    with pytest.raises(DataError, match=r"with SHA-256 0000.*download it again"):
        read_idx(tmp_path / "a.gz", Content((3, 4, 5), "0" * 64))


def test_idx_reads_no_more_than_the_array_needs(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(packed(VALUES) + gzip.compress(b"\0") + b"never read, and no gzip")
    with pytest.raises(DataError, match="got something else"):
        read_idx(tmp_path / "a.gz", Content((3, 4, 5)))


def test_mnist_parts_are_kept_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counts: dict[Part, int] = {"train": 7, "t10k": 3}
    for part, count in counts.items():
        images = np.full((count, 28, 28), count, np.uint8)
        write_mnist(tmp_path, monkeypatch, part, images, np.arange(count, dtype=np.uint8))
    for part, count in counts.items():
        images, labels = read_mnist(tmp_path, part)
        assert (images.shape, int(images[0, 0, 0])) == ((count, 28, 28), count)
        assert labels.tolist() == list(range(count))


@pytest.mark.data
@pytest.mark.skipif("MMDIGIT_DATA" not in os.environ, reason="needs the real data sets in MMDIGIT_DATA")
def test_mnist_itself_has_the_pinned_content() -> None:
    parts: tuple[Part, ...] = ("train", "t10k")
    for part in parts:
        images, labels = read_mnist(Path(os.environ["MMDIGIT_DATA"]), part)
        assert images.shape == FILES[f"{part}-images-idx3-ubyte.gz"].shape
        assert set(labels.tolist()) == set(range(10))
