"""`mmdigit form send`: from scans to the topic of pages."""

import hashlib
import signal
import sys
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator
from pydantic_settings import CliPositionalArg

from mmdigit.commands.form.common import count, need_forms
from mmdigit.settings.access_settings import AccessSettings
from schemas.errors import SettingsError


class FormSendSettings(AccessSettings):
    """Puts each page of scanned forms on a topic, for page workers. Needs the extra `forms`.

    What the topic has acknowledged is not sent again: an interrupted run goes on where it ended.
    """

    prog: ClassVar[str] = "mmdigit form send"

    scans: CliPositionalArg[
        Annotated[
            str,
            Field(
                min_length=1,
                examples=["scans"],
                description="PDF, TIFF, PNG or JPEG file, or a folder of them: a path, s3://bucket/folder, or a URL of "
                "another file system that fsspec knows",
            ),
        ]
    ]
    recursive: Annotated[bool, Field(description="also read the folders inside a folder")] = False
    to_url: Annotated[
        str,
        Field(
            min_length=1,
            validation_alias="to",
            repr=False,
            examples=["kafka://localhost:29092/mmdigit.pages"],
            description="topic of pages: kafka://host:9092/topic or sqlite:///file?topic=pages",
        ),
    ]
    journal_dir: Annotated[
        Path, Field(description="folder of journals: the pages that each topic has acknowledged")
    ] = Path(".mmdigit/journal")
    resend: Annotated[bool, Field(description="ignore the journal and send every page again, under the same ids")] = (
        False
    )

    recordings: Annotated[
        Path | None,
        Field(
            examples=["recordings"],
            description="folder of recordings of spoken fields, named as for `mmdigit form read`; needs --template",
        ),
    ] = None
    template: Annotated[
        Path | None,
        Field(examples=["form.yaml"], description="the form that was printed, by which recordings find their pages"),
    ] = None

    @model_validator(mode="after")
    def _recordings_need_the_template(self) -> Self:
        if (self.recordings is None) != (self.template is None):
            raise ValueError("expected --recordings and --template together, got one of them")
        return self

    def run(self) -> int:
        need_forms()
        from mmdigit.forms.loading import load_template
        from mmdigit.forms.pages.decoder import PageDecoder
        from mmdigit.forms.sending.scans import open_scans
        from mmdigit.forms.sending.sender import PageSender
        from mmdigit.forms.sending.spoken_pages import SpokenPages
        from mmdigit.forms.spoken.recordings import Recordings
        from mmdigit.sending.destination import parse_destination
        from mmdigit.sending.journal import Journal
        from mmdigit.sending.progress import progress_on
        from mmdigit.transport.urls import open_publisher

        signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C, which writes the journal
        template = None if self.template is None else load_template(self.template)
        if template is not None and template.blank is not None:
            raise SettingsError("expected no --recordings for an adopted form, whose copies have no number; omit it")
        recordings = None if self.recordings is None else Recordings(self.recordings)
        scans = open_scans(self.scans, recursive=self.recursive)
        group = f"pages.{hashlib.sha256(self._place.encode()).hexdigest()[:16]}"
        destination = parse_destination(self.to_url)
        with (
            open_publisher(self.to_url, access=self.access) as publisher,
            Journal.open(self.journal_dir, destination, group, resend=self.resend) as journal,
            PageDecoder() as decoder,
            PageDecoder() as finder,
            progress_on(sys.stderr, "files", len(scans.names), time.monotonic) as progress,
        ):
            spoken = None if template is None or recordings is None else SpokenPages(template, recordings, finder)
            now = partial(datetime.now, UTC)
            sender = PageSender(publisher, journal, decoder, progress, time.monotonic, now, spoken)
            tally = sender.run(scans)
        lines = [f"{count(tally.sent, 'page')} of {count(tally.files, 'file')} sent and acknowledged"]
        if tally.resumed:
            lines.append(
                f"{count(tally.resumed, 'page or file', 'pages or files')} sent before; --resend sends all again"
            )
        if tally.failed:
            lines.append(f"{count(tally.failed, 'page or file', 'pages or files')} not sent; see standard error")
        sys.stdout.write("".join(f"{line}\n" for line in lines))
        return 1 if tally.failed else 0

    @property
    def _place(self) -> str:
        return self.scans if "://" in self.scans else str(Path(self.scans).resolve())
