"""`mmdigit read-line`, called as a user does."""

import json
from pathlib import Path
from typing import get_args

import cv2
import numpy as np
import pytest

from mmdigit import cli
from mmdigit.commands.read_line import EXPLAINED
from mmdigit.numbers.written_number import LineReason
from tests.mmdigit.numbers.drawing import row_of


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    line, _ = row_of([4, 7, 1, 8], [12] * 3)
    cv2.imwrite(str(tmp_path / "photo.png"), line)
    return tmp_path / "photo.png"


def test_a_table_names_every_digit(photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["read-line", str(photo)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("4718  ")
    head = next(number for number, line in enumerate(lines) if line.startswith("place"))
    assert [line.split()[1] for line in lines[head + 1 :]] == list("4718")


def test_json_and_overlay_say_the_same(photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    overlay = photo.with_name("out.png")
    assert cli.main(["read-line", str(photo), "-n", "4", "--json", "--overlay", str(overlay)]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["number"] == "4718"
    assert [digit["label"] for digit in said["digits"]] == [4, 7, 1, 8]
    assert all(len(digit["box"]) == 4 for digit in said["digits"])
    assert (said["decision"] == "accept") == (said["reasons"] == [])
    assert overlay.read_bytes().startswith(b"\x89PNG")


def test_photo_is_not_drawn_over(photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = photo.read_bytes()
    assert cli.main(["read-line", str(photo), "--overlay", str(photo)]) == 2
    assert "expected another file than the photo for --overlay" in capsys.readouterr().err
    assert photo.read_bytes() == before


def test_paper_without_digits_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cv2.imwrite(str(tmp_path / "blank.png"), np.full((80, 200), 230, np.uint8))
    assert cli.main(["read-line", str(tmp_path / "blank.png")]) == 1
    assert capsys.readouterr().out == "no number: no line of digits was found\n"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["none.png"], 2, "expected a file"),
        (["text.png"], 1, "expected a PNG, JPEG, TIFF or WebP file"),
        (["text.png", "-n", "0"], 2, "count"),
        (["text.png", "-n", "33"], 2, "count"),
    ],
)
def test_mistakes_are_one_clear_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    message: str,
) -> None:
    (tmp_path / "text.png").write_text("no picture")
    monkeypatch.chdir(tmp_path)
    assert cli.main(["read-line", *arguments]) == code
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_every_reason_is_explained() -> None:
    assert set(EXPLAINED) == set(get_args(LineReason))
