"""Counts and tables of the pages of one group, from a real database of forms."""

import csv
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest

from mmdigit.forms.store.ports import PageStore, StoredValue
from mmdigit.forms.store.sql_store import open_page_store
from mmdigit.forms.template.layout import slots_of
from mmdigit.gateway.forms import Decoders, Forms
from mmdigit.gateway.pages import count_pages, pages_of, write_form_table
from mmdigit.gateway.publishing import BatchPublisher
from mmdigit.gateway.registry.ports import StoredGroup
from mmdigit.gateway.reviewing.desk import ReviewDesk
from mmdigit.transport.ports import GroupCounts
from schemas.api import Decisions
from tests.mmdigit.forms.store.kept import fault, form_page
from tests.mmdigit.forms.written import TEMPLATE

UNUSED = cast(BatchPublisher, None)
NO_DESK = cast(ReviewDesk, None)


def group(*numbers: int) -> StoredGroup:
    pages = tuple(f"INTK.{number}" for number in numbers)
    return StoredGroup("", "g", "pages", len(pages), datetime(2026, 11, 28, tzinfo=UTC), pages)


@pytest.fixture(name="store")
def opened(tmp_path: Path) -> Iterator[PageStore]:
    """Pages 1 and 2 have values, 3 none yet, 4 is not read."""
    with open_page_store(f"sqlite:///{tmp_path / 'forms.db'}") as store:
        store.put_pages([form_page(1), form_page(2), form_page(3), fault(4, template=TEMPLATE.digest)])
        for number in (1, 2):
            first, *rest = [slot.name for slot in slots_of(TEMPLATE, 0)]
            values = [StoredValue(first, "?", "review", ("low_confidence",), None, "m")]
            values += [StoredValue(name, "1", "accept", (), 0.9, "m") for name in rest]
            store.put_values({f"INTK.{number}": values})
        yield store


def test_count_pages_counts_those_of_the_group(store: PageStore) -> None:
    fields = len(slots_of(TEMPLATE, 0))
    assert count_pages(store, group(1, 3, 4, 99)) == (
        GroupCounts(done=1, dead=1),
        Decisions(accept=fields - 1, review=1, counted=fields),
    )
    assert count_pages(store, group()) == (GroupCounts(0, 0), Decisions())


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_form_table_has_a_row_for_each_form(store: PageStore, tmp_path: Path, suffix: str) -> None:
    done = write_form_table(store, group(2, 3, 4), TEMPLATE, path := tmp_path / f"table.{suffix}")
    assert done.forms == 2
    if suffix == "csv":
        with path.open() as file:
            assert [row["serial"] for row in csv.DictReader(file)] == ["2", "3"]


def test_pages_of_a_group_say_what_became_of_them(store: PageStore) -> None:
    with Decoders() as decoders:
        forms = Forms(UNUSED, (TEMPLATE,), store, decoders, NO_DESK)
        pages = pages_of(forms, group(1, 3, 4, 99), 0, 10)
        assert pages_of(forms, group(1, 3, 4), 1, 1) == pages[1:2]
    assert [(page.state, page.serial, page.form) for page in pages] == [
        ("dead", None, None),
        ("done", 1, "INTK"),
        ("pending", 3, "INTK"),
    ]
    assert pages[0].reason is not None
    assert pages[0].message
