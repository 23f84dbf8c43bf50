"""Folders and manifests as sources: their samples, and their errors on bad input."""

import os
from pathlib import Path

import pytest

from producer.sources.opening import open_source
from producer.sources.sample import Sample, Source, Unreadable
from schemas.errors import DataError, MmdigitError
from schemas.job import MAX_IMAGE_BYTES


def opened(text: str | Path, count: int | None = None, seed: int = 0) -> Source:
    return open_source(str(text), count=count, seed=seed, split="test")


def filled(folder: Path, **files: bytes) -> Path:
    for name, content in files.items():
        stem, _, suffix = name.rpartition("_")
        (folder / f"{stem}.{suffix}").write_bytes(content)
    return folder


def manifest(folder: Path, text: str | bytes) -> Path:
    path = folder / "manifest.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


# Folder


def test_folder_pairs_files_of_one_stem(tmp_path: Path) -> None:
    filled(tmp_path, b_wav=b"B", a_png=b"A", a_flac=b"AA", c_JPG=b"C", notes_txt=b"?", d_jpeg=b"D")
    (tmp_path / ".hidden.png").write_bytes(b"?")
    filled_folder = tmp_path / "inside"
    filled_folder.mkdir()
    filled(filled_folder, e_png=b"E")
    source = opened(tmp_path)
    assert len(source) == 4
    assert list(source) == list(source) == [
        Sample("a", b"A", b"AA", None),
        Sample("b", None, b"B", None),
        Sample("c", b"C", None, None),
        Sample("d", b"D", None, None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "got none"),
        ({"notes_txt": b"?"}, "got none"),
        ({"a_png": b"1", "a_jpg": b"2"}, r"one image file for each stem, got a\.jpg and a\.png"),
        ({"a_wav": b"1", "a_flac": b"2"}, "one audio file"),
    ],
)
def test_folder_without_samples_is_refused(tmp_path: Path, files: dict[str, bytes], message: str) -> None:
    with pytest.raises(DataError, match=message):
        opened(filled(tmp_path, **files))


def test_folder_yields_the_rest_after_an_unreadable_file(tmp_path: Path) -> None:
    filled(tmp_path, a_png=b"A", b_png=b"", c_png=b"x" * (MAX_IMAGE_BYTES + 1), z_png=b"Z")
    (tmp_path / "e.png").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "f.wav")  # blocks every reader that opens it
    found = list(opened(tmp_path))
    assert [sample.sample_id for sample in found] == ["a", "b", "c", "e", "f", "z"]
    reasons = [sample.reason for sample in found if isinstance(sample, Unreadable)]
    for reason, expected in zip(
        reasons,
        ["is empty", "larger than 2097152 bytes", "No such file", "a named pipe, not a regular file"],
        strict=True,
    ):
        assert expected in reason


def test_group_depends_on_the_path_alone(tmp_path: Path) -> None:
    for name in ("jan", "feb"):
        (tmp_path / name).mkdir()
        filled(tmp_path / name, a_png=b"A")
    january = opened(tmp_path / "jan").group
    assert january == opened(tmp_path / "feb" / ".." / "jan").group
    assert january.startswith("jan-")
    assert january != opened(tmp_path / "feb").group


# Manifest


def test_manifest_rows_become_samples(tmp_path: Path) -> None:
    filled(tmp_path, a_png=b"A", a_wav=b"AA")
    absolute = tmp_path / "a.png"
    path = manifest(
        tmp_path,
        f"\ufeffid,image,audio,label,note\r\n1,a.png,a.wav,7,first\r\n=2, a.png ,,\r\n\r\n3,,{tmp_path}/a.wav,0\r\n"
        f'"four, and more",{absolute},,\r\n',
    )
    source = opened(path)
    assert len(source) == 4
    assert list(source) == [
        Sample("1", b"A", b"AA", 7),
        Sample("=2", b"A", None, None),
        Sample("3", None, b"AA", 0),
        Sample("four, and more", b"A", None, None),
    ]


def test_manifest_columns_may_be_in_any_order(tmp_path: Path) -> None:
    filled(tmp_path, a_png=b"A")
    assert list(opened(manifest(tmp_path, "image,id\na.png,1\n"))) == [Sample("1", b"A", None, None)]


def test_manifest_yields_the_rest_after_an_invalid_row(tmp_path: Path) -> None:
    filled(tmp_path, a_png=b"A")
    path = manifest(
        tmp_path,
        "id,image,audio,label\n"
        "1,gone.png,,\n"
        "2,,,3\n"
        ",a.png,,\n"
        "4,a.png,,12\n"
        "5,a.png,,seven\n"
        "6,a.png\n"
        "7,.,,\n"
        "8,\x1b[31m\u202e.png,,\n",
    )
    found = list(opened(path))
    assert found[5] == Sample("6", b"A", None, None)
    lines = [f"{sample.sample_id}: {sample.reason}" for sample in found if isinstance(sample, Unreadable)]
    for line, expected in zip(
        lines,
        [
            "1: cannot read image",
            "2: line 3 of manifest.csv, columns image and audio: expected an image",
            "no id: line 4 of manifest.csv, column id: expected an id",
            "4: line 5 of manifest.csv, column label: expected a label from 0 to 9 or none, got 12",
            "5: line 6 of manifest.csv, column label: expected a label",
            "7: cannot read image",
            "8: cannot read image",
        ],
        strict=True,
    ):
        assert line.startswith(expected)
        assert line.isprintable()


@pytest.mark.parametrize("text", ["nowhere", "", "a\0b", "/dev/null", "x" * 5000, "pairs:nowhere", "pairs:"])
def test_missing_source_is_a_one_line_error(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MmdigitError) as caught:
        opened(text)
    assert caught.value.exit_code == 2
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 600


# Count


def test_count_takes_the_first_samples(tmp_path: Path) -> None:
    filled(tmp_path, a_png=b"A", b_png=b"B", c_png=b"C")
    first = opened(tmp_path, count=2)
    assert (len(first), [sample.sample_id for sample in first]) == (2, ["a", "b"])
    assert first.group == opened(tmp_path).group
    assert len(opened(tmp_path, count=9)) == 3
