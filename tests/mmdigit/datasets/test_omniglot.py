"""Omniglot's archive: read, missing, damaged, without the alphabets."""

import zipfile
from pathlib import Path

import pytest

from mmdigit.datasets.omniglot import ARCHIVE, read_omniglot
from schemas.errors import DataError


def write(folder: Path, *names: str) -> Path:
    path = folder / ARCHIVE
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, name)
    return path


def test_read_omniglot_returns_the_alphabets_sorted(tmp_path: Path) -> None:
    assert read_omniglot(tmp_path, ["Greek"]) == []
    write(tmp_path, "i/Greek/c2/1.png", "i/Latin/c1/1.png", "i/Greek/c1/1.png", "i/Greek/c1/readme.txt")
    assert read_omniglot(tmp_path, ["Greek"]) == [b"i/Greek/c1/1.png", b"i/Greek/c2/1.png"]
    assert len(read_omniglot(tmp_path, ["Greek", "Latin"])) == 3


def test_read_omniglot_refuses_a_damaged_archive(tmp_path: Path) -> None:
    write(tmp_path).write_bytes(b"not an archive")
    with pytest.raises(DataError, match="got a damaged one"):
        read_omniglot(tmp_path, ["Greek"])


def test_read_omniglot_refuses_an_archive_without_the_alphabets(tmp_path: Path) -> None:
    write(tmp_path, "i/Latin/c1/1.png")
    with pytest.raises(DataError, match=r"expected the alphabets Greek, Korean in .*, got none of them"):
        read_omniglot(tmp_path, ["Greek", "Korean"])
