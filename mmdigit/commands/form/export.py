"""`mmdigit form export`: from the database of the forms to a table."""

import sys
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field

from mmdigit.commands.form.common import TemplateFlag, count, need_forms, open_kept, shown
from mmdigit.settings.database_settings import DatabaseSettings


class FormExportSettings(DatabaseSettings):
    """Writes the table of a form's copies, one row each. Needs the extra `forms`."""

    prog: ClassVar[str] = "mmdigit form export"

    template: TemplateFlag
    output: Annotated[
        Path, Field(examples=["table.csv"], description="table, one row a form: .csv, .jsonl or .parquet file")
    ]
    pages: Annotated[Path | None, Field(description="CSV file for what became of each page")] = None
    crops: Annotated[Path | None, Field(description="folder for a picture of each field, as the rows name them")] = None
    excel: Annotated[
        bool, Field(description='a CSV for Excel alone: digits stand as ="0012", so that leading zeros stay')
    ] = False

    def run(self) -> int:
        need_forms()
        from mmdigit.forms.loading import load_template
        from mmdigit.forms.reviewing.control import controlled_weeks
        from mmdigit.forms.table.exporting import export, write_pages

        template = load_template(self.template)
        with open_kept(self.forms_url, self.forms_database_password, template) as store:
            done = export(template, store, self.output, self.crops, excel=self.excel)
            if self.pages is not None:
                write_pages(template, store, self.pages)
            pages = store.counts(template.digest)
            weeks = controlled_weeks(store.controlled(template.digest), template)
        sys.stdout.write(
            f"{count(done.forms, 'form')}, {count(done.fields, 'field')}, {done.review:,} of them for review: "
            f"{shown(self.output)}\n"
        )
        for number, what in (
            (pages.failed, "not read"),
            (pages.unread, "whose jobs are not answered yet"),
            (done.duplicates, "left out, being there twice"),
        ):
            if number:
                sys.stdout.write(f"{count(number, 'page')} {what}\n")
        sys.stdout.writelines(f"{week.described}\n" for week in weeks)
        if self.crops is not None:
            sys.stdout.write(f"{count(done.crops, 'picture')}: {shown(self.crops)}\n")
        return 0
