"""`mmdigit form adopt`: from a blank form that somebody else printed to a template."""

import sys
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field
from pydantic_settings import CliPositionalArg

from mmdigit.commands.form.common import count, need_forms, shown
from mmdigit.files.atomic import atomic_write
from mmdigit.settings.base import ProgramSettings
from schemas.errors import SettingsError


class FormAdoptSettings(ProgramSettings):
    """Finds the boxes on a blank form that somebody else printed, and writes a template of them, to be named. Needs
    the extra `forms`."""

    prog: ClassVar[str] = "mmdigit form adopt"

    blank: CliPositionalArg[
        Annotated[Path, Field(examples=["blank.pdf"], description="the empty form: PDF, TIFF, PNG or JPEG")]
    ]
    output: Annotated[
        Path, Field(examples=["form.yaml"], description="template to write, beside the blank; it must not exist yet")
    ]
    pages: Annotated[
        Literal["together", "either"],
        Field(description="together: a copy has all the pages; either: each scan is a copy, on one of them"),
    ] = "together"

    def run(self) -> int:
        need_forms()
        from mmdigit.forms.adopt.drafting import draft_template
        from mmdigit.forms.adopt.recognising import require_distinct
        from mmdigit.forms.loading import load_template
        from mmdigit.forms.template.layout import slots_of

        if self.output.exists():
            raise SettingsError(f"expected no file yet at {shown(self.output)}, got one; name another")
        if self.output.resolve().parent != self.blank.resolve().parent:
            raise SettingsError(f"expected --output beside {shown(self.blank)}, got another folder; keep them together")
        text = draft_template(self.blank, self.output, self.pages)
        with atomic_write(self.output) as file:
            file.write(text)
        template = load_template(self.output)
        require_distinct(template)
        for number in range(len(template.pages)):
            slots = slots_of(template, number)
            boxes = sum(len(slot.boxes) for slot in slots)
            found = f"{count(len(slots), 'field')}, {count(boxes, 'box', 'boxes')}"
            sys.stdout.write(f"{shown(self.blank)}, page {number + 1}: {found}\n")
        sys.stdout.write(
            f"{shown(self.output)}: name its fields, then run `mmdigit form check {shown(self.output)} --scan "
            f"{shown(self.blank)} -o boxes.png`\n"
        )
        return 0
