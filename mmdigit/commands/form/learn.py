"""`mmdigit form learn`: where the model is wrong, and thresholds fitted to it."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from mmdigit.commands.form.common import TemplateFlag, need_forms, open_kept, shown
from mmdigit.files.atomic import atomic_write_bytes
from mmdigit.settings.database_settings import DatabaseSettings
from schemas.printable import printable

if TYPE_CHECKING:
    from mmdigit.forms.fields.thresholds import Thresholds
    from mmdigit.forms.reviewing.learning import Lesson

MOST_SHOWN = 10  # lines of each table


class FormLearnSettings(DatabaseSettings):
    """Reports what the model got wrong where people have looked, and fits thresholds. Needs the extra `forms`."""

    prog: ClassVar[str] = "mmdigit form learn"

    template: TemplateFlag
    output: Annotated[
        Path | None, Field(examples=["thresholds.json"], description="JSON file for --thresholds of form read, collect")
    ] = None
    digits: Annotated[
        Path | None, Field(description="folder for pictures of the digits and corrections.csv, for mmdigit finetune")
    ] = None

    def run(self) -> int:
        need_forms()
        from mmdigit.forms.loading import load_template
        from mmdigit.forms.reviewing.corrected_digits import FILE, write_corrected_digits
        from mmdigit.forms.reviewing.learning import learn, thresholds_of

        template = load_template(self.template)
        with open_kept(self.forms_url, self.forms_database_password, template) as store:
            lesson = learn(store, template)
            written = None if self.digits is None else write_corrected_digits(store, template, self.digits)
        thresholds = thresholds_of(lesson, template)
        sys.stdout.writelines(f"{line}\n" for line in report(lesson, thresholds))
        if self.output is not None:
            atomic_write_bytes(self.output, thresholds.model_dump_json(indent=2).encode() + b"\n")
            sys.stdout.write(f"{shown(self.output)}: thresholds for {printable(thresholds.model_version)}\n")
        if self.digits is not None:
            sys.stdout.write(f"{shown(self.digits / FILE)}: {written:,} digits that people have said\n")
        return 0


def report(lesson: "Lesson", thresholds: "Thresholds") -> Iterator[str]:
    """The tables, those with most wrong first, the digits that are mistaken most, and the thresholds."""
    for table, counts in lesson.tables.items():
        yield f"{table}: wrong of those that people have looked at"
        ranked = sorted(counts.items(), key=lambda each: (-each[1][1], -each[1][0], each[0]))
        yield from (f"  {printable(name, 60)}: {wrong:,} of {seen:,}" for name, (seen, wrong) in ranked[:MOST_SHOWN])
    if lesson.confusions:
        yield "digits: read, and what is written"
        common = lesson.confusions.most_common(MOST_SHOWN)
        yield from (f"  {read} was {truth}: {times:,} times" for (read, truth), times in common)
    for kind in sorted(lesson.evidence):
        found, target = thresholds.fields.get(kind), 100 * lesson.targets[kind]
        if found is None:
            yield f"threshold of {kind}: no chance shows the target of {target:.3g} %; control more of its fields"
        else:
            yield (
                f"threshold of {kind}: chance {found.chance:g}, at most {100 * found.bound:.3g} % wrong (95 %), "
                f"target {target:.3g} %, {found.looked_at:,} looked at"
            )
