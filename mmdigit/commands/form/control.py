"""`mmdigit form control`: accepted fields to people who do not see what was read, and what they key back."""

import sys
from datetime import UTC, datetime
from functools import partial
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


class FormControlSettings(DatabaseSettings):
    """Draws accepted fields for a person to key blindly, or reads back what was keyed. Needs the extra `forms`.

    Give the same --share and --seed for both.
    """

    prog: ClassVar[str] = "mmdigit form control"

    template: TemplateFlag
    share: Annotated[float, Field(gt=0, le=1, description="share of the accepted fields to draw")] = 0.02
    seed: Annotated[int, Field(ge=0, description="which fields are drawn; keep it to yourself")] = 0
    output: Annotated[Path | None, Field(description="folder for queue.csv and a picture of each drawn field")] = None
    count: QueueLength = 10_000
    keyed: Annotated[Path | None, Field(description="queue.csv with values filled in, to be read back")] = None
    by: Person = None

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        require_one_way(self.output, self.keyed, self.by, "keyed")
        return self

    def run(self) -> int:
        need_forms()
        from mmdigit.forms.loading import load_template
        from mmdigit.forms.reviewing.answers import Said, read_answers
        from mmdigit.forms.reviewing.control import controlled_weeks
        from mmdigit.forms.reviewing.queue import FILE, write_queue
        from mmdigit.forms.reviewing.sampling import control_queue, is_drawn

        template = load_template(self.template)
        with open_kept(self.forms_url, self.forms_database_password, template) as store:
            if self.output is not None:
                queue = control_queue(store, template, self.share, self.seed, self.count)
                fields = write_queue(store, queue, self.output, blind=True)
                sys.stdout.write(f"{count(fields, 'field')} to key: {shown(self.output / FILE)}\n")
                return 0
            said = Said("control", self.by or "", datetime.now(UTC), self.share)
            drawn = partial(is_drawn, self.seed, self.share)
            tally = read_answers(store, template, self.keyed or Path(), said, sys.stderr, drawn)
            weeks = controlled_weeks(store.controlled(template.digest), template)
        sys.stdout.write(
            f"{count(tally.kept, 'value')} kept, {tally.known:,} known already, {tally.empty:,} lines without a "
            f"value, {tally.refused:,} refused\n"
        )
        sys.stdout.writelines(f"{week.described}\n" for week in weeks)
        return 1 if tally.refused else 0
