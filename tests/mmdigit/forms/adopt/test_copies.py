"""Copies without serial numbers: the order of the pages says what belongs together; never are two copies mixed."""

from pathlib import Path

import numpy as np
import pytest

from mmdigit.forms.adopt.copies import CopyNumbers
from mmdigit.forms.adopt.handwriting import MIN_BOXES, SIDE, Handwriting
from mmdigit.forms.form_reader import ReadPage, Stack
from mmdigit.forms.page import PageFault, PageReason
from mmdigit.forms.page_identity import PageIdentity
from tests.mmdigit.forms.adopt.foreign import template_of

Seen = int | PageReason
"""A page of the form, or why there is none."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("form")


def sheet(seed: int) -> Handwriting:
    values = np.random.default_rng(seed).normal(size=MIN_BOXES * SIDE * SIDE).astype(np.float32)
    return np.asarray(values / np.linalg.norm(values), np.float32)


def serials(folder: Path, pages: str, stack: list[Seen], sheets: list[int] | None = None) -> list[int | PageReason]:
    numbers = CopyNumbers(template_of(folder, 1, 2, pages=pages))
    found: list[int | PageReason] = []
    for index, page in enumerate(stack):
        written = sheet(index if sheets is None else sheets[index])
        read = (
            ReadPage(index + 1, PageIdentity("BLAN", 1, page, 0), (), written)
            if isinstance(page, int)
            else PageFault(index + 1, page, "")
        )
        out = numbers.numbered(read, f"scan.pdf:{index + 1}")
        found.append(out.reason if isinstance(out, PageFault) else out.identity.serial)
    return found


@pytest.mark.parametrize(
    ("stack", "expected"),
    [
        ([1, 2, 1, 2], [1, 1, 2, 2]),
        ([1, 1, 2], [1, 2, 2]),  # the first copy lacks page 2
        ([2, 1, 2], [1, 2, 2]),
        ([1, "foreign_form", 1, 2], [1, "foreign_form", 2, 2]),
        ([1, "unreadable", "unreadable", 2], [1, "unreadable", "unreadable", 2]),  # of two copies
        ([1, "blank_page", 2, "blank_page", 1], [1, "blank_page", 1, "blank_page", 2]),  # both sides were scanned
    ],
)
def test_numbered_puts_pages_that_follow_together(folder: Path, stack: list[Seen], expected: list[Seen]) -> None:
    assert serials(folder, "together", stack) == expected


def test_numbered_gives_each_page_its_place_in_the_stack(folder: Path) -> None:
    assert serials(folder, "either", [2, "unreadable", 1, 1]) == [1, "unreadable", 3, 4]


@pytest.mark.parametrize("pages", ["either", "together"])
def test_numbered_tells_a_sheet_that_was_scanned_before(folder: Path, pages: str) -> None:
    assert serials(folder, pages, [1, 2, 1], [5, 6, 5])[2] == "duplicate"
    assert serials(folder, pages, [1, 2, 1], [5, 5, 6])[1] != "duplicate"  # another page of the form


def test_numbered_keeps_a_printed_serial_number(folder: Path) -> None:
    numbers = CopyNumbers(template_of(folder, 1, 2))
    read = ReadPage(1, PageIdentity("BLAN", 1, 1, 77), (), sheet(1))
    assert numbers.numbered(read, "a:1") is read
    assert numbers.numbered(read, "a:2") is read


def test_stack_misses_no_page_where_each_is_a_copy(folder: Path) -> None:
    read = ReadPage(1, PageIdentity("BLAN", 1, 2, 3), (), sheet(1))
    for pages, missing in (("either", []), ("together", [3])):
        stack = Stack(template_of(folder, 1, 2, pages=pages))
        assert stack.add(read, "a:1") is None
        assert [serial for serial, _ in stack.missing()] == missing
