"""How far the pages of a group are, and the table of their forms, from the forms' database."""

from pathlib import Path

from mmdigit.forms.exporting import Exported, export
from mmdigit.forms.store.ports import PageStore
from mmdigit.forms.template import Template
from mmdigit.gateway.models import Decisions
from mmdigit.gateway.registry.ports import StoredGroup
from mmdigit.transport.ports import GroupCounts


def count_pages(store: PageStore, group: StoredGroup) -> tuple[GroupCounts, Decisions]:
    """done: pages with values. dead: pages that no worker can read, which a person has to look at. Decisions are of the
    fields of those that are done.
    """
    counts = store.counts_of(group.pages)
    done = counts.pages - counts.unread - counts.failed
    decisions = Decisions(accept=counts.accepted, review=counts.review, counted=counts.accepted + counts.review)
    return GroupCounts(done, counts.failed), decisions


def write_form_table(store: PageStore, group: StoredGroup, template: Template, path: Path) -> Exported:
    """Write the forms of one template in a group: a row a form. path: its suffix is the kind, see table_files.

    Raises as mmdigit.forms.exporting.export does.
    """
    return export(template, store, path, pages=store.pages_of(group.pages, template.digest))
