"""From the store to the table, and to the pictures that its rows name."""

import csv
from collections.abc import Container
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mmdigit.files.atomic import atomic_write, atomic_write_bytes
from mmdigit.files.predictions_csv import safe_cell
from mmdigit.forms.store.ports import PageStore, StoredPage
from mmdigit.forms.table.assembling import KeptForm, Pages, forms_of
from mmdigit.forms.table.files import open_table
from mmdigit.forms.table.rows import MISSING, PAGE_COLUMNS, UNREAD, column_slots, crop_name, named_slots, row_of
from mmdigit.forms.template.template import Template
from schemas.errors import DataError
from schemas.printable import printable


@dataclass
class Exported:
    """What a table holds."""

    forms: int = 0
    fields: int = 0
    review: int = 0
    duplicates: int = 0
    """Pages that are left out since the form has them already."""
    crops: int = 0


def export(
    template: Template,
    store: PageStore,
    output: Path,
    crops: Path | None = None,
    only: Container[str] | None = None,
    *,
    pages: Pages | None = None,
    excel: bool = False,
) -> Exported:
    """Write the table of every form of a template. crops: folder for the picture of each field. only: as of forms_of.
    pages: those to take, in the order of PageStore.pages; None = all of the template.

    Raises DataError if a file cannot be written, SettingsError for a table of unknown kind.
    """
    slots, exported = named_slots(template), Exported()
    if crops is not None:
        make_folder(crops)
    with open_table(output, template, column_slots(slots), excel=excel) as write:
        for form in forms_of(store.pages(template.digest) if pages is None else pages, template, only):
            row = row_of(form, template, slots)
            write(row)
            exported.forms += 1
            exported.fields += sum(cells.page != "" for cells in row.fields)
            exported.review += sum(cells.page != "" and cells.decision == "review" for cells in row.fields)
            exported.duplicates += len(form.duplicates)
            if crops is not None:
                exported.crops += write_crops(store, form, crops)
    return exported


def write_pages(template: Template, store: PageStore, path: Path) -> None:
    """Write what became of every page as CSV, PAGE_COLUMNS: first those that are not read, then form by form."""
    with atomic_write(path) as file:
        table = csv.writer(file)
        table.writerow(PAGE_COLUMNS)

        def tell(page: StoredPage | None, number: int, serial: int | None, state: str, message: str = "") -> None:
            name = "-" if page is None else safe_cell(page.file_name)
            table.writerow([name, number, "" if serial is None else serial, state, safe_cell(message)])

        for page, _ in store.pages(template.digest):
            if page.state != "read":
                tell(page, page.number, page.serial, page.state, page.message)
        for form in forms_of(store.pages(template.digest), template):
            for number in form.wanted(template):
                kept = form.pages.get(number)
                if kept is None:
                    tell(None, number, form.serial, MISSING, f"expected page {number}, got none; scan it, too")
                elif kept.records is None:
                    tell(kept.page, kept.page.number, form.serial, UNREAD, "not all digits are answered; collect later")
                else:
                    tell(kept.page, kept.page.number, form.serial, "read")
            for again in form.duplicates:
                serial = again.page.serial
                message = (
                    f"expected each page once, got page {again.page.page} of form {form.serial} as in {again.first}"
                )
                tell(again.page, again.page.number, serial, "duplicate", message)


def write_crops(store: PageStore, form: KeptForm, folder: Path) -> int:
    """Write the picture of each field of a form that has a value; returns how many."""
    written = 0
    for number, kept in form.pages.items():
        if kept.records is None:
            continue
        for field in store.fields(kept.page.group):
            atomic_write_bytes(folder / crop_name(form.serial, number, field.name), field.crop)
            written += 1
    return written


def make_folder(folder: Path) -> None:
    """A folder that its owner alone may read, if it is not there yet: it will hold people's writing.

    Raises DataError if it can neither be made nor is there.
    """
    try:
        with suppress(FileExistsError):
            folder.mkdir(0o700)
        if not folder.is_dir():
            raise NotADirectoryError(0, "it is no folder")
    except (OSError, ValueError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else exc
        raise DataError(f"expected a folder at {printable(str(folder), 200)}, got: {reason}; name another") from exc
