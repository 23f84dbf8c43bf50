"""The table of predictions."""

import csv
import io
import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmdigit.files.atomic import atomic_write
from mmdigit.files.predictions_csv import PREDICTION_COLUMNS, answer_row, safe_cell
from schemas.errors import DataError
from tests.schemas.samples import PREDICTION


def test_a_row_has_every_column_but_the_id() -> None:
    assert ("id", *answer_row(PREDICTION)) == PREDICTION_COLUMNS
    assert answer_row(PREDICTION) == {
        "label": "7",
        "confidence": "0.500000",
        "decision": "review",
        "reasons": "low_confidence;conflict",
        "image_label": "1",
        "image_confidence": "0.750000",
        "audio_label": "7",
        "audio_confidence": "1.000000",
        "novelty": "0.062500",
        "model_version": "2026-01-31",
    }


def test_a_head_that_did_not_answer_is_empty() -> None:
    row = answer_row(PREDICTION.model_copy(update={"image": None, "reasons": ()}))
    assert (row["image_label"], row["image_confidence"], row["reasons"]) == ("", "", "")


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1+1", "-1-1", "+", "-٣", "@SUM(1)", "\uff1d1", "\uff0d1", "\uff20a"],
)
def test_formulas_are_not_run(text: str) -> None:
    assert safe_cell(text) == f"'{text}"


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("\x1b[2J\x1b]0;owned\x07", r"\x1b[2J\x1b]0;owned\x07"),
        ("a\r\nb\tc", r"a\r\nb\tc"),
        ("\x9b31m\x00", r"\x9b31m\x00"),
        ("7\u202e1\u2028", r"7\u202e1\u2028"),
        ("\udcff", r"\udcff"),  # a file name that is not UTF-8
        ("\t=1", r"'\t=1"),
        ("\r=1", r"'\r=1"),
        ("\n=1", r"'\n=1"),
        ("-1\t", r"'-1\t"),
        ("=\x1b", r"'=\x1b"),
    ],
)
def test_no_terminal_acts_on_a_cell(text: str, cell: str) -> None:
    assert safe_cell(text) == cell


@pytest.mark.parametrize(
    "text", ["", "0", "-1", "+49123", "-0.5", "row-1", "a=1", "'=1", " =1", "é", "a\xa0b", "田中\u3000太郎"]
)
def test_other_text_stays(text: str) -> None:
    assert safe_cell(text) == text


@given(st.text())
def test_no_cell_starts_a_formula_after_csv(text: str) -> None:
    file = io.StringIO(newline="")
    csv.writer(file).writerow([safe_cell(text), "end"])
    file.seek(0)
    ((cell, _),) = csv.reader(file)
    assert not {unicodedata.category(character) for character in cell} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert cell == safe_cell(text)
    if text.isprintable():
        assert cell.removeprefix("'") == text.removeprefix("'")
    assert re.fullmatch(r"[+-]?[0-9]+(\.[0-9]+)?", cell) or not cell.startswith(tuple("=+-@\t\r\n"))


def test_it_takes_its_place_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("old")
    with atomic_write(path) as file:
        file.write("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_block_that_fails_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), atomic_write(path) as file:
        file.write(str(1 / 0))
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_symbolic_link_stays_one(tmp_path: Path) -> None:
    link, real = tmp_path / "link.csv", tmp_path / "real.csv"
    link.symlink_to(real)
    with atomic_write(link) as file:
        file.write("new")
    assert link.is_symlink()
    assert real.read_text() == "new"


def test_a_device_or_folder_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, Path("/dev/null")):
        with pytest.raises(DataError, match="expected a plain file"), atomic_write(path):
            pass
    assert Path("/dev/null").is_char_device()
