"""`mmdigit form new`, `check` and `print`: from a description to paper."""

import sys
from pathlib import Path
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator
from pydantic_settings import CliPositionalArg

from mmdigit.commands.form.common import TemplateFile, count, need_forms, shown
from mmdigit.files.atomic import atomic_write_bytes
from mmdigit.settings.base import ProgramSettings
from schemas.errors import DataError, SettingsError
from schemas.printable import printable


class FormNewSettings(ProgramSettings):
    """Writes a commented example of a form, to be changed. Needs the extra `forms`."""

    prog: ClassVar[str] = "mmdigit form new"

    template: CliPositionalArg[
        Annotated[Path, Field(examples=["form.yaml"], description="file to write; it must not exist yet")]
    ]

    def run(self) -> int:
        need_forms()
        from mmdigit.forms.template.parsing import example

        if self.template.exists():
            raise SettingsError(f"expected no file yet at {shown(self.template)}, got one; name another")
        atomic_write_bytes(self.template, example())
        sys.stdout.write(f"{shown(self.template)}: change it, then run `mmdigit form check {shown(self.template)}`\n")
        return 0


class FormCheckSettings(ProgramSettings):
    """Says what is wrong with a form, by line, and draws its boxes over a scan. Needs the extra `forms`."""

    prog: ClassVar[str] = "mmdigit form check"

    template: TemplateFile
    scan: Annotated[Path | None, Field(description="a scan of it, PDF, TIFF, PNG or JPEG")] = None
    page: Annotated[int, Field(ge=1, le=10_000, description="of the scan")] = 1
    output: Annotated[Path | None, Field(description="PNG file for the boxes drawn over the scan")] = None

    @model_validator(mode="after")
    def _scan_and_output(self) -> Self:
        if (self.scan is None) != (self.output is None):
            raise ValueError("expected --scan and --output together, got one of them")
        return self

    def run(self) -> int:
        need_forms()
        from mmdigit.forms.loading import load_template
        from mmdigit.forms.printing.pdf import print_form
        from mmdigit.forms.template.layout import slots_of

        try:
            template = load_template(self.template)
            if template.blank is None:
                print_form(template)
        except DataError as exc:
            for line in str(exc).split(";\n"):
                sys.stderr.write(f"mmdigit: error: {printable(line, 400)}\n")
            return exc.exit_code
        slots = [slot for page in range(len(template.pages)) for slot in slots_of(template, page)]
        boxes = sum(len(slot.boxes) for slot in slots)
        sys.stdout.write(
            f"{shown(self.template)}: form {template.form} revision {template.revision}, "
            f"{count(len(template.pages), 'page')}, {count(len(slots), 'field')}, {count(boxes, 'box', 'boxes')}\n"
        )
        if self.scan is not None and self.output is not None:
            from mmdigit.forms.sheets.overlay import draw_scan

            draw_scan(template, self.scan, self.output, self.page)
            sys.stdout.write(
                f"{shown(self.output)}: page {self.page} of the scan; boxes that are found are green, others red\n"
            )
        return 0


class FormPrintSettings(ProgramSettings):
    """Writes a PDF of numbered copies of a form. Needs the extra `forms`."""

    prog: ClassVar[str] = "mmdigit form print"

    template: TemplateFile
    count: Annotated[int, Field(ge=1, le=10_000, description="copies; each has a serial number of its own")] = 1
    first_serial: Annotated[int, Field(ge=1, le=36**5 - 1, description="serial number of the first copy")] = 1
    output: Annotated[Path, Field(examples=["stack.pdf"], description="PDF file")]

    def run(self) -> int:
        need_forms()
        from mmdigit.forms.loading import load_template
        from mmdigit.forms.printing.pdf import print_form

        template = load_template(self.template)
        atomic_write_bytes(self.output, print_form(template, self.count, self.first_serial))
        last = self.first_serial + self.count - 1
        sys.stdout.write(
            f"{shown(self.output)}: {count(self.count, 'copy', 'copies')} of {template.form}, serial numbers "
            f"{self.first_serial} to {last}; print at 100 %, not fitted to the page\n"
        )
        return 0
