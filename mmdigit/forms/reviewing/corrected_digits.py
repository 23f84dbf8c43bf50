"""The digits of fields that people have said what they hold, one picture each: what `mmdigit finetune` learns from."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from mmdigit.files.atomic import atomic_write, atomic_write_bytes
from mmdigit.forms.cells.crops import boxes_in_crop, cut_box
from mmdigit.forms.reviewing.queue import crop_reader, fields_of
from mmdigit.forms.reviewing.work import read_digits
from mmdigit.forms.store.ports import PageStore
from mmdigit.forms.table.assembling import forms_of
from mmdigit.forms.table.exporting import make_folder
from mmdigit.forms.template.template import Template

FILE, PICTURES = "corrections.csv", "digits"


@dataclass(frozen=True)
class CorrectedDigit:
    """One box. serial: of the form, whose writer is taken for one person; box: from 0; picture: a PNG of the box."""

    serial: int
    page: int
    field: str
    box: int
    digit: int
    picture: bytes

    @property
    def name(self) -> str:
        return f"{self.serial}-{self.page}-{self.field}-{self.box}"


def corrected_digits(store: PageStore, template: Template) -> Iterator[CorrectedDigit]:
    """Every digit of the fields that people have corrected, confirmed or keyed, where each box is known."""
    read_crop = crop_reader(store)
    for form in forms_of(store.pages(template.digest), template):
        for queued in fields_of(form, template):
            said = queued.record.correction or queued.record.control
            if said is None:
                continue
            value = replace(queued.record.value, text=said.text, reasons=())
            digits = read_digits(queued.slot.field, replace(queued.record, value=value))
            if digits is None:
                continue
            crop = read_crop(queued)
            boxes = boxes_in_crop(queued.slot, template.size_mm, crop)
            for box, (digit, place) in enumerate(zip(digits, boxes, strict=False)):
                if digit is not None:
                    picture = cut_box(crop, place)
                    yield CorrectedDigit(queued.serial, queued.page, queued.slot.name, box, digit, picture)


def write_corrected_digits(store: PageStore, template: Template, folder: Path) -> int:
    """Write FILE, a manifest with label and writer, and the pictures; returns how many digits.

    Raises SettingsError if the folder cannot be written to.
    """
    make_folder(folder)
    make_folder(folder / PICTURES)
    count = 0
    with atomic_write(folder / FILE) as file:
        table = csv.writer(file)
        table.writerow(("id", "image", "label", "writer"))
        for digit in corrected_digits(store, template):
            picture = f"{PICTURES}/{digit.name}.png"
            atomic_write_bytes(folder / picture, digit.picture)
            table.writerow((digit.name, picture, digit.digit, f"form {digit.serial}"))
            count += 1
    return count
