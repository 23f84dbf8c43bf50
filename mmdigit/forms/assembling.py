"""The forms that kept pages make up: one copy after the other, each page of it once."""

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field

from mmdigit.forms.store.ports import FieldRecord, StoredPage


@dataclass(frozen=True)
class KeptPage:
    """records: of its fields, by name; None while its jobs are not answered."""

    page: StoredPage
    records: dict[str, FieldRecord] | None

    @property
    def place(self) -> str:
        """File and number, for people."""
        return f"{self.page.file_name}:{self.page.number}"


@dataclass(frozen=True)
class KeptForm:
    """One copy. pages: those that are there, by their number in the form. duplicates: pages that were there already."""

    serial: int
    pages: dict[int, KeptPage] = field(default_factory=dict)
    duplicates: list[StoredPage] = field(default_factory=list)


def forms_of(
    pages: Iterable[tuple[StoredPage, tuple[FieldRecord, ...]]], only: Container[str] | None = None
) -> Iterator[KeptForm]:
    """The forms by serial number, as PageStore.pages has their pages. Of a page that is there twice the first counts.

    only: groups of the pages to take; None = all. Pages that are not read are left out.
    """
    form: KeptForm | None = None
    for page, records in pages:
        if page.state != "read" or page.serial is None or page.page is None:
            continue
        if only is not None and page.group not in only:
            continue
        if form is None or form.serial != page.serial:
            if form is not None:
                yield form
            form = KeptForm(page.serial)
        if page.page in form.pages:
            form.duplicates.append(page)
        else:
            by_name = {record.value.name: record for record in records}
            form.pages[page.page] = KeptPage(page, by_name or None)
    if form is not None:
        yield form
