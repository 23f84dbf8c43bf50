"""The command line: which faults it chooses, and what it refuses."""

import re
from pathlib import Path

import pytest

from lab.faults.__main__ import main, selected
from lab.faults.catalogue import CATALOGUE
from schemas.errors import SettingsError


def test_every_fault_is_chosen_by_default_and_has_a_name_of_its_own() -> None:
    chosen = selected(None, None, None)
    assert [fault.name for fault in chosen] == [fault.name for fault in CATALOGUE]
    assert len({fault.name for fault in CATALOGUE}) == len(CATALOGUE) > 20


def test_words_choose_and_numbers_replace() -> None:
    chosen = selected(["SIGTERM", "half-open"], 3, 50)
    assert [fault.name for fault in chosen] == ["worker SIGTERM", "Redis: half-open link", "Kafka: half-open link"]
    assert {(fault.times, fault.burst) for fault in chosen} == {(3, 50)}


def test_a_word_that_no_fault_has_is_refused() -> None:
    with pytest.raises(SettingsError, match=re.escape("'SIGTREM'")):
        selected(["SIGTERM", "SIGTREM"], None, None)


def test_the_names_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0
    assert capsys.readouterr().out.splitlines() == [fault.name for fault in CATALOGUE]


def test_no_module_is_large() -> None:
    folder = Path(__file__).parents[3] / "lab" / "faults"
    assert {path.name: n for path in folder.glob("*.py") if (n := len(path.read_text().splitlines())) > 300} == {}
