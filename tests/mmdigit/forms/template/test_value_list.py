"""Lookup files: what they may hold, and their likeliest values."""

from pathlib import Path

import numpy as np
import pytest

from mmdigit.forms.template import value_list
from mmdigit.forms.template.value_list import ValueList, load_values
from schemas.errors import DataError


def values_of(folder: Path, content: bytes, n_digits: int = 3) -> ValueList:
    (folder / "list.txt").write_bytes(content)
    return load_values(folder / "list.txt", n_digits)


def test_load_values_takes_one_value_a_line(tmp_path: Path) -> None:
    listed = values_of(tmp_path, b"\xef\xbb\xbf042\r\n 007 \n\n042\n999")
    assert listed.values.tolist() == [b"007", b"042", b"999"]
    assert [digits in listed for digits in ("007", "042", "999", "000", "043", "9999")] == [True] * 3 + [False] * 3


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"042\n7\n", "list.txt, line 2: expected 3 digits, got '7'; correct it"),
        (b"042\n\xd9\xa0\xd9\xa0\xd9\xa0\n", "line 2: expected 3 digits"),
        (b"\x1b[2J\n", "line 1: expected 3 digits, got '\\\\x1b[2J'"),
        (b"\n\n", "expected 1 to 1000000 values, got 0"),
        (None, "expected a lookup file at"),
    ],
)
def test_load_values_refuses_what_is_no_list(tmp_path: Path, content: bytes | None, why: str) -> None:
    with pytest.raises(DataError) as caught:
        values_of(tmp_path, content) if content is not None else load_values(tmp_path / "none.txt", 3)
    assert why in str(caught.value)


def test_load_values_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(value_list, "MAX_VALUES", 2)
    with pytest.raises(DataError, match="expected 1 to 2 values, got 3"):
        values_of(tmp_path, b"001\n002\n003\n")
    monkeypatch.setattr(value_list, "MAX_LIST_BYTES", 11)
    with pytest.raises(DataError, match="larger than 11 bytes"):
        values_of(tmp_path, b"001\n002\n003\n")


def test_likeliest_are_the_best_of_the_list(tmp_path: Path) -> None:
    numbers = np.random.default_rng(3).permutation(1000)[:200]
    listed = values_of(tmp_path, "\n".join(f"{number:03}" for number in numbers).encode())
    probabilities = np.random.default_rng(4).dirichlet(np.ones(10), 3)
    chances = {
        f"{number:03}": float(np.prod(probabilities[range(3), [*map(int, f"{number:03}")]])) for number in numbers
    }
    best = sorted(chances, key=lambda value: -chances[value])
    found, of_found, rest = listed.likeliest(probabilities, 50)
    assert found == best[:50]
    assert of_found == pytest.approx([chances[value] for value in found])
    assert rest == pytest.approx(sum(chances[value] for value in best[50:]))
    assert listed.likeliest(probabilities, 300)[2] == pytest.approx(0, abs=1e-12)
