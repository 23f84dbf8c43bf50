"""The CSV table of predictions."""

import csv
import io
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmdigit.files.predictions_csv import PREDICTION_COLUMNS, answer_row, safe_cell
from tests.schemas.samples import PREDICTION


def test_answer_row_has_every_column_except_id() -> None:
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


def test_answer_row_is_empty_for_an_absent_head() -> None:
    row = answer_row(PREDICTION.model_copy(update={"image": None, "reasons": ()}))
    assert (row["image_label"], row["image_confidence"], row["reasons"]) == ("", "", "")


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1+1", "-1-1", "+", "-٣", "@SUM(1)", "\uff1d1", "\uff0d1", "\uff20a"],
)
def test_safe_cell_disarms_formulas(text: str) -> None:
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
def test_safe_cell_escapes_control_characters(text: str, cell: str) -> None:
    assert safe_cell(text) == cell


@pytest.mark.parametrize(
    "text", ["", "0", "-1", "+49123", "-0.5", "row-1", "a=1", "'=1", " =1", "é", "a\xa0b", "田中\u3000太郎"]
)
def test_safe_cell_keeps_other_text(text: str) -> None:
    assert safe_cell(text) == text


@given(st.text())
def test_safe_cell_is_safe_after_a_csv_round_trip(text: str) -> None:
    file = io.StringIO(newline="")
    csv.writer(file).writerow([safe_cell(text), "end"])
    file.seek(0)
    ((cell, _),) = csv.reader(file)
    assert not {unicodedata.category(character) for character in cell} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert cell == safe_cell(text)
    if text.isprintable():
        assert cell.removeprefix("'") == text.removeprefix("'")
    assert re.fullmatch(r"[+-]?[0-9]+(\.[0-9]+)?", cell) or not cell.startswith(tuple("=+-@\t\r\n"))
