"""A scanned page as it is kept, and the jobs of its digits: the same for the same page each time."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from mmdigit.forms.cells import Cell, CellReader
from mmdigit.forms.crops import crop_of
from mmdigit.forms.jobs import group_of, jobs_of
from mmdigit.forms.page import PageFault, ScannedPage
from mmdigit.forms.placing import PlacedPage, place
from mmdigit.forms.store.ports import StoredCell, StoredField, StoredPage
from mmdigit.forms.template import Template
from schemas.errors import SettingsError
from schemas.job import Job

_OF_THIS_FORM = ("bent", "frames_not_found", "unknown_page")  # reasons that a page can have of its own form alone


@dataclass(frozen=True)
class PageSource:
    """Where a page comes from. file_name and scanner are untrusted, and only for people. number: in its file, from
    1."""

    file_name: str
    file_sha256: str
    number: int
    scanner: str = ""


@dataclass(frozen=True)
class RegisteredPage:
    """A page to be kept, and a job for each of its digits; none unless its state is read."""

    page: StoredPage
    jobs: tuple[Job, ...] = ()


class PageRegistrar:
    """Finds out which of a few forms a page belongs to, and cuts its boxes out."""

    def __init__(self, templates: Sequence[Template]) -> None:
        """templates: at least one; a page that is of none of them is kept with the first.

        Raises SettingsError if two of them are of the same form and revision.
        """
        printed = [(template.form, template.revision) for template in templates]
        for form, revision in printed:
            if printed.count((form, revision)) > 1:
                raise SettingsError(
                    f"expected each form once, got revision {revision} of form {form} twice; remove a template, or "
                    "raise its revision"
                )
        self._templates = tuple(templates)
        self._likeliest = self._templates[0]  # the last page's: scans come in stacks of one form
        self._cells = CellReader()

    def register(self, scanned: ScannedPage | PageFault, source: PageSource, now: datetime) -> RegisteredPage:
        """The page with its boxes and jobs, or with the reason why a person has to look at it."""
        if isinstance(scanned, PageFault):
            return self._failed(self._templates[0], scanned, source, now)
        faults: list[tuple[PageFault, Template]] = []
        for template in sorted(self._templates, key=lambda each: each is not self._likeliest):
            placed = place(scanned, template)
            if isinstance(placed, PlacedPage):
                self._likeliest = template
                return self._placed(placed, template, source, now)
            if placed.reason in _OF_THIS_FORM:
                return self._failed(template, placed, source, now)
            faults.append((placed, template))
        # What the first template says, however the last page changed the order: a repeat must end alike.
        faults.sort(key=lambda fault: (fault[0].reason != "wrong_revision", self._templates.index(fault[1])))
        fault, template = faults[0]
        return self._failed(template, fault, source, now)

    def _placed(self, placed: PlacedPage, template: Template, source: PageSource, now: datetime) -> RegisteredPage:
        fields = self._cells.read(placed.darkness, placed.slots, placed.frames)
        cells = [cell for field in fields for cell in field]
        jobs = tuple(jobs_of(cells, source.file_sha256, source.number, template, now))
        ids = iter(job.job_id for job in jobs)
        stored = tuple(
            StoredField(
                slot.name,
                frame.found,
                tuple(_stored(cell, next(ids) if cell.is_digit else None) for cell in field),
                crop_of(placed.darkness, slot, frame),
            )
            for slot, frame, field in zip(placed.slots, placed.frames, fields, strict=True)
        )
        page = replace(
            self._page(template, source, now),
            serial=placed.identity.serial,
            page=placed.identity.page,
            fields=stored,
        )
        return RegisteredPage(page, jobs)

    def _failed(self, template: Template, fault: PageFault, source: PageSource, now: datetime) -> RegisteredPage:
        return RegisteredPage(replace(self._page(template, source, now), state=fault.reason, message=fault.message))

    def _page(self, template: Template, source: PageSource, now: datetime) -> StoredPage:
        return StoredPage(
            group=group_of(source.file_sha256, source.number, template),
            form=template.form,
            revision=template.revision,
            template=template.digest,
            file_name=source.file_name,
            file_sha256=source.file_sha256,
            number=source.number,
            scanner=source.scanner,
            received_at=now,
            state="read",
        )


def _stored(cell: Cell, job_id: str | None) -> StoredCell:
    return StoredCell(cell.state, cell.ink_mm2, job_id)
