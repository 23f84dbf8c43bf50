"""A queue of fields for people: a CSV with an empty column for the value, and a picture of each field."""

import csv
import heapq
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mmdigit.files.atomic import atomic_write, atomic_write_bytes
from mmdigit.files.predictions_csv import safe_cell
from mmdigit.forms.store.ports import FieldRecord, PageStore
from mmdigit.forms.table.assembling import KeptForm, forms_of
from mmdigit.forms.table.exporting import make_folder
from mmdigit.forms.table.rows import crop_name, named_slots
from mmdigit.forms.template.layout import Slot
from mmdigit.forms.template.template import Template
from schemas.errors import SettingsError
from schemas.printable import printable

FILE, CROPS = "queue.csv", "crops"
COLUMNS = ("id", "serial", "page", "field", "label", "boxes", "reasons", "read", "crop", "seen", "value")
BLIND_COLUMNS = tuple(column for column in COLUMNS if column not in ("reasons", "read", "seen"))


@dataclass(frozen=True)
class Queued:
    """A field that somebody has to look at. page: of the form, from 1."""

    group: str
    serial: int
    page: int
    slot: Slot
    record: FieldRecord

    @property
    def id(self) -> str:
        return f"{self.group}:{self.slot.name}"


def fields_of(form: KeptForm, template: Template) -> Iterator[Queued]:
    """Every field of a form that has a value, in the template's order."""
    for number, slot in named_slots(template):
        kept = form.pages.get(number)
        if kept is not None and kept.records is not None:
            yield Queued(kept.page.group, form.serial, number, slot, kept.records[slot.name])


def review_queue(store: PageStore, template: Template, count: int) -> list[Queued]:
    """At most count fields to review: those of forms with the fewest first, so that whole forms are done soonest."""

    def ranked() -> Iterator[tuple[int, int, int, Queued]]:
        for form in forms_of(store.pages(template.digest), template):
            fields = [field for field in fields_of(form, template) if field.record.decision == "review"]
            for position, field in enumerate(fields):
                yield len(fields), form.serial, position, field

    return [field for *_, field in heapq.nsmallest(count, ranked(), key=lambda ranked: ranked[:3])]


def crop_reader(store: PageStore) -> Callable[[Queued], bytes]:
    """Reads the picture of a field, and a page only once while fields of it follow each other."""
    group, crops = "", dict[str, bytes]()

    def read(field: Queued) -> bytes:
        nonlocal group, crops
        if field.group != group:
            group, crops = field.group, {each.name: each.crop for each in store.fields(field.group)}
        return crops[field.slot.name]

    return read


def write_queue(store: PageStore, queue: Iterable[Queued], folder: Path, *, blind: bool) -> int:
    """Write FILE and the pictures into a folder; returns how many fields. blind: nothing tells what was read.

    Raises SettingsError if the folder holds a queue already: somebody may have worked on it.
    """
    make_folder(folder)
    make_folder(folder / CROPS)
    if (folder / FILE).exists():
        raise SettingsError(
            f"expected no {FILE} yet in {printable(str(folder), 200)}, got one; read it back first, or name another "
            "folder"
        )
    columns, written = BLIND_COLUMNS if blind else COLUMNS, 0
    read_crop = crop_reader(store)
    with atomic_write(folder / FILE) as file:
        table = csv.writer(file)
        table.writerow(columns)
        for field in queue:
            crop = crop_name(field.serial, field.page, field.slot.name)
            atomic_write_bytes(folder / CROPS / crop, read_crop(field))
            cells = {
                "id": field.id,
                "serial": str(field.serial),
                "page": str(field.page),
                "field": field.slot.name,
                "label": field.slot.field.label,
                "boxes": f"{field.slot.field.type}, {field.slot.field.boxes.count}",
                "reasons": ";".join(field.record.reasons),
                "read": field.record.text,
                "crop": f"{CROPS}/{crop}",
                "seen": str(len(field.record.changes)),
                "value": "",
            }
            table.writerow([safe_cell(cells[column]) for column in columns])
            written += 1
    return written
