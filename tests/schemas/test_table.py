"""The table of predictions."""

import csv
import io
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import DataError
from schemas.table import PREDICTION_COLUMNS, answer_row, replacing, safe_cell
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
    ["=1+1", "+1+1", "-1-1", "-1\t", "+", "-٣", "@SUM(1)", "\t=1", "\r=1", "\n=1", "\uff1d1", "\uff0d1", "\uff20a"],
)
def test_formulas_are_not_run(text: str) -> None:
    assert safe_cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "0", "-1", "+49123", "-0.5", "row-1", "a=1", "'=1", " =1", "é"])
def test_other_text_stays(text: str) -> None:
    assert safe_cell(text) == text


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_no_cell_starts_a_formula_after_csv(text: str) -> None:
    file = io.StringIO(newline="")
    csv.writer(file).writerow([safe_cell(text), "end"])
    file.seek(0)
    ((cell, _),) = csv.reader(file)
    assert cell.removeprefix("'") == text.removeprefix("'")
    assert re.fullmatch(r"[+-]?[0-9]+(\.[0-9]+)?", cell) or not cell.startswith(tuple("=+-@\t\r\n"))


def test_it_takes_its_place_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("old")
    with replacing(path) as file:
        file.write("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_block_that_fails_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), replacing(path) as file:
        file.write(str(1 / 0))
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_symbolic_link_stays_one(tmp_path: Path) -> None:
    link, real = tmp_path / "link.csv", tmp_path / "real.csv"
    link.symlink_to(real)
    with replacing(link) as file:
        file.write("new")
    assert link.is_symlink()
    assert real.read_text() == "new"


def test_a_device_or_folder_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, Path("/dev/null")):
        with pytest.raises(DataError, match="expected a plain file"), replacing(path):
            pass
    assert Path("/dev/null").is_char_device()
