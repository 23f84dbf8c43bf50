"""`mmdigit form read`: a stack of scans to a table, by way of a store, so that it goes on where it ended.

A page that fails is told, and the others go on.
"""

import csv
import hashlib
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from mmdigit.files.atomic import atomic_write, require_replaceable
from mmdigit.files.predictions_csv import safe_cell
from mmdigit.forms.pages.decoder import SUFFIXES, PageDecoder, read_scan
from mmdigit.forms.pages.page import PageFault
from mmdigit.forms.reading.form_reader import FormReader
from mmdigit.forms.sheets.keeping import PageOrigin, kept_fault
from mmdigit.forms.store.ports import PageStore, StoredPage, StoredValue
from mmdigit.forms.table.assembling import forms_of
from mmdigit.forms.table.exporting import export
from mmdigit.forms.table.rows import PAGE_COLUMNS
from schemas.errors import DataError
from schemas.printable import printable

KEPT_TOGETHER = 16  # pages; so many are read again after a crash
_UNREAD_AT_ONCE = 500
_AGAIN = "remove one; if they are two people's, type one in, and print the next stack with another --first-serial"


@dataclass
class Tally:
    """What became of a stack. known: pages that an earlier run has read. failed: pages that were not read, and pages
    that are missing."""

    pages: int = 0
    known: int = 0
    failed: int = 0
    forms: int = 0
    fields: int = 0
    review: int = 0


def read_stack(
    reader: FormReader, store: PageStore, scans: Path, output: Path, pages: Path | None, errors: TextIO
) -> Tally:  # fmt: skip
    """Write the table of all forms in a file or folder; it appears only when it is whole.

    store: pages that it holds already are not read again. pages: a table of every page, PAGE_COLUMNS. errors: a line
    for each page that is not read. Raises DataError if the scans or an output cannot be used.
    """
    require_replaceable(output)
    files = _files(scans)
    with ExitStack() as cleanup:
        page_table = cleanup.enter_context(atomic_write(pages)) if pages is not None else None
        console = Console(file=errors, markup=False, highlight=False, soft_wrap=True)
        progress = Progress(
            SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=console,
            disable=not errors.isatty(),
        )  # fmt: skip
        cleanup.enter_context(progress)
        if others := store.other_versions(reader.template.form, reader.template.digest):
            console.print(
                f"mmdigit: {others:,} pages of other versions of form {reader.template.form} are in the database; "
                "their values and corrections are not in this table"
            )
        run = _Run(reader, store, progress, page_table, is_single=not scans.is_dir())
        decoder = cleanup.enter_context(PageDecoder())
        for path in files:
            run.read_file(path, decoder)
        run.flush()
        run.tell_missing()
        exported = export(reader.template, store, output, only=run.chosen)
    tally = run.tally
    tally.forms, tally.fields, tally.review = exported.forms, exported.fields, exported.review
    return tally


def summary(tally: Tally, output: Path) -> str:
    """What a user wants to know when it is done, one line to three."""
    forms, pages = _number_of(tally.forms, "form"), _number_of(tally.pages, "page")
    lines = (
        f"{forms} of {pages}, {tally.fields:,} fields, {tally.review:,} of them for review: "
        f"{printable(str(output), 200)}\n"
    )
    if tally.known:
        lines += f"{_number_of(tally.known, 'page')} read before\n"
    if tally.failed:
        lines += f"{_number_of(tally.failed, 'page')} not read; the reasons are on standard error\n"
    return lines


def _number_of(number: int, one: str) -> str:
    return f"{number:,} {one if number == 1 else f'{one}s'}"


