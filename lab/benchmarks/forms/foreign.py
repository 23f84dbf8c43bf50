"""python -m lab.benchmarks.forms.foreign: a real form that somebody else printed, adopted from its blank and read.

Prints a row a scan, and the totals: the right variant, its boxes found, digits and numbers right, what was accepted.
The draft that `mmdigit form adopt` offers is used as it is, but for the name of the field.
"""

import argparse
import csv
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmdigit.forms.adopt.drafting import draft_template
from mmdigit.forms.loading import load_template
from mmdigit.forms.pages.decoder import PageDecoder
from mmdigit.forms.pages.page import PageFault
from mmdigit.forms.reading.form_reader import FormReader
from mmdigit.forms.template.template import Template
from mmdigit.reading.predictor import Predictor

FOLDER = Path("forms") / "numeric-id"
COLUMNS = ("page", "variant", "read as variant", "number", "read", "decision", "reasons", "CPU ms")


@dataclass(frozen=True)
class ReadScan:
    """One scan. variant: of the blank, 0 if the page was not read. cpu_s: from its pixels to its value."""

    page: int
    true_variant: int
    true_number: str
    variant: int
    number: str
    accepted: bool
    reasons: str
    cpu_s: float

    @property
    def digits_right(self) -> int:
        if len(self.number) != len(self.true_number):
            return 0
        return sum(one == other for one, other in zip(self.number, self.true_number, strict=True))


def adopted(blank: Path, folder: Path) -> Template:
    """The template that is offered for a blank of several variants, its field named; folder: where to put it."""
    (folder / blank.name).write_bytes(blank.read_bytes())
    output = folder / "form.yaml"
    text = draft_template(folder / blank.name, output, "either")
    output.write_text(text.replace("name: field1\n", "name: number\n"))
    return load_template(output)


def read_scans(folder: Path) -> Iterator[ReadScan]:
    """folder: with blank.pdf, scans.pdf and truth.csv (page, variant, number)."""
    with (folder / "truth.csv").open(newline="") as file:
        truth = {int(row["page"]): row for row in csv.DictReader(file)}
    with tempfile.TemporaryDirectory() as place, PageDecoder() as decoder:
        reader = FormReader(adopted(folder / "blank.pdf", Path(place)), Predictor.load())
        for page in decoder.pages_of(folder / "scans.pdf"):
            begun = time.process_time()
            read = page if isinstance(page, PageFault) else reader.read(page)
            spent = time.process_time() - begun
            row = truth[page.number]
            variant, number, accepted, reasons = 0, "", False, ""
            if isinstance(read, PageFault):
                reasons = read.reason
            else:
                value = read.values[0]
                variant, number = read.identity.page, value.text
                accepted, reasons = value.decision == "accept", ", ".join(value.reasons)
            yield ReadScan(
                page.number, int(row["variant"]), row["number"], variant, number, accepted, reasons, spent
            )  # fmt: skip


def totals(scans: Sequence[ReadScan]) -> str:
    digits = sum(len(scan.true_number) for scan in scans)
    right = sum(scan.digits_right for scan in scans)
    accepted = [scan for scan in scans if scan.accepted]
    return (
        f"matched {sum(scan.variant == scan.true_variant for scan in scans)} of {len(scans)}, "
        f"digits {right} of {digits} ({right / digits:.2%}), "
        f"numbers {sum(scan.number == scan.true_number for scan in scans)} of {len(scans)}, "
        f"accepted {len(accepted)}, wrong among them {sum(scan.number != scan.true_number for scan in accepted)}, "
        f"CPU {1000 * sum(scan.cpu_s for scan in scans) / len(scans):.0f} ms a page\n"
    )


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m lab.benchmarks.forms.foreign", description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    given = parser.parse_args(argv)
    scans = list(read_scans(given.data / FOLDER))
    sys.stdout.write(f"| {' | '.join(COLUMNS)} |\n{'|---' * len(COLUMNS)}|\n")
    for scan in scans:
        decision = "accept" if scan.accepted else "review"
        sys.stdout.write(
            f"| {scan.page} | {scan.true_variant} | {scan.variant or '-'} | {scan.true_number} | {scan.number} | "
            f"{decision} | {scan.reasons} | {1000 * scan.cpu_s:.0f} |\n"
        )
    sys.stdout.write("\n" + totals(scans))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
