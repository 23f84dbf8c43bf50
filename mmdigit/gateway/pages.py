"""How far the pages of a group are, and the table of their forms, from the forms' database."""

from http import HTTPStatus
from itertools import chain, islice
from pathlib import Path

from mmdigit.forms.store.ports import PageStore, StoredPage
from mmdigit.forms.table.exporting import Exported, export
from mmdigit.forms.template.template import Template
from mmdigit.gateway.forms import Forms
from mmdigit.gateway.problems import Problem, not_found
from mmdigit.gateway.registry.ports import StoredGroup
from mmdigit.gateway.services import Services
from mmdigit.transport.ports import GroupCounts
from schemas.api import Decisions, PageStatus
from schemas.printable import printable


def require_forms(services: Services) -> Forms:
    """Raises Problem (404) if the gateway takes no forms."""
    if services.forms is None:
        raise not_found(
            "expected a gateway that takes forms, got one that does not; start it with --pages, --template and --forms"
        )
    return services.forms


def no_pages() -> Problem:
    """404: there is no group of that name, or it is none of pages."""
    return not_found("expected a group of scanned pages, got none of that name; send the scan to /v1/forms")


def template_of(forms: Forms, group: StoredGroup, name: str | None) -> Template:
    """The template of a group's pages. name: the form, if the group may have pages of several.

    Raises Problem (422) if that is not one template.
    """
    found = [
        template
        for template in forms.templates
        if (name is None or template.form == name)
        and next(iter(forms.store.pages_of(group.pages, template.digest)), None) is not None
    ]
    if len(found) > 1:
        names = ", ".join(sorted({template.form for template in found}))
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY, f"expected the form of the table, got several; add ?form= {names}"
        )
    if not found and name is not None and all(template.form != name for template in forms.templates):
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY, f"form: expected one of the gateway, got {printable(name, 64)}; change it"
        )
    return found[0] if found else next(each for each in forms.templates if name in (None, each.form))


def pages_of(forms: Forms, group: StoredGroup, skip: int, limit: int) -> tuple[PageStatus, ...]:
    """Up to limit pages of a group that are kept, after the first skip; first those that nobody can read."""
    kept = chain.from_iterable(forms.store.pages_of(group.pages, template.digest) for template in forms.templates)
    return tuple(_status_of(page, bool(records)) for page, records in islice(kept, skip, skip + limit))


def _status_of(page: StoredPage, has_values: bool) -> PageStatus:
    is_read = page.state == "read"
    return PageStatus(
        file=page.file_name,
        number=page.number,
        state="dead" if not is_read else "done" if has_values else "pending",
        form=page.form if is_read else None,
        serial=page.serial,
        reason=None if is_read else page.state,
        message=page.message or None,
    )


def count_pages(store: PageStore, group: StoredGroup) -> tuple[GroupCounts, Decisions]:
    """done: pages with values. dead: pages that no worker can read, which a person has to look at. Decisions are of the
    fields of those that are done.
    """
    counts = store.counts_of(group.pages)
    done = counts.pages - counts.unread - counts.failed
    decisions = Decisions(accept=counts.accepted, review=counts.review, counted=counts.accepted + counts.review)
    return GroupCounts(done, counts.failed), decisions


def write_form_table(store: PageStore, group: StoredGroup, template: Template, path: Path) -> Exported:
    """Write the forms of one template in a group: a row a form. path: its suffix is the kind, see open_table.

    Raises as mmdigit.forms.table.exporting.export does.
    """
    return export(template, store, path, pages=store.pages_of(group.pages, template.digest))
