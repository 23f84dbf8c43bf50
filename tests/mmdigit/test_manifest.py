"""Manifests: what a row may look like, and which files are refused whole."""

from pathlib import Path

import pytest

from mmdigit.manifest import Row, read_file, read_manifest
from schemas.errors import DataError


def manifest(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "pairs.csv"
    path.write_bytes(text.encode(encoding))
    return path


def test_rows_are_read_in_order_with_paths_beside_the_manifest(tmp_path: Path) -> None:
    path = manifest(
        tmp_path, "\ufeffid,image,audio,label,note\na,i/1.png,,7,x\nb,,/a.wav,,\n c , 1.png , 1.wav , 0 ,\n"
    )
    assert read_manifest(path) == [
        Row(2, "a", tmp_path / "i/1.png", None, 7),
        Row(3, "b", None, Path("/a.wav"), None),
        Row(4, "c", tmp_path / "1.png", tmp_path / "1.wav", 0),
    ]


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("a,,,7", "neither is named"),
        (",i.png,,7", "an id of 1 to 200"),
        ("a,i.png,,ten", "a label from 0 to 9 or none, ten came"),
        ("a,i.png,,10", "a label from 0 to 9"),
        ("a,i.png,,7,surplus", "more cells"),
        ("a", "neither is named"),
        ("x" * 201 + ",i.png,,", "an id of 1 to 200"),
    ],
)
def test_a_bad_row_keeps_its_place(tmp_path: Path, row: str, fault: str) -> None:
    rows = read_manifest(manifest(tmp_path, f"id,image,audio,label\n{row}\nz,i.png,,\n"))
    assert fault in (rows[0].fault or "")
    assert rows[1].fault is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "none came"),
        ("id,image,audio,label\n", "only a header"),
        ("name,image\na,b\n", "image,name came"),
        ("id,label\na,1\n", "id,label came"),
        ("id,image\na,1.png\na,2.png\n", "lines 2 and 3"),
        ('id,image\n"a,1.png\n', "comma-separated"),
    ],
)
def test_what_is_no_manifest_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_manifest(manifest(tmp_path, text))


def test_other_encodings_and_missing_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="CSV UTF-8"):
        read_manifest(manifest(tmp_path, "id,image\nä,1.png\n", "latin-1"))
    with pytest.raises(DataError, match="cannot be read"):
        read_manifest(tmp_path / "none.csv")


def test_files_are_read_up_to_the_limit_and_one(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(bytes(100))
    assert len(read_file(tmp_path / "f", 1000)) == 100
    assert len(read_file(tmp_path / "f", 10)) == 11


@pytest.mark.parametrize("name", ["none", ".", "a\0b"])
def test_what_is_no_file_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError):
        read_file(tmp_path / name, 10)
