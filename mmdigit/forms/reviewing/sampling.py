"""Which accepted fields a person keys for control: a share of them, drawn by chance, the same in every run."""

import hashlib
import heapq
from collections.abc import Iterator

from mmdigit.forms.reviewing.queue import Queued, fields_of
from mmdigit.forms.store.ports import PageStore
from mmdigit.forms.table.assembling import forms_of
from mmdigit.forms.template.template import Template

_BYTES = 8


def chance_of(seed: int, group: str, name: str) -> float:
    """A number of [0, 1) that looks random, and depends on the field and the seed alone."""
    digest = hashlib.sha256(f"{seed}\0{group}\0{name}".encode()).digest()
    return int.from_bytes(digest[:_BYTES], "big") / float(1 << 8 * _BYTES)


def is_drawn(seed: int, share: float, group: str, name: str) -> bool:
    """Whether a field is in the sample. A larger share with the same seed draws the same fields and more."""
    return chance_of(seed, group, name) < share


def control_queue(store: PageStore, template: Template, share: float, seed: int, count: int) -> list[Queued]:
    """At most count drawn fields that nobody has keyed yet, in the order of their chance: any beginning is a sample.

    Drawn from what the model has accepted, whatever people have said of it since.
    """

    def drawn() -> Iterator[Queued]:
        for form in forms_of(store.pages(template.digest), template):
            for field in fields_of(form, template):
                is_open = field.record.value.decision == "accept" and field.record.control is None
                if is_open and is_drawn(seed, share, field.group, field.slot.name):
                    yield field

    return heapq.nsmallest(count, drawn(), key=lambda field: chance_of(seed, field.group, field.slot.name))
