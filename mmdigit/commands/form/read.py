"""`mmdigit form read`: from scans to a table, in one process."""

import sys
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field
from pydantic_settings import CliPositionalArg

from mmdigit.commands.form.common import TemplateFlag, need_forms
from mmdigit.settings.base import ProgramSettings
from mmdigit.settings.model import Threads, Weights


class FormReadSettings(ProgramSettings):
    """Reads scanned forms into a CSV table, one row a form. Needs the extra `forms`."""

    prog: ClassVar[str] = "mmdigit form read"

    scans: CliPositionalArg[
        Annotated[Path, Field(examples=["scans"], description="PDF, TIFF, PNG or JPEG file, or a folder of them")]
    ]
    template: TemplateFlag
    output: Annotated[Path, Field(examples=["table.csv"], description="CSV file for the values, one row a form")]
    pages: Annotated[Path | None, Field(description="CSV file for what became of each page")] = None
    weights: Weights = None
    threads: Threads = 1

    def run(self) -> int:
        need_forms()
        from mmdigit.forms.form_reader import FormReader
        from mmdigit.forms.read_stack import read_stack, summary
        from mmdigit.forms.template_file import load_template
        from mmdigit.reading.predictor import Predictor

        reader = FormReader(load_template(self.template), Predictor.load(self.weights, threads=self.threads))
        tally = read_stack(reader, self.scans, self.output, self.pages, sys.stderr)
        sys.stdout.write(summary(tally, self.output))
        return 1 if tally.failed else 0
