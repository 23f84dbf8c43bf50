"""Corrections: a manifest with labels and writers; what cannot be used is named; folds keep writers together."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmdigit.reading.model_input import ModelInput
from mmdigit.training.release.corrections import Corrections, read_corrections
from schemas.errors import DataError

PACK = Path("samples/pack").absolute()


def test_rows_are_read_and_faults_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image = min((PACK / "images").iterdir())
    rows = [("a", image, "7", "ann"), ("b", image, "", "ann"), ("c", image, "3", ""), ("e", image, "3", "bob")]
    rows += [("d", tmp_path / "none.png", "3", "bob"), ("f", tmp_path / "c.csv", "3", "bob"), ("g", image, "3", "ann")]
    table = "".join(f"{name},{path},{label},{writer}\n" for name, path, label, writer in rows)
    (tmp_path / "c.csv").write_text(f"id,image,label,writer\n{table}")
    corrections = read_corrections(tmp_path / "c.csv")
    assert corrections.labels.tolist() == [7, 3, 3]
    assert corrections.writers.tolist() == [0, 1, 0]
    errors = capsys.readouterr().err
    assert "mmdigit: b: expected a label in line 3, got none; fill the column in" in errors
    assert "mmdigit: c: expected a writer in line 4" in errors
    assert "mmdigit: d: expected a file" in errors
    assert "mmdigit: f: expected" in errors


def test_no_usable_row_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text("id,image,label,writer\na,none.png,1,ann\n")
    with pytest.raises(DataError, match=r"expected a row that can be used in .*c\.csv, got none"):
        read_corrections(tmp_path / "c.csv")


@given(st.lists(st.integers(0, 30), min_size=10, max_size=300), st.integers(2, 6))
def test_folds_keep_each_writer_together(writers: list[int], count: int) -> None:
    numbers = np.unique(writers, return_inverse=True)[1]
    empty = ModelInput(np.zeros((28, 28), np.float32))
    corrections = Corrections([empty] * len(writers), np.zeros(len(writers), np.int64), numbers)
    folds = corrections.folds(count)
    assert all(np.unique(folds[numbers == writer]).size == 1 for writer in np.unique(numbers))
    sizes = np.bincount(folds, minlength=count)
    assert sizes.max() - sizes.min() <= np.bincount(numbers).max()
