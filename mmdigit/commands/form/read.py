"""`mmdigit form read`: from scans to a table, in one process."""

import sys
from pathlib import Path
from typing import Annotated, ClassVar
from urllib.parse import quote

from pydantic import Field
from pydantic_settings import CliPositionalArg

from mmdigit.commands.form.common import TemplateFlag, ThresholdsFile, need_forms
from mmdigit.settings.database_settings import FORMS_URL, DatabasePasswordSettings
from mmdigit.settings.model import Threads, Weights
from schemas.errors import SettingsError


class FormReadSettings(DatabasePasswordSettings):
    """Reads scanned forms into a table, one row a form. Needs the extra `forms`.

    Pages that the database holds already are not read again: an interrupted run goes on where it ended.
    """

    prog: ClassVar[str] = "mmdigit form read"

    scans: CliPositionalArg[
        Annotated[Path, Field(examples=["scans"], description="PDF, TIFF, PNG or JPEG file, or a folder of them")]
    ]
    template: TemplateFlag
    output: Annotated[
        Path, Field(examples=["table.csv"], description="table, one row a form: .csv, .jsonl or .parquet file")
    ]
    pages: Annotated[Path | None, Field(description="CSV file for what became of each page")] = None
    forms_url: Annotated[
        str | None,
        Field(
            validation_alias="forms",
            repr=False,
            description=f"database of the pages, by default a file beside the output, table.db: {FORMS_URL}",
        ),
    ] = None
    recordings: Annotated[
        Path | None,
        Field(
            examples=["recordings"],
            description="folder of recordings of spoken fields: SERIAL.FIELD.wav, or SERIAL.wav of a page",
        ),
    ] = None
    thresholds: ThresholdsFile = None
    weights: Weights = None
    threads: Threads = 1

    def run(self) -> int:
        need_forms()
        from mmdigit.files.atomic import require_replaceable
        from mmdigit.forms.fields.thresholds import load_thresholds
        from mmdigit.forms.loading import load_template
        from mmdigit.forms.reading.form_reader import FormReader
        from mmdigit.forms.reading.stack import read_stack, summary
        from mmdigit.forms.spoken.recordings import Recordings
        from mmdigit.forms.store.sql_store import open_page_store
        from mmdigit.reading.predictor import Predictor

        template = load_template(self.template)
        beside = require_replaceable(self.output).with_suffix(".db")
        thresholds = None if self.thresholds is None else load_thresholds(self.thresholds, template)
        if self.recordings is not None and template.blank is not None:
            raise SettingsError("expected no --recordings for an adopted form, whose copies have no number; omit it")
        recordings = None if self.recordings is None else Recordings(self.recordings)
        predictor = Predictor.load(self.weights, threads=self.threads)
        reader = FormReader(template, predictor, thresholds, recordings)
        url = self.forms_url or f"sqlite:///{quote(str(beside))}"
        with open_page_store(url, self.forms_database_password) as store:
            tally = read_stack(reader, store, self.scans, self.output, self.pages, sys.stderr)
        sys.stdout.write(summary(tally, self.output))
        return 1 if tally.failed else 0
