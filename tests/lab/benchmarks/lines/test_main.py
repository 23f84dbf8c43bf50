"""The figures of read lines."""

from lab.benchmarks.lines.__main__ import figures
from lab.benchmarks.lines.page import table
from mmdigit.numbers.written_number import WrittenDigit, WrittenNumber
from schemas.prediction import Decision


def read(number: str, decision: Decision) -> WrittenNumber:
    digits = tuple(WrittenDigit(int(digit), 0.9, 0, ()) for digit in number)
    return WrittenNumber(digits, 0.9, "", decision, () if decision == "accept" else ("touching",), "m")


def test_right_accepted_and_wrong_are_counted() -> None:
    found = figures([(read("47", "accept"), "47"), (read("41", "accept"), "47"), (read("4", "review"), "47")])
    assert (found["lines"], found["right"], found["count_right"]) == (3, 1, 2)
    assert (found["accepted"], found["wrong_accepted"]) == (2, 1)
    assert found["accepted_wrong"] == [{"written": "47", "read": "41"}]
    assert found["reasons"] == {"touching": 1}


def test_the_table_names_each_kind() -> None:
    found = {"known": figures([(read("47", "accept"), "47")]), "unknown": figures([])}
    rows = table({"kinds": {"apart, plain": found}, "groups": {"apart": found}}).splitlines()
    assert rows[2].startswith("| apart, plain | known | 1 | 100.0 %")
    assert rows[3].endswith("| 0 of 0 |")
    assert rows[4].startswith("| **apart, all** | known |")
