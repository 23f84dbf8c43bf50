"""`mmdigit form review`: uncertain fields to people, and their corrections back."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from mmdigit.commands.form.common import (
    Person,
    QueueLength,
    TemplateFlag,
    count,
    need_forms,
    open_kept,
    require_one_way,
    shown,
)
from mmdigit.settings.database_settings import DatabaseSettings


class FormReviewSettings(DatabaseSettings):
    """Writes the fields that need a look into a folder, or reads the corrections back. Needs the extra `forms`."""

    prog: ClassVar[str] = "mmdigit form review"

    template: TemplateFlag
    output: Annotated[Path | None, Field(description="folder for queue.csv and a picture of each field")] = None
    count: QueueLength = 10_000
    corrections: Annotated[Path | None, Field(description="queue.csv with values filled in, to be read back")] = None
    by: Person = None

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        require_one_way(self.output, self.corrections, self.by, "corrections")
        return self

    def run(self) -> int:
        need_forms()
        from mmdigit.forms.loading import load_template
        from mmdigit.forms.reviewing.answers import Said, read_answers
        from mmdigit.forms.reviewing.queue import FILE, review_queue, write_queue

        template = load_template(self.template)
        with open_kept(self.forms_url, self.forms_database_password, template) as store:
            if self.output is not None:
                fields = write_queue(store, review_queue(store, template, self.count), self.output, blind=False)
                sys.stdout.write(f"{count(fields, 'field')} to look at: {shown(self.output / FILE)}\n")
                return 0
            said = Said("correction", self.by or "", datetime.now(UTC))
            tally = read_answers(store, template, self.corrections or Path(), said, sys.stderr)
        sys.stdout.write(
            f"{count(tally.kept, 'correction')} kept, {tally.known:,} known already, {tally.empty:,} lines without a "
            f"value, {tally.refused:,} refused\n"
        )
        return 1 if tally.refused else 0
