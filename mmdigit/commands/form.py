"""`mmdigit form`: describes, checks, prints and reads forms. Needs the extra `forms`."""

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator
from pydantic_settings import CliPositionalArg, CliSubCommand

from mmdigit.files.atomic import atomic_write_bytes
from mmdigit.settings.base import ProgramSettings, documented
from mmdigit.settings.model import Threads, Weights
from schemas.errors import DataError, SettingsError
from schemas.printable import printable

TemplateFile = CliPositionalArg[
    Annotated[Path, Field(examples=["form.yaml"], description="the form, as `mmdigit form new` writes one")]
]


class FormNewSettings(ProgramSettings):
    """Writes a commented example of a form, to be changed. Needs the extra `forms`."""

    prog: ClassVar[str] = "mmdigit form new"

    template: CliPositionalArg[
        Annotated[Path, Field(examples=["form.yaml"], description="file to write; it must not exist yet")]
    ]

    def run(self) -> int:
        _need_forms()
        from mmdigit.forms.template_file import example

        if self.template.exists():
            raise SettingsError(f"expected no file yet at {_shown(self.template)}, got one; name another")
        atomic_write_bytes(self.template, example())
        sys.stdout.write(f"{_shown(self.template)}: change it, then run `mmdigit form check {_shown(self.template)}`\n")
        return 0


class FormCheckSettings(ProgramSettings):
    """Says what is wrong with a form, by line, and draws its boxes over a scan. Needs the extra `forms`."""

    prog: ClassVar[str] = "mmdigit form check"

    template: TemplateFile
    scan: Annotated[Path | None, Field(description="a scan of one page of it, PDF, TIFF, PNG or JPEG")] = None
    output: Annotated[Path | None, Field(description="PNG file for the boxes drawn over the scan")] = None

    @model_validator(mode="after")
    def _scan_and_output(self) -> Self:
        if (self.scan is None) != (self.output is None):
            raise ValueError("expected --scan and --output together, got one of them")
        return self

    def run(self) -> int:
        _need_forms()
        from mmdigit.forms.layout import slots_of
        from mmdigit.forms.printing import print_form
        from mmdigit.forms.template_file import load_template

        try:
            template = load_template(self.template)
            print_form(template)
        except DataError as exc:
            for line in str(exc).split(";\n"):
                sys.stderr.write(f"mmdigit: error: {printable(line, 400)}\n")
            return exc.exit_code
        slots = [slot for page in range(len(template.pages)) for slot in slots_of(template, page)]
        boxes = sum(len(slot.boxes) for slot in slots)
        sys.stdout.write(
            f"{_shown(self.template)}: form {template.form} revision {template.revision}, "
            f"{_count(len(template.pages), 'page')}, {_count(len(slots), 'field')}, {_count(boxes, 'box', 'boxes')}\n"
        )
        if self.scan is not None and self.output is not None:
            from mmdigit.forms.overlay import draw_first_page

            draw_first_page(template, self.scan, self.output)
            sys.stdout.write(f"{_shown(self.output)}: boxes that are found are green, others red\n")
        return 0


class FormPrintSettings(ProgramSettings):
    """Writes a PDF of numbered copies of a form. Needs the extra `forms`."""

    prog: ClassVar[str] = "mmdigit form print"

    template: TemplateFile
    count: Annotated[int, Field(ge=1, le=10_000, description="copies; each has a serial number of its own")] = 1
    first_serial: Annotated[int, Field(ge=1, le=36**5 - 1, description="serial number of the first copy")] = 1
    output: Annotated[Path, Field(examples=["stack.pdf"], description="PDF file")]

    def run(self) -> int:
        _need_forms()
        from mmdigit.forms.printing import print_form
        from mmdigit.forms.template_file import load_template

        template = load_template(self.template)
        atomic_write_bytes(self.output, print_form(template, self.count, self.first_serial))
        last = self.first_serial + self.count - 1
        sys.stdout.write(
            f"{_shown(self.output)}: {_count(self.count, 'copy', 'copies')} of {template.form}, serial numbers "
            f"{self.first_serial} to {last}; print at 100 %, not fitted to the page\n"
        )
        return 0


class FormReadSettings(ProgramSettings):
    """Reads scanned forms into a CSV table, one row a form. Needs the extra `forms`."""

    prog: ClassVar[str] = "mmdigit form read"

    scans: CliPositionalArg[
        Annotated[Path, Field(examples=["scans"], description="PDF, TIFF, PNG or JPEG file, or a folder of them")]
    ]
    template: Annotated[Path, Field(examples=["form.yaml"], description="the form that was printed")]
    output: Annotated[Path, Field(examples=["table.csv"], description="CSV file for the values, one row a form")]
    pages: Annotated[Path | None, Field(description="CSV file for what became of each page")] = None
    weights: Weights = None
    threads: Threads = 1

    def run(self) -> int:
        _need_forms()
        from mmdigit.forms.form_reader import FormReader
        from mmdigit.forms.read_stack import read_stack, summary
        from mmdigit.forms.template_file import load_template
        from mmdigit.reading.predictor import Predictor

        reader = FormReader(load_template(self.template), Predictor.load(self.weights, threads=self.threads))
        tally = read_stack(reader, self.scans, self.output, self.pages, sys.stderr)
        sys.stdout.write(summary(tally, self.output))
        return 1 if tally.failed else 0


class FormCommands(ProgramSettings):
    """Paper forms: describe, check, print, read."""

    prog: ClassVar[str] = "mmdigit form"

    new: Annotated[CliSubCommand[FormNewSettings], documented(FormNewSettings)]
    check: Annotated[CliSubCommand[FormCheckSettings], documented(FormCheckSettings)]
    print: Annotated[CliSubCommand[FormPrintSettings], documented(FormPrintSettings)]
    read: Annotated[CliSubCommand[FormReadSettings], documented(FormReadSettings)]


def _need_forms() -> None:
    if any(find_spec(name) is None for name in ("yaml", "reportlab", "segno", "zxingcpp", "pypdfium2", "stdnum")):
        raise SettingsError(
            "expected the packages that read forms, got one or more not installed; run `pip install 'mmdigit[forms]'`"
        )


def _shown(path: Path) -> str:
    return printable(str(path), 200)


def _count(number: int, one: str, more: str = "") -> str:
    return f"{number:,} {one if number == 1 else more or f'{one}s'}"
