"""The table of MNIST's writers: read, missing, of other digits, damaged."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from mmdigit.datasets.mnist_writers import FOLDER, read_writers
from schemas.errors import DataError

LABELS = np.array([7, 1, 0])


def write(folder: Path, content: bytes) -> None:
    (folder / FOLDER).mkdir()
    (folder / FOLDER / "test.csv.gz").write_bytes(content)


def table(*rows: str) -> bytes:
    return gzip.compress("\n".join(["index,label,writer", *rows]).encode())


def test_read_writers_sorts_by_index(tmp_path: Path) -> None:
    assert read_writers(tmp_path, "t10k", LABELS).tolist() == [-1, -1, -1]
    write(tmp_path, table("2,0,30", "0,7,10", "1,1,20"))
    assert read_writers(tmp_path, "t10k", LABELS).tolist() == [10, 20, 30]
    assert read_writers(tmp_path, "train", LABELS).tolist() == [-1, -1, -1]


@pytest.mark.parametrize("rows", [("0,7,1", "1,1,2", "2,9,3"), ("0,7,1",)])
def test_read_writers_refuses_other_digits(tmp_path: Path, rows: tuple[str, ...]) -> None:
    write(tmp_path, table(*rows))
    with pytest.raises(DataError, match="to match the MNIST labels, got other labels"):
        read_writers(tmp_path, "t10k", LABELS)


@pytest.mark.parametrize(
    "content",
    [b"not gzip", table("1,2,3")[:-9], gzip.compress(b"a,b\n1,2\n"), gzip.compress(b"\xff"), table(f"{'9' * 30},7,1")],
    ids=["not gzip", "cut", "other columns", "not text", "too large a number"],
)
def test_read_writers_refuses_a_damaged_table(tmp_path: Path, content: bytes) -> None:
    write(tmp_path, content)
    with pytest.raises(DataError, match="got a damaged one") as caught:
        read_writers(tmp_path, "t10k", LABELS)
    assert "\n" not in str(caught.value)
