"""`mmdigit form read`: a stack of scans to a CSV table; a page that fails is told, and the others go on."""

import csv
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from mmdigit.files.atomic import atomic_write, require_replaceable
from mmdigit.files.predictions_csv import safe_cell
from mmdigit.forms.adopt.copies import CopyNumbers
from mmdigit.forms.form_reader import FormReader, Stack
from mmdigit.forms.page import PageFault
from mmdigit.forms.pages import PageDecoder
from mmdigit.forms.table import PAGE_COLUMNS, write_table
from schemas.errors import DataError
from schemas.printable import printable

SUFFIXES = (".pdf", ".tif", ".tiff", ".png", ".jpg", ".jpeg")


@dataclass
class Tally:
    """What became of a stack. failed: pages that were not read, and pages that are missing."""

    pages: int = 0
    failed: int = 0
    forms: int = 0
    fields: int = 0
    review: int = 0


def read_stack(reader: FormReader, scans: Path, output: Path, pages: Path | None, errors: TextIO) -> Tally:
    """Write the table of all forms in a file or folder; it appears only when it is whole.

    pages: a table of every page, PAGE_COLUMNS. errors: a line for each page that is not read.
    Raises DataError if the scans or an output cannot be used.
    """
    require_replaceable(output)
    files, stack, tally = _files(scans), Stack(reader.template), Tally()
    copies = CopyNumbers(reader.template)
    with ExitStack() as cleanup:
        table = cleanup.enter_context(atomic_write(output))
        page_table = csv.writer(cleanup.enter_context(atomic_write(pages))) if pages is not None else None
        if page_table is not None:
            page_table.writerow(PAGE_COLUMNS)
        console = Console(file=errors, markup=False, highlight=False, soft_wrap=True)
        progress = Progress(
            SpinnerColumn(), TextColumn("{task.completed} pages"), TimeElapsedColumn(), console=console,
            disable=not errors.isatty(),
        )  # fmt: skip
        cleanup.enter_context(progress)
        task = progress.add_task("read", total=None)

        def tell(name: str, number: int, serial: int | None, fault: PageFault | None) -> None:
            tally.failed += fault is not None
            message = "" if fault is None else fault.message
            state = "read" if fault is None else fault.reason
            if fault is not None:
                progress.console.print(f"mmdigit: {name}, page {number}: {state}: {message}")
            if page_table is not None:
                page_table.writerow([safe_cell(name), number, "" if serial is None else serial, state, message])

        decoder = cleanup.enter_context(PageDecoder())
        for path in files:
            name = printable(path.name, 200)
            for page in decoder.pages_of(path):
                tally.pages += 1
                progress.advance(task)
                read = page if isinstance(page, PageFault) else reader.read(page)
                read = copies.numbered(read, f"{name}:{page.number}")
                if isinstance(read, PageFault):
                    tell(name, page.number, None, read)
                else:
                    tell(name, page.number, read.identity.serial, stack.add(read, f"{name}:{page.number}"))
        for serial, fault in stack.missing():
            tell("-", fault.number, serial, fault)
        write_table(table, reader.template, stack.forms.values(), reader.predictor.model_version)
    values = [value for form in stack.forms.values() for each in form.values.values() for value in each]
    tally.forms, tally.fields = len(stack.forms), len(values)
    tally.review = sum(value.decision == "review" for value in values)
    return tally


def summary(tally: Tally, output: Path) -> str:
    """What a user wants to know when it is done, one line or two."""
    lines = (
        f"{tally.forms:,} forms of {tally.pages:,} pages, {tally.fields:,} fields, {tally.review:,} of them for "
        f"review: {printable(str(output), 200)}\n"
    )
    return lines + (f"{tally.failed:,} pages not read; the reasons are on standard error\n" if tally.failed else "")


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
