"""Finds out which of a few forms a page is of; the page as it is kept, and the jobs of its digits."""

from collections.abc import Sequence
from dataclasses import dataclass

from mmdigit.forms.cells.jobs import jobs_of
from mmdigit.forms.cells.reader import CellReader
from mmdigit.forms.free.reader import FreeFieldReader
from mmdigit.forms.pages.page import PageFault, ScannedPage
from mmdigit.forms.sheets.keeping import PageOrigin, kept_fault, kept_page
from mmdigit.forms.sheets.placing import PlacedPage, place
from mmdigit.forms.spoken.hearing import FieldHearer
from mmdigit.forms.spoken.recordings import PageRecordings
from mmdigit.forms.store.ports import StoredPage
from mmdigit.forms.template.template import Template
from schemas.errors import SettingsError
from schemas.job import Job

_OF_THIS_FORM = (
    "bent",
    "frames_not_found",
    "unknown_page",
    "ambiguous_page",
)  # reasons that a page can have of its own form alone


@dataclass(frozen=True)
class RegisteredPage:
    """A page to be kept, and a job for each of its digits, with what is heard of it; none unless its state is read."""

    page: StoredPage
    jobs: tuple[Job, ...] = ()


class PageRegistrar:
    """Registers pages of a few forms. Pages do not change each other."""

    def __init__(
        self, templates: Sequence[Template], hearer: FieldHearer | None = None, free: FreeFieldReader | None = None
    ) -> None:
        """templates: at least one; a page that is of none of them is kept with the first. hearer, free: None if none of
        them has spoken fields, or free ones.

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
        self._cells, self._hearer, self._free = CellReader(), hearer, free

    def register(
        self, scanned: ScannedPage | PageFault, origin: PageOrigin, recordings: PageRecordings | None = None
    ) -> RegisteredPage:
        """The page with its boxes and jobs, or with the reason why a person has to look at it.

        scanned: its number is that in the origin's file. recordings: of its spoken fields. The same page gives the same
        group and job ids.
        """
        if isinstance(scanned, PageFault):
            return RegisteredPage(kept_fault(scanned, origin, self._templates[0]))
        faults: list[tuple[PageFault, Template]] = []
        for template in sorted(self._templates, key=lambda each: each is not self._likeliest):
            placed = place(scanned, template)
            if isinstance(placed, PlacedPage):
                self._likeliest = template
                return self._placed(placed, origin, template, recordings)
            if placed.reason in _OF_THIS_FORM:
                return RegisteredPage(kept_fault(placed, origin, template))
            faults.append((placed, template))
        # What the first template says, however the last page changed the order: a repeat must end alike.
        faults.sort(key=lambda fault: (fault[0].reason != "wrong_revision", self._templates.index(fault[1])))
        fault, template = faults[0]
        return RegisteredPage(kept_fault(fault, origin, template))

    def _placed(
        self, placed: PlacedPage, origin: PageOrigin, template: Template, recordings: PageRecordings | None
    ) -> RegisteredPage:
        fields = self._cells.read(placed.darkness, placed.slots, placed.frames)
        heard = None
        if self._hearer is not None and recordings is not None:
            heard = self._hearer.hear(recordings, fields)
        jobs = jobs_of(
            (cell for field in fields for cell in field),
            origin.file_sha256,
            placed.number,
            template,
            origin.received_at,
            origin.tenant,
            {} if heard is None else heard.clips,
        )
        lines = {} if self._free is None else self._free.read(fields)
        return RegisteredPage(kept_page(placed, fields, origin, template, heard, lines), tuple(jobs))
