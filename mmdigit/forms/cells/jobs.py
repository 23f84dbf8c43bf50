"""Cells as jobs of the digit worker: one job a digit, one group a page, the same ids for the same page again."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from types import MappingProxyType

from mmdigit.forms.cells.reader import Cell
from mmdigit.forms.template.template import Template
from schemas.identifiers import ID_DIGITS, of_tenant
from schemas.job import Job


def group_of(file_sha256: str, page: int, template: Template, tenant: str | None = None) -> str:
    """The group of a page's jobs. page: its number in the file, from 1. tenant: whose page it is, see Page.tenant."""
    return of_tenant(tenant, f"{template.form}.{_digest(file_sha256, str(page), template.digest)}")


def job_id_of(cell: Cell, file_sha256: str, page: int, template: Template, tenant: str | None = None) -> str:
    """The id of a cell's job; arguments as for group_of."""
    return of_tenant(tenant, _digest(file_sha256, str(page), template.digest, cell.slot.name, str(cell.index)))


def jobs_of(
    cells: Iterable[Cell],
    file_sha256: str,
    page: int,
    template: Template,
    created_at: datetime,
    tenant: str | None = None,
    clips: Mapping[tuple[str, int], bytes] = MappingProxyType({}),
) -> Iterator[Job]:
    """A job of each cell that holds a digit; blank, over-full and crossed-out cells and check marks are not sent.

    file_sha256: of the scanned file's bytes. A job's id follows from it, the page, the field, the box and the template,
    so that a page which is sent again is answered once. clips: what is heard of a box, by its field's name and index.
    """
    group = group_of(file_sha256, page, template, tenant)
    for cell in cells:
        if cell.is_digit:
            job_id = job_id_of(cell, file_sha256, page, template, tenant)
            clip = clips.get((cell.slot.name, cell.index))
            yield Job(job_id=job_id, group=group, image=cell.content, audio=clip, created_at=created_at)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:ID_DIGITS]
