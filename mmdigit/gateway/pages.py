"""How far the pages of a group are, and the table of their forms, from the forms' database."""

from http import HTTPStatus
from pathlib import Path

from mmdigit.forms.store.ports import PageStore
from mmdigit.forms.table.exporting import Exported, export
from mmdigit.forms.template.template import Template
from mmdigit.gateway.forms import Forms
from mmdigit.gateway.problems import Problem
from mmdigit.gateway.registry.ports import StoredGroup
from mmdigit.gateway.services import Services
from mmdigit.transport.ports import GroupCounts
from schemas.api import Decisions
from schemas.printable import printable


def require_forms(services: Services) -> Forms:
    """Raises Problem (404) if the gateway takes no forms."""
    if services.forms is None:
        raise Problem(
            HTTPStatus.NOT_FOUND,
            "expected a gateway that takes forms, got one that does not; start it with --pages, --template and --forms",
        )
    return services.forms


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
