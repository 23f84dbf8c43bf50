"""Paper forms on one machine: `python -m samples.demo_forms` prints a form, fills it in, scans it and reads it.

One field is also read aloud. What people write is drawn as in the sample pack, and what they say is joined from the
prompts of `mmdigit say`; everything else is what `mmdigit form` does with real paper.
"""

import argparse
import csv
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pypdfium2
from numpy.typing import NDArray
from PIL import Image
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from stdnum import luhn

from mmdigit.forms.loading import load_template
from mmdigit.forms.template.layout import Rect, Slot, slots_of
from mmdigit.forms.template.template import Template
from mmdigit.numbers.prompts import spoken_wav
from mmdigit.settings.program import run_program
from samples.handwriting import WritingStyle, draw_ink, random_style
from samples.strokes import DIGITS

FOLDER = Path(".mmdigit/demo-forms")  # emptied at each start
COPIES = 12
SEED = 7
DPI = 200
SPOKEN = "member"
"""The field that is also read aloud."""
SLIPPED = 5
"""The copy whose writer's pen slips: another digit is said than is written."""
SHOWN = ("member", "born", "amount", "items.1.article", "items.1.count")
_PX_PER_MM = DPI / 25.4
_INK = 0.85  # darkness of the pen

Page = NDArray[np.float64]
"""(height, width), range [0, 1], 1 = white."""


def demo(argv: Sequence[str]) -> int:
    """Print, fill, scan, read and show. Returns 0 if everything ran; what was read wrong is in the summary."""
    parser = argparse.ArgumentParser(prog="python -m samples.demo_forms", description=__doc__)
    parser.parse_args(argv)
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    form, stack, scans, table = (FOLDER / name for name in ("form.yaml", "stack.pdf", "scans.pdf", "table.csv"))
    form_command("new", str(form))
    add_spoken(form)
    form_command("print", str(form), "-n", str(COPIES), "-o", str(stack))
    template = load_template(form)
    written = fill_stack(template, stack, scans)
    _say(f"{scans}: {COPIES} people filled in a copy; one page lies upside down, one was scanned twice")
    read_aloud({serial: values[SPOKEN] for serial, values in written.items()}, FOLDER / "recordings")
    form_command("check", str(form), "--scan", str(scans), "-o", str(FOLDER / "boxes.png"))
    started_s = time.monotonic()
    # Exit code 1: the page that was scanned twice is told.
    recordings = ("--recordings", str(FOLDER / "recordings"))
    form_command("read", str(scans), "--template", str(form), *recordings, "-o", str(table), allowed=(0, 1))
    seconds = time.monotonic() - started_s
    with table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    console = Console()
    console.print(values_table(rows))
    console.print(summary_table(rows, written, seconds))
    console.print(f"table: {table}   scans: {scans}   what was found: {FOLDER / 'boxes.png'}", soft_wrap=True)
    return 0


def add_spoken(form: Path) -> None:
    """Let the form ask for a field to be read aloud."""
    form.write_text(form.read_text().replace(f"- name: {SPOKEN} ", f"- spoken: required\n        name: {SPOKEN} ", 1))
    _say(f"{form}: `spoken: required` says that {SPOKEN} is also read aloud")


def read_aloud(values: dict[int, str], folder: Path) -> None:
    """Record what each person says of the spoken field, by serial number."""
    folder.mkdir()
    for serial, value in values.items():
        said = str((int(value[0]) + 1) % 10) + value[1:] if serial == SLIPPED else value
        (folder / f"{serial}.{SPOKEN}.wav").write_bytes(spoken_wav(said))
    _say(f"{folder}: each has read {SPOKEN} aloud; on form {SLIPPED} the pen slipped, and another digit is said")


def fill_stack(template: Template, stack: Path, scans: Path) -> dict[int, dict[str, str]]:
    """Fill in each printed copy and save all as scans; returns what is written, by serial number and field."""
    written, pages = fill_pages(template, stack)
    turned = [pages[0], pages[1].rotate(180), *pages[2:], pages[2]]
    turned[0].save(scans, save_all=True, append_images=turned[1:], resolution=DPI)
    return written


def fill_pages(
    template: Template, stack: Path, value_of: Callable[[Slot, np.random.Generator], str] | None = None
) -> tuple[dict[int, dict[str, str]], list[Image.Image]]:
    """What is written, by serial number and field, and the filled pages. value_of: the digits to write in a field."""
    value_of = value_of or _value
    rng = np.random.default_rng(SEED)
    written: dict[int, dict[str, str]] = {}
    pages = []
    for serial, page in enumerate(_rendered(stack), 1):
        style = random_style(rng)
        written[serial] = {}
        for slot in slots_of(template, 0):
            value = value_of(slot, rng)
            if value:
                written[serial][slot.name] = value
                _write(page, slot, value, style, rng)
        grain = rng.normal(0, 0.015, page.shape)
        pages.append(Image.fromarray(np.round(255 * np.clip(page * 0.97 + grain, 0, 1)).astype(np.uint8)))
    return written, pages