class _Run:
    """One pass over the files."""

    def __init__(
        self, reader: FormReader, store: PageStore, progress: Progress, page_table: TextIO | None, *, is_single: bool
    ) -> None:  # fmt: skip
        """is_single: one file is named, which must be readable; in a folder, a file that is not harms no other."""
        self._is_single = is_single
        self._reader, self._template, self._store = reader, reader.template, store
        self._progress, self._task = progress, progress.add_task("", total=None)
        self._table = csv.writer(page_table) if page_table is not None else None
        if self._table is not None:
            self._table.writerow(PAGE_COLUMNS)
        self._began_s = time.monotonic()
        self._unread = set(_unread_groups(store, self._template.digest))
        self._files: dict[str, str] = {}  # SHA-256 to name
        self._places: dict[tuple[int, int], str] = {}  # serial and page to file and number
        self._pending: list[tuple[StoredPage, tuple[StoredValue, ...]]] = []
        self.chosen: set[str] = set()
        """The groups of the pages that the table is made of."""
        self.tally = Tally()

    def read_file(self, path: Path, decoder: PageDecoder) -> None:
        name = printable(path.name, 200)
        try:
            content = read_scan(path)
        except DataError as exc:
            if self._is_single:
                raise
            self._tell(name, PageFault(1, "unreadable", str(exc)), None)
            self._count()
            return
        digest = hashlib.sha256(content).hexdigest()
        if digest in self._files:
            message = f"expected each file once, got the same as {self._files[digest]}; remove one"
            self._tell(name, PageFault(1, "duplicate", message), None)
            self._count()
            return
        self._files[digest] = name
        origin = PageOrigin(name, digest, datetime.now(UTC))
        known = {
            page.number: page
            for page in self._store.pages_of_file(digest, self._template.digest)
            if page.group not in self._unread and page.state != "unreadable"
        }
        first = next(number for number in range(1, len(known) + 2) if number not in known)
        for number in range(1, first):
            self._add_known(known[number], name)
        for page in decoder.decode(content, first):
            if page.number in known:
                self._add_known(known[page.number], name)
            elif isinstance(page, PageFault):
                self._add(kept_fault(page, origin, self._template), (), name)
            else:
                self._add(*self._reader.keep(page, replace(origin, scanner=page.scanner)), name)

    def flush(self) -> None:
        self._store.put_pages([page for page, _ in self._pending])
        self._store.put_values({page.group: values for page, values in self._pending if page.state == "read"})
        self._pending.clear()

    def tell_missing(self) -> None:
        """Each page that is not there of a form of which others are; without serial numbers, what copy each page is of,
        too, since only the whole stack says it."""
        if self._template.blank is not None:
            self._tell_copies()
            return
        for serial in dict.fromkeys(serial for serial, _ in self._places):
            for number in range(1, len(self._template.pages) + 1):
                if (serial, number) not in self._places:
                    self._tell_missing(serial, number)

    def _tell_copies(self) -> None:
        for form in forms_of(self._store.pages(self._template.digest), self._template, self.chosen):
            for number in form.wanted(self._template):
                kept = form.pages.get(number)
                if kept is None:
                    self._tell_missing(form.serial, number)
                else:
                    self._tell(kept.page.file_name, kept.page.number, form.serial)
            for again in form.duplicates:
                message = f"expected each sheet once, got one with the writing of {again.first}"
                fault = PageFault(again.page.number, "duplicate", f"{message}; {_AGAIN}")
                self._tell(again.page.file_name, fault, None)

    def _tell_missing(self, serial: int, number: int) -> None:
        message = f"expected page {number} of form {serial}, got none; scan it, too"
        self._tell("-", PageFault(number, "missing_page", message), serial)

    def _add_known(self, page: StoredPage, name: str) -> None:
        self.tally.known += 1
        self._place(page, name)

    def _add(self, page: StoredPage, values: tuple[StoredValue, ...], name: str) -> None:
        if page.state != "unreadable":  # it may be only the decoder's time or memory: the next run tries again
            self._pending.append((page, values))
        if len(self._pending) == KEPT_TOGETHER:
            self.flush()
        self._place(page, name)

    def _place(self, page: StoredPage, name: str) -> None:
        """Take a page into the table, unless the form has it already or it is not read."""
        if page.state == "read" and self._template.blank is not None:
            self.chosen.add(page.group)
            self._count()
            return
        if page.state != "read" or page.serial is None or page.page is None:
            reason = "unreadable" if page.state == "read" else page.state
            self._tell(name, PageFault(page.number, reason, page.message), page.serial)
            self._count()
            return
        key, place = (page.serial, page.page), f"{name}:{page.number}"
        if key in self._places:
            message = f"expected each page once, got page {page.page} of form {page.serial} as in {self._places[key]}"
            fault = PageFault(page.number, "duplicate", f"{message}; {_AGAIN}")
            self._tell(name, fault, page.serial)
            self._count()
            return
        self._places[key] = place
        self.chosen.add(page.group)
        self._tell(name, page.number, page.serial)
        self._count()

    def _count(self) -> None:
        self.tally.pages += 1
        rate = 60 * self.tally.pages / max(1e-3, time.monotonic() - self._began_s)
        text = f"{self.tally.pages:,} pages, {self.tally.failed:,} failed, {rate:,.0f} a minute"
        self._progress.update(self._task, description=text)

    def _tell(self, name: str, page: int | PageFault, serial: int | None) -> None:
        number, state, message = page, "read", ""
        if isinstance(page, PageFault):
            self.tally.failed += 1
            number, state, message = page.number, page.reason, page.message
            self._progress.console.print(f"mmdigit: {name}, page {number}: {state}: {message}")
        if self._table is not None:
            self._table.writerow([safe_cell(name), number, "" if serial is None else serial, state, message])


def _unread_groups(store: PageStore, template: str) -> Iterator[str]:
    """Of pages that an earlier run has put, but not read."""
    after = 0
    while batch := store.unread_pages(template, _UNREAD_AT_ONCE, after):
        yield from (page.group for _, page in batch)
        after = batch[-1][0]


def _files(scans: Path) -> Iterator[Path]:
    """The file itself, or the scans in a folder, by name."""
    if not scans.is_dir():
        return iter([scans])
    found = sorted(path for path in scans.iterdir() if path.suffix.lower() in SUFFIXES)
    if not found:
        raise DataError(
            f"expected scans ({', '.join(SUFFIXES)}) in {printable(str(scans), 200)}, got none; name another folder"
        )
    return iter(found)
