"""OpenWork: which fields of a group's forms are open, in the order in which people get them, and how many are left.

It is a copy in memory, made from the database now and then, and changed with each key of this gateway. Other gateways'
keys are missing until the next copy: whoever claims asks the database again for each field.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from mmdigit.forms.reviewing.sampling import chance_of, is_drawn
from mmdigit.forms.reviewing.work import WorkKind, boxes_to_say, keyers, work_on
from mmdigit.forms.store.people import person_of
from mmdigit.forms.store.ports import FieldRecord, PageStore
from mmdigit.forms.store.review_port import ClaimKind, FieldPlace, Place, ReviewedField, ReviewStore
from mmdigit.forms.table.assembling import KeptForm, forms_of
from mmdigit.forms.table.rows import named_slots
from mmdigit.forms.template.layout import Slot
from mmdigit.forms.template.template import FormField, Template
from mmdigit.gateway.reviewing.activity import Activity
from schemas.review import FieldsLeft

Rank = tuple[float, int, int]


@dataclass(frozen=True)
class Sample:
    """Which accepted fields are keyed for control: see mmdigit.forms.reviewing.sampling."""

    share: float
    seed: int

    def draws(self, field: FieldPlace) -> bool:
        return self.share > 0 and is_drawn(self.seed, self.share, field.group, field.name)


@dataclass(frozen=True)
class WorkField:
    """A field of a form. serial: of the form's copy, None if it has no number. page: of the form, from 1."""

    slot: Slot
    page: int
    serial: int | None

    @property
    def field(self) -> FormField:
        return self.slot.field


@dataclass
class _Open:
    """What is to be done with a field. boxes: that are not said yet, with the digit that was read in each."""

    place: WorkField
    rank: Rank
    kind: WorkKind | None
    boxes: dict[int, int]
    keyers: frozenset[str]