def values_table(rows: Sequence[dict[str, str]]) -> Table:
    """The first fields of each form; a question mark where a person has to look."""
    table = Table(title="The table, its first columns (? = for review)", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("form", justify="right")
    for name in SHOWN:
        table.add_column(name)
    for row in rows:
        table.add_row(row["serial"], *(_shown(row, name) for name in SHOWN))
    return table


def summary_table(rows: Sequence[dict[str, str]], written: dict[int, dict[str, str]], seconds: float) -> Table:
    """How many fields were accepted, and how many of those are right."""
    accepted = right = review = 0
    for row in rows:
        for name, value in written[int(row["serial"])].items():
            if row[f"{name}.decision"] == "accept":
                accepted += 1
                right += as_written(row[name]) == value
            else:
                review += 1
    table = Table(title="Summary", show_header=False, box=SIMPLE_HEAD)
    table.add_column()
    table.add_column(justify="right")
    table.add_row("forms", f"{len(rows)} of {COPIES}")
    table.add_row("fields written", str(accepted + review))
    table.add_row("accepted", f"{accepted / (accepted + review):.0%}")
    table.add_row("right among the accepted", f"{right} of {accepted}")
    table.add_row("for a person to look at", str(review))
    caught = any(row["serial"] == str(SLIPPED) and "conflict" in row[f"{SPOKEN}.reasons"] for row in rows)
    table.add_row("slip of the pen caught by the voice", "yes" if caught else "no")
    table.add_row("from scans to the table", f"{seconds:.1f} s")
    return table


def form_command(command: str, *arguments: str, allowed: Sequence[int] = (0,)) -> None:
    """Say and run `mmdigit form COMMAND`. Raises SystemExit with an exit code that is not allowed."""
    _say(f"$ mmdigit form {command} {' '.join(arguments)}")
    done = subprocess.run([sys.executable, "-m", "mmdigit", "form", command, *arguments], check=False)  # noqa: S603
    if done.returncode not in allowed:
        raise SystemExit(done.returncode)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _rendered(pdf: Path) -> Iterator[Page]:
    document = pypdfium2.PdfDocument(pdf)
    for page in document:
        yield np.array(page.render(scale=DPI / 72, grayscale=True).to_numpy(), np.float64) / 255


def _value(slot: Slot, rng: np.random.Generator) -> str:
    """The digits to write, "" for none: rows of the grid after the third stay blank, as most people leave them."""
    field, count = slot.field, slot.field.boxes.count
    if field.type == "check" or (slot.row is not None and slot.row > 2):
        return ""
    if field.type == "date":
        return f"{rng.integers(1, 29):02}{rng.integers(1, 13):02}{rng.integers(1940, 2010)}"
    if field.type == "time":
        return f"{rng.integers(24):02}{rng.integers(60):02}"
    digits = "".join(map(str, rng.integers(10, size=count)))
    return digits[:-1] + str(luhn.calc_check_digit(digits[:-1])) if "luhn" in field.validators else digits


def _write(page: Page, slot: Slot, value: str, style: WritingStyle, rng: np.random.Generator) -> None:
    for box, digit in zip(slot.boxes, value, strict=True):
        forms = DIGITS[int(digit)]
        _write_digit(page, box, draw_ink(forms[rng.integers(len(forms))], *_size(box), style, rng))


def _size(box: Rect) -> tuple[int, int]:
    return round((box.right - box.left) * _PX_PER_MM), round((box.bottom - box.top) * _PX_PER_MM)


def _write_digit(page: Page, box: Rect, ink: Page) -> None:
    top, left = round(box.top * _PX_PER_MM), round(box.left * _PX_PER_MM)
    place = page[top : top + ink.shape[0], left : left + ink.shape[1]]
    np.minimum(place, 1 - _INK * ink, out=place)


def _shown(row: dict[str, str], name: str) -> str:
    return row[name] if row[f"{name}.decision"] == "accept" else f"[yellow]{row[name]} ?[/yellow]"


def as_written(text: str) -> str:
    """The digits of a value, as they were written: the table shows dates, times and amounts as people read them."""
    if text.count("-") == 2:
        year, month, day = text.split("-")
        return day + month + year
    return text.replace(":", "").replace(".", "")


def main() -> int:
    return run_program("python -m samples.demo_forms", demo)


if __name__ == "__main__":
    sys.exit(main())
