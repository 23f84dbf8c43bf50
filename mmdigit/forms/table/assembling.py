"""The forms that kept pages make up: one copy after the other, each page of it once.

A form that we print says on each page which copy it is of. One that somebody else printed does not: its copies are
numbered in order of file name and page. A page belongs to the copy before it only if it is the very next page of the
form in the same file, counting pages that could not be read, so that two copies are never mixed. Empty pages do not
count: backs may be scanned, too.
"""

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from mmdigit.forms.sheets.handwriting import KnownSheets
from mmdigit.forms.store.ports import FieldRecord, StoredPage
from mmdigit.forms.template.template import Template

Pages = Iterable[tuple[StoredPage, tuple[FieldRecord, ...]]]
"""In the order of PageStore.pages."""


@dataclass(frozen=True)
class KeptPage:
    """records: of its fields, by name; None while its jobs are not answered."""

    page: StoredPage
    records: dict[str, FieldRecord] | None

    @property
    def place(self) -> str:
        """File and number, for people."""
        return _place(self.page)


@dataclass(frozen=True)
class Duplicate:
    """A page that was there already. first: the place of the one that counts."""

    page: StoredPage
    first: str


@dataclass(frozen=True)
class KeptForm:
    """One copy. pages: those that are there, by their number in the form. duplicates: met together with it; a sheet
    without a serial number may be of another copy."""

    serial: int
    pages: dict[int, KeptPage] = field(default_factory=dict)
    duplicates: list[Duplicate] = field(default_factory=list)

    def wanted(self, template: Template) -> Sequence[int]:
        """The pages that the copy must have, by their number in the form."""
        return sorted(self.pages) if template.either_page else range(1, len(template.pages) + 1)


def forms_of(pages: Pages, template: Template, only: Container[str] | None = None) -> Iterator[KeptForm]:
    """The forms by serial number. Of a page that is there twice the first counts.

    only: groups of the pages to take; None = all. Pages that are not read are left out.
    """
    return _numbered(pages, only) if template.blank is None else _copies(pages, template.either_page, only)


def _numbered(pages: Pages, only: Container[str] | None) -> Iterator[KeptForm]:
    form: KeptForm | None = None
    for page, records in pages:
        if page.serial is None or page.page is None or not _is_taken(page, only):
            continue
        if form is None or form.serial != page.serial:
            if form is not None:
                yield form
            form = KeptForm(page.serial)
        if page.page in form.pages:
            form.duplicates.append(Duplicate(page, form.pages[page.page].place))
        else:
            form.pages[page.page] = _kept(page, records)
    if form is not None:
        yield form


def _copies(pages: Pages, either: bool, only: Container[str] | None) -> Iterator[KeptForm]:
    """Of a form without serial numbers. either: each page is a copy."""
    sheets, form, last, skipped = KnownSheets(), KeptForm(0), None, 0
    for page, records in pages:
        if page.state == "blank_page":
            skipped += 1
        if page.page is None or not _is_taken(page, only):
            continue
        first = sheets.seen(page.page, page.handwriting, _place(page))
        if first is not None:
            form.duplicates.append(Duplicate(page, first))
            skipped += 1
            continue
        if either or last is None or not _follows(page, last, skipped):
            if form.pages:
                yield form
            form = KeptForm(form.serial + 1)
        form.pages[page.page] = _kept(page, records)
        last, skipped = page, 0
    if form.pages:
        yield form


def _follows(page: StoredPage, last: StoredPage, skipped: int) -> bool:
    """Whether it is the next page of the copy that the last one is of. skipped: pages between them that are none."""
    further = page.number - last.number - skipped
    return page.file_sha256 == last.file_sha256 and page.page == (last.page or 0) + further


def _is_taken(page: StoredPage, only: Container[str] | None) -> bool:
    return page.state == "read" and (only is None or page.group in only)


def _kept(page: StoredPage, records: Iterable[FieldRecord]) -> KeptPage:
    return KeptPage(page, {record.value.name: record for record in records} or None)


def _place(page: StoredPage) -> str:
    return f"{page.file_name}:{page.number}"
