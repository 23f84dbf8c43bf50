"""The Free Spoken Digit Dataset: listed, split, compared with what is pinned, refused when altered."""

import hashlib
import os
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from mmdigit.datasets import fsdd
from mmdigit.datasets.fsdd import FOLDER, Recording, digest, is_fsdd, list_recordings, require_digits, split_of
from schemas.errors import DataError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two recordings of each digit, whose content is their name, and a file that is no recording."""
    for digit in range(10):
        for index in (0, 10):
            name = f"{digit}_ann_{index}.wav"
            (tmp_path / name).write_text(name)
    (tmp_path / "readme.txt").write_text("?")
    return tmp_path


def test_recordings_are_listed_by_name(folder: Path) -> None:
    found = list_recordings(folder, 20)
    assert [each.path.name for each in found] == sorted(path.name for path in folder.glob("*.wav"))
    assert found[1] == Recording(folder / "0_ann_10.wav", 0, "ann", 10)


@pytest.mark.parametrize(
    ("name", "to", "message"),
    [
        ("0_ann_0.wav", None, "expected 20 recordings .*, got 19"),
        ("0_ann_0.wav", "first.wav", "got first.wav"),
        ("0_ann_0.wav", "0_ann_b_0.wav", "got 0_ann_b_0.wav"),
        ("0_ann_0.wav", "10_ann_0.wav", "got 10_ann_0.wav"),
        ("0_ann_0.wav", "\x1b[31m.wav", r"got \\x1b"),
    ],
)
def test_altered_recordings_are_one_line(folder: Path, name: str, to: str | None, message: str) -> None:
    if to is None:
        (folder / name).unlink()
    else:
        (folder / name).rename(folder / to)
    with pytest.raises(DataError, match=message) as caught:
        list_recordings(folder, 20)
    assert str(caught.value).isprintable()


def test_recordings_of_nine_digits_are_one_line(folder: Path) -> None:
    for path in folder.glob("7_*.wav"):
        path.unlink()
    with pytest.raises(DataError, match=r"all ten digits in .*, got none of 7"):
        list_recordings(folder)
    with pytest.raises(DataError, match="got none of 3"):
        require_digits({*range(10)} - {3}, "here")


def test_missing_recordings_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot read it \(No such file or directory\); .*`mmdigit data download`"):
        list_recordings(tmp_path / "none")


def test_split_of_each_index() -> None:
    assert Counter(map(split_of, range(50))) == {"test": 5, "validation": 5, "train": 40}
    assert [split_of(index) for index in (0, 4, 5, 9, 10)] == ["test", "test", "validation", "validation", "train"]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.wav")}


def test_digest_is_what_sha256sum_prints(folder: Path) -> None:
    printed = subprocess.run(
        ["bash", "-c", "sha256sum *.wav | sha256sum"],
        cwd=folder,
        env=os.environ | {"LC_ALL": "C"},
        check=True,
        capture_output=True,
        text=True,
    )
    assert printed.stdout.split()[0] == digest(contents(folder))


@pytest.mark.parametrize("change", ["none", "content", "name", "one more", "a folder", "gone"])
def test_is_fsdd_finds_any_change(folder: Path, monkeypatch: pytest.MonkeyPatch, change: str) -> None:
    monkeypatch.setattr(fsdd, "COUNT", 20)
    monkeypatch.setattr(fsdd, "SHA256", digest(contents(folder)))
    first = folder / "0_ann_0.wav"
    if change == "content":
        first.write_text("0")
    if change in ("name", "a folder", "gone"):
        first.rename(folder / "0_ann_1.wav")
    if change == "a folder":
        first.mkdir()
    if change == "one more":
        (folder / "0_ann_1.wav").write_bytes(first.read_bytes())
    assert is_fsdd(folder / "none" if change == "gone" else folder) == (change == "none")


@pytest.mark.data
@pytest.mark.skipif("MMDIGIT_DATA" not in os.environ, reason="needs the real data sets in MMDIGIT_DATA")
def test_fsdd_itself_has_the_pinned_content() -> None:
    folder = Path(os.environ["MMDIGIT_DATA"]) / FOLDER
    assert is_fsdd(folder)
    # The one recording whose SHA-256 other projects publish.
    content = (folder / "0_george_0.wav").read_bytes()
    assert hashlib.sha256(content).hexdigest() == "228ab63fccdf262d2e05817b6ec918b15e7d9e4bfb6bb20183c46ae088405240"