class OpenWork:
    """Of the pages of one group that are of one template."""

    def __init__(self, template: Template, sample: Sample) -> None:
        self.template, self.sample = template, sample
        self.with_value = 0
        self.activity = Activity()
        self._fields: dict[FieldPlace, _Open] = {}
        self._kinds: Counter[WorkKind] = Counter()
        self._digits: Counter[int] = Counter()
        self._order: dict[WorkKind, list[FieldPlace]] = {"review": [], "control": [], "second": []}
        self._boxes: dict[int, list[Place]] = {digit: [] for digit in range(10)}

    @classmethod
    def read(
        cls, template: Template, sample: Sample, groups: frozenset[str], pages: PageStore, review: ReviewStore
    ) -> "OpenWork":
        """What the database knows. groups: of the pages, as they are stored."""
        work = cls(template, sample)
        counts = pages.counts_of(groups)
        work.with_value = counts.accepted + counts.review
        keys, reviewed = list[tuple[datetime, str]](), dict[FieldPlace, ReviewedField]()

        def records() -> Iterator[tuple[object, ...]]:
            found = review.pages_to_review(
                groups, template.digest, lambda group, name: sample.draws(FieldPlace(group, name))
            )
            for each in found:
                for field in each.fields:
                    reviewed[FieldPlace(each.page.group, field.record.value.name)] = field
                    keys.extend((change.at, change.by) for change in field.record.standing)
                yield each.page, tuple(field.record for field in each.fields)

        slots = named_slots(template)
        for form in forms_of(records(), template):  # type: ignore[arg-type]
            work._add_form(form, slots, reviewed)
        for kind, order in work._order.items():
            order.sort(key=lambda place: work._rank(place, kind))
        for boxes in work._boxes.values():
            boxes.sort(key=lambda box: work._fields[box.field].rank[1:])
        work.activity = Activity(keys)
        return work

    def __len__(self) -> int:
        """Fields that it knows of, open or keyed."""
        return len(self._fields)

    @property
    def left(self) -> FieldsLeft:
        return FieldsLeft(
            review=self._kinds["review"],
            control=self._kinds["control"],
            second=self._kinds["second"],
            digits=tuple(self._digits[digit] for digit in range(10)),
        )

    def left_for(self, clerk: str) -> FieldsLeft:
        """As left, but second: what this person may get. The others would tell them at once that what they have keyed
        blindly differs."""
        return self.left.model_copy(update={"second": sum(1 for _ in self.places("second", None, clerk))})

    def find(self, field: FieldPlace) -> WorkField | None:
        """A field that is open, or was."""
        found = self._fields.get(field)
        return None if found is None else found.place

    def places(self, kind: ClaimKind, digit: int | None, clerk: str) -> Iterator[Place]:
        """What somebody may get, in order, claimed or not."""
        if kind == "digits":
            for place in self._boxes.get(-1 if digit is None else digit, ()):
                if self._fields[place.field].boxes.get(place.box or 0) == digit:
                    yield place
            return
        person = person_of(clerk)
        for field in self._order[kind]:
            found = self._fields[field]
            if found.kind == kind and person not in found.keyers:
                yield Place(field)

    def is_open(self, place: Place, reviewed: ReviewedField, kind: ClaimKind, digit: int | None, clerk: str) -> bool:
        """Whether somebody may still get it. reviewed: the field as it is now."""
        found = self._fields[place.field]
        if kind == "digits":
            left = _boxes_left(reviewed, found.place.field)
            return place.box is not None and left.get(place.box) == digit
        open_for = kind_of(place.field, reviewed.record, found.place.field, self.sample)
        return open_for == kind and person_of(clerk) not in keyers(reviewed.record)

    def update(self, field: FieldPlace, reviewed: ReviewedField) -> None:
        """A field has changed."""
        found = self._fields.get(field)
        if found is not None:
            self._count(found, -1)
            self._put(field, found.place, found.rank, reviewed)

    def _add_form(
        self, form: KeptForm, slots: list[tuple[int, Slot]], reviewed: dict[FieldPlace, ReviewedField]
    ) -> None:
        fields: list[tuple[FieldPlace, WorkField, ReviewedField, int]] = []
        for position, (number, slot) in enumerate(slots):
            page = form.pages.get(number)
            if page is None or page.records is None or slot.name not in page.records:
                continue
            place = FieldPlace(page.page.group, slot.name)
            fields.append((place, WorkField(slot, number, page.page.serial), reviewed[place], position))
        unsure = sum(each.record.decision == "review" for _, _, each, _ in fields)
        for place, field, each, position in fields:
            self._put(place, field, (unsure, form.serial, position), each)

    def _put(self, place: FieldPlace, field: WorkField, rank: Rank, reviewed: ReviewedField) -> None:
        kind = kind_of(place, reviewed.record, field.field, self.sample)
        before = self._fields.get(place)
        now = _Open(field, rank, kind, _boxes_left(reviewed, field.field), frozenset(keyers(reviewed.record)))
        self._fields[place] = now
        self._count(now, 1)
        if kind is not None and (before is None or before.kind != kind):
            self._order[kind].append(place)
        for box, digit in now.boxes.items():
            if before is None or box not in before.boxes:
                self._boxes[digit].append(Place(place, box))

    def _count(self, field: _Open, by: int) -> None:
        if field.kind is not None:
            self._kinds[field.kind] += by
        for digit in field.boxes.values():
            self._digits[digit] += by

    def _rank(self, place: FieldPlace, kind: WorkKind) -> Rank:
        if kind == "control":  # in the order of their chance, any beginning is a sample
            return chance_of(self.sample.seed, place.group, place.name), 0, 0
        return self._fields[place].rank


def kind_of(place: FieldPlace, record: FieldRecord, field: FormField, sample: Sample) -> WorkKind | None:
    """What is to be done with a field now."""
    return work_on(record, field, is_drawn=record.value.decision == "accept" and sample.draws(place))


def _boxes_left(reviewed: ReviewedField, field: FormField) -> dict[int, int]:
    boxes = boxes_to_say(reviewed.record, field)
    return {box: digit for box, digit in boxes.items() if box not in reviewed.boxes}
