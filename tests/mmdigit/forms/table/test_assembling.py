"""Forms of kept pages. Without serial numbers, the order of a file's pages says what belongs together."""

from pathlib import Path

import numpy as np
import pytest

from mmdigit.forms.pages.page import PageReason
from mmdigit.forms.store.ports import StoredPage
from mmdigit.forms.table.assembling import KeptForm, forms_of
from mmdigit.forms.template.template import Template
from tests.mmdigit.forms.adopt.foreign import template_of
from tests.mmdigit.forms.store.kept import fault, page
from tests.mmdigit.forms.written import TEMPLATE

Seen = int | PageReason
"""A page of the form, or why there is none."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("form")


def sheet(seed: int) -> bytes:
    return np.random.default_rng(seed).integers(-127, 128, 500).astype(np.int8).tobytes()


def scan(number: int, seen: Seen, written: int, file: str = "a") -> StoredPage:
    place = {"group": f"{file}.{number}", "file_name": f"{file}.pdf", "file_sha256": 64 * file}
    if isinstance(seen, int):
        return page(number, serial=None, page=seen, handwriting=sheet(written), **place)
    return fault(number, state=seen, **place)


def stack_of(stack: list[Seen]) -> list[StoredPage]:
    return [scan(number, seen, number) for number, seen in enumerate(stack, 1)]


def forms(template: Template, pages: list[StoredPage], only: set[str] | None = None) -> list[KeptForm]:
    return list(forms_of(((page, ()) for page in pages), template, only))


def copies(template: Template, pages: list[StoredPage]) -> list[list[int]]:
    """Of each copy the numbers of its pages in their file."""
    found = forms(template, pages)
    assert [form.serial for form in found] == list(range(1, len(found) + 1))
    return [[form.pages[number].page.number for number in sorted(form.pages)] for form in found]


@pytest.mark.parametrize(
    ("stack", "expected"),
    [
        ([1, 2, 1, 2], [[1, 2], [3, 4]]),
        ([1, 1, 2], [[1], [2, 3]]),  # the first copy lacks page 2
        ([2, 1, 2], [[1], [2, 3]]),
        ([1, "foreign_form", 1, 2], [[1], [3, 4]]),
        ([1, "unreadable", "unreadable", 2], [[1], [4]]),  # of two copies
        ([1, "blank_page", 2, "blank_page", 1], [[1, 3], [5]]),  # both sides were scanned
    ],
)
def test_forms_of_puts_pages_that_follow_together(folder: Path, stack: list[Seen], expected: list[list[int]]) -> None:
    assert copies(template_of(folder, 1, 2, pages="together"), stack_of(stack)) == expected


def test_forms_of_counts_pages_that_are_not_there_yet(folder: Path) -> None:
    first, _, last = stack_of([1, 1, 2])
    assert copies(template_of(folder, 1, 2, pages="together"), [first, last]) == [[1], [3]]


def test_forms_of_never_joins_two_files(folder: Path) -> None:
    pages = [scan(1, 1, 1), scan(2, 2, 2, "b")]
    assert copies(template_of(folder, 1, 2, pages="together"), pages) == [[1], [2]]


def test_forms_of_makes_each_page_a_copy(folder: Path) -> None:
    template = template_of(folder, 1, 2)
    assert copies(template, stack_of([2, "unreadable", 1, 1])) == [[1], [3], [4]]
    assert [form.wanted(template) for form in forms(template, stack_of([2, 1]))] == [[2], [1]]


def test_forms_of_tells_a_sheet_that_was_scanned_before(folder: Path) -> None:
    again = scan(3, 1, 1)
    for pages, expected in (("either", [[1], [2], [4]]), ("together", [[1, 2], [4]])):
        template, stack = template_of(folder, 1, 2, pages=pages), [*stack_of([1, 2]), again, scan(4, 1, 4)]
        assert copies(template, stack) == expected
        told = [(each.page, each.first) for form in forms(template, stack) for each in form.duplicates]
        assert told == [(again, "a.pdf:1")]
    assert len(copies(template_of(folder, 1, 2), [scan(1, 1, 5), scan(2, 2, 5)])) == 2  # another page of the form


def test_forms_of_takes_the_chosen_pages_alone(folder: Path) -> None:
    [form] = forms(template_of(folder, 1, 2), stack_of([1, 2, 1]), {"a.2"})
    assert (form.serial, form.pages[2].place) == (1, "a.pdf:2")


def test_forms_of_goes_by_printed_serial_numbers() -> None:
    again = page(9, serial=1)
    [first, second] = forms(TEMPLATE, [fault(7), page(1), again, page(2)])
    assert (first.serial, second.serial, list(first.wanted(TEMPLATE))) == (1, 2, [1])
    assert [(each.page, each.first) for each in first.duplicates] == [(again, "stack.pdf:1")]
    assert not second.duplicates
