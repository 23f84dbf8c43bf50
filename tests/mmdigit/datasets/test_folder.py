"""A folder of samples: which files become samples, which are left out, and the warnings."""

import os
import unicodedata
from pathlib import Path

import pytest

from mmdigit.datasets import folder as module
from mmdigit.datasets.folder import MODALITY_OF_SUFFIX, Folder
from schemas.errors import DataError

CASES = Path(__file__).parents[2] / "cases" / "folder-skips"


def files(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode("utf-8", "surrogateescape"))
    return folder


def named(folder: Folder) -> list[tuple[str, str | None, str | None]]:
    return [
        (sample.id, sample.image.name if sample.image else None, sample.audio.name if sample.audio else None)
        for sample in folder
    ]


def test_skipped_files_are_counted_and_named() -> None:
    folder = Folder.open(CASES)
    unknown = [name for name in ("a.m4a", "b.tif", "c.heic", "d.webp") if Path(name).suffix not in MODALITY_OF_SUFFIX]
    assert folder.left_out == len(unknown) + 1
    said = "\n".join(folder.warnings)
    assert f"left out files of other kinds: {', '.join(unknown)}\n" in f"{said}\n"
    assert "left out folders inside it (--recursive reads them): sub" in said


def test_recursive_reads_subfolders() -> None:
    folder = Folder.open(CASES, recursive=True)
    assert ("sub/e", "e.png", None) in named(folder)
    assert "folders inside it" not in "\n".join(folder.warnings)


def test_files_of_one_stem_are_one_sample(tmp_path: Path) -> None:
    folder = Folder.open(files(tmp_path, "B.WAV", "B.PNG", "a.Jpeg", "c.d.png", "c.flac"))
    assert named(folder) == [
        ("B", "B.PNG", "B.WAV"),
        ("a", "a.Jpeg", None),
        ("c", None, "c.flac"),
        ("c.d", "c.d.png", None),
    ]
    assert len(folder) == 4


def test_unpaired_file_is_named_among_pairs(tmp_path: Path) -> None:
    folder = Folder.open(files(tmp_path, "1.png", "1.wav", "2.png", "3.wav", "4.wav"))
    assert [line.partition(": ")[2] for line in folder.warnings] == [
        "1 of 4 samples have no audio beside their image: 2",
        "2 of 4 samples have no image beside their audio: 3, 4",
    ]
    assert folder.left_out == 0
    assert len(folder) == 4


def test_folder_of_images_alone_warns_of_nothing(tmp_path: Path) -> None:
    assert Folder.open(files(tmp_path, "1.png", "2.png", ".DS_Store", "._1.png", ".git/x.png")).warnings == []


def test_both_spellings_of_an_umlaut_are_one_stem(tmp_path: Path) -> None:
    decomposed = unicodedata.normalize("NFD", "grün")
    folder = Folder.open(files(tmp_path, "grün.png", f"{decomposed}.wav"))
    assert [(sample.image is None, sample.audio is None) for sample in folder] == [(False, False)]


@pytest.mark.parametrize("recursive", [False, True])
def test_two_images_of_one_stem_are_refused(tmp_path: Path, recursive: bool) -> None:
    files(tmp_path, "1.png", "1.JPG", "in/1.png")
    with pytest.raises(DataError, match=r"one image file for each stem, got 1\.JPG and 1\.png"):
        Folder.open(tmp_path, recursive=recursive)


def test_same_stem_in_another_folder_is_another_sample(tmp_path: Path) -> None:
    folder = Folder.open(files(tmp_path, "1.png", "a/1.png", "a/1.wav", "b/c/1.png"), recursive=True)
    assert [sample.id for sample in folder] == ["1", "a/1", "b/c/1"]
    assert [sample.image for sample in folder] == [
        tmp_path / "1.png", tmp_path / "a/1.png", tmp_path / "b/c/1.png",
    ]  # fmt: skip
    assert list(folder) == list(Folder.open(tmp_path, recursive=True))


def test_sample_names_are_bounded_and_safe_to_show(tmp_path: Path) -> None:
    files(
        tmp_path, "1.png", "\x1b[2J.heic", "\udcff.heic", "\u202e.heic", *(f"{number:03}.heic" for number in range(19))
    )
    [line] = Folder.open(tmp_path).warnings
    assert line.isprintable()
    assert line.endswith("008.heic and 12 more")
    files(tmp_path / "long", "1.png", *("x" * 240 + f"{number:03}.heic" for number in range(12)))
    [line] = Folder.open(tmp_path / "long").warnings
    assert len(line) < 1200


def test_name_that_is_not_utf_8_is_a_sample(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"\xff7.png")).write_bytes(b"7")
    [sample] = Folder.open(tmp_path)
    assert sample.image is not None
    assert (sample.id, sample.image.read_bytes()) == ("\udcff7", b"7")


def test_links_are_not_followed_out_of_the_folder_or_in_circles(tmp_path: Path) -> None:
    inside, outside = files(tmp_path / "in", "1.png", "a/2.png"), files(tmp_path / "out", "3.png")
    (inside / "4.png").symlink_to(outside / "3.png")
    (inside / "5.png").symlink_to("a/2.png")
    (inside / "a" / "circle").symlink_to(inside)
    (inside / "b").symlink_to(outside)
    (inside / "6.png").symlink_to("6.png")
    folder = Folder.open(inside, recursive=True)
    assert [sample.id for sample in folder] == ["1", "5", "a/2"]
    said = "\n".join(folder.warnings)
    assert "left out links to folders: b, a/circle" in said
    assert "left out links that lead out of it, or nowhere: 4.png, 6.png" in said
    # The user's own folder, as it is without --recursive: links to files are its files.
    assert "4" in [sample.id for sample in Folder.open(inside)]


def test_folders_that_are_too_deep_are_named(tmp_path: Path) -> None:
    deep = "/".join("d" * 34)
    folder = Folder.open(files(tmp_path, "1.png", f"{deep}/2.png"), recursive=True)
    assert [sample.id for sample in folder] == ["1"]
    assert folder.left_out == 1
    assert "more than 32 deep" in folder.warnings[0]


def test_pipes_and_hidden_images_are_named(tmp_path: Path) -> None:
    files(tmp_path, "1.png", ".2.png")
    os.mkfifo(tmp_path / "pipe")
    said = Folder.open(tmp_path).warnings
    assert [line.partition(": left out ")[2] for line in said] == [
        "hidden files: .2.png",
        "pipes, sockets and devices: pipe",
    ]


def test_folder_without_samples_names_what_is_there(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"got none; left out files of other kinds: 1\.heic; left out folders inside it"
    ):
        Folder.open(files(tmp_path, "1.heic", "in/2.png"))


def test_too_many_files_are_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_FILES", 3)
    assert len(Folder.open(files(tmp_path, "1.png", "2.png", "in/3.png"), recursive=True)) == 3
    with pytest.raises(DataError, match="write a manifest"):
        Folder.open(files(tmp_path, "in/4.png"), recursive=True)
    with pytest.raises(DataError, match="write a manifest"):
        Folder.open(files(tmp_path, "5.heic", "6.heic"))


@pytest.mark.parametrize("name", ["nowhere", "file", "a\0b"])
def test_path_that_is_no_folder_is_an_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises((DataError, ValueError)):
        Folder.open(tmp_path / name)


def test_docs_list_every_suffix() -> None:
    page = (Path(__file__).parents[3] / "docs" / "use" / "manifests.md").read_text(encoding="utf-8")
    assert [suffix for suffix in MODALITY_OF_SUFFIX if f"`{suffix}`" not in page] == []
