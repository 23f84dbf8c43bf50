"""A form as `form.yaml` describes it: pages, fields and boxes, in millimetres from the page's top left corner."""

import hashlib
import operator
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator
from pydantic import PrivateAttr as Private

from mmdigit.forms.template.value_list import ValueList
from schemas.message import VersionOne

DEFAULT_TARGET_ERROR = 0.0014
"""Share of the accepted fields that may be wrong: what two people leave who key everything, each for themselves."""
MAX_PAGES = 20
MAX_FIELDS = 200  # of a page
MAX_ROWS = 100
MAX_BOXES = 32  # of a field in one row
MAX_CELLS = 2_000  # of a page

Millimetres = Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)]
Point = tuple[Millimetres, Millimetres]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,39}$")]
Text = Annotated[str, StringConstraints(max_length=200)]
PaperSide = Annotated[float, Field(ge=120, le=450, allow_inf_nan=False)]
Validator = Literal["luhn", "verhoeff", "damm", "ean", "isbn", "mod_97_10", "mod_11_10"]
"""Check digits, as python-stdnum knows them; mod_*: of ISO/IEC 7064."""
FieldNames = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,39}(\.[A-Za-z][A-Za-z0-9_]{0,39})?$")]
"""A field, or a column of a grid: items.amount."""


def _quoted(end: object) -> object:
    if isinstance(end, int | float) and not isinstance(end, bool):
        raise ValueError(f'expected quotes, so that it is taken as it is written, got {end}; write "{end}"')
    return end


Bound = Annotated[str, BeforeValidator(_quoted), StringConstraints(max_length=40)]
FileName = Annotated[str, StringConstraints(pattern=r"^[^/\\\x00-\x1f]{1,200}$")]
FieldType = Literal["digits", "date", "decimal", "time", "check"]
DateFormat = Literal["DDMMYYYY", "MMDDYYYY", "YYYYMMDD", "DDMMYY"]
PAPERS: dict[str, tuple[float, float]] = {"A4": (210.0, 297.0), "A5": (148.0, 210.0), "Letter": (215.9, 279.4)}


class Part(BaseModel):
    """Frozen, without unknown keys."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, hide_input_in_errors=True, use_attribute_docstrings=True
    )


class Boxes(Part):
    """A row of equal boxes, one character each."""

    at_mm: Point
    """Top left corner of the first box, from the page's left and top."""
    size_mm: tuple[Annotated[float, Field(ge=3, le=20)], Annotated[float, Field(ge=3, le=25)]]
    """Width and height of a box."""
    pitch_mm: Annotated[float, Field(ge=3, le=50)]
    """From one box's left edge to the next one's."""
    count: Annotated[int, Field(ge=1, le=MAX_BOXES)]
    gap_mm: Annotated[float, Field(ge=0, le=20)] = 3.0
    """Additional room where a printed mark parts the boxes: the comma of a decimal, the dots of a date."""
    turn_deg: Annotated[float, Field(ge=-15, le=15)] = 0.0
    """Clockwise, around the first box's top left corner; of boxes that somebody else printed aslant."""


class Range(Part):
    """What a value may be, both ends included, in quotes: "500", "12.50", "1940-01-01", "08:30"."""

    min: Bound | None = None
    max: Bound | None = None


class FormField(Part):
    """One value that is written into boxes."""

    name: Name
    """Column of the table."""
    label: Text = ""
    """Printed above the boxes."""
    type: FieldType = "digits"
    boxes: Boxes
    decimals: Annotated[int, Field(ge=1, le=6)] = 2
    """Of a decimal: so many of the boxes stand after the comma."""
    date_format: DateFormat = "DDMMYYYY"
    """Of a date: the order in which it is written."""
    validators: Annotated[tuple[Validator, ...], Field(max_length=8)] = ()
    """Checks of the whole value, each by its name."""
    range: Range | None = None
    """Smallest and largest value."""
    iban: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")] | None = None
    """Country of an IBAN: its two letters are printed, the boxes hold the digits after them."""
    lookup: FileName | None = None
    """File beside this one, with every value that there is, one a line."""
    target_error: Annotated[float, Field(gt=0, lt=1)] = DEFAULT_TARGET_ERROR
    """Share of the accepted values that may be wrong."""
    free: Annotated[bool, Field(exclude_if=operator.not_)] = False
    """Whether its digits are written into one box without separators, as wide as the boxes would be."""
    blank: Literal["review", "accept"] = "review"
    """What becomes of a field without any writing."""
    keyed_by: Literal[1, 2] = 1
    """How many people key a value that goes to review: 2 must agree, the second without seeing what the first keyed."""
    spoken: Literal["no", "optional", "required"] = "no"
    """Whether the value is also read aloud: a recording is used if there is one, or asked for."""
    _listed: ValueList | None = Private(None)

    @model_validator(mode="after")
    def _boxes_fit_the_type(self) -> Self:
        count, wanted = self.boxes.count, None
        if self.type == "date":
            wanted = len(self.date_format)
        elif self.type == "time":
            wanted = 4
        elif self.type == "check":
            wanted = 1
        if wanted is not None and count != wanted:
            raise ValueError(f"expected boxes.count {wanted} for a {self.type}, got {count}; change the count")
        if self.type == "decimal" and count <= self.decimals:
            raise ValueError(f"expected more boxes than decimals, got {count} and {self.decimals}; change one of them")
        if self.boxes.pitch_mm < self.boxes.size_mm[0]:
            raise ValueError(
                f"expected pitch_mm of at least the width {self.boxes.size_mm[0]:g}, got {self.boxes.pitch_mm:g}; "
                "boxes would overlap"
            )
        if self.spoken != "no" and self.type == "check":
            raise ValueError("expected spoken: no for a check, got another; a mark is not read aloud")
        if self.free and self.type != "digits":
            raise ValueError(f"expected free: true for digits alone, got a {self.type}; remove the key")
        if self.free and self.spoken != "no":
            raise ValueError("expected spoken: no for a free field, got another; what is said joins boxes")
        for name in ("validators", "iban", "lookup"):
            if getattr(self, name) and self.type != "digits":
                raise ValueError(f"expected {name} for digits alone, got some for a {self.type}; remove the key")
        return self

    @property
    def listed(self) -> ValueList | None:
        """The values of the lookup file; None without one. Raises RuntimeError if load_template has not read it."""
        if self.lookup is not None and self._listed is None:
            raise RuntimeError(f"expected the values of {self.lookup}, got a template that was only parsed")
        return self._listed

    @property
    def groups(self) -> tuple[int, ...]:
        """How many boxes stand together; a printed mark parts one group from the next."""
        count = self.boxes.count
        if self.type == "date":
            return (4, 2, 2) if self.date_format == "YYYYMMDD" else (2, 2, count - 4)
        if self.type == "time":
            return (2, 2)
        return (count - self.decimals, self.decimals) if self.type == "decimal" else (count,)


class Records(Part):
    """A grid: the same fields in each of several rows."""

    name: Name
    rows: Annotated[int, Field(ge=1, le=MAX_ROWS)]
    pitch_mm: Annotated[float, Field(ge=3, le=100)]
    """From one row's top edge to the next one's."""
    fields: Annotated[tuple[FormField, ...], Field(min_length=1, max_length=40)]
    """Their boxes in the first row."""


class PrintedText(Part):
    """A line of text on the page."""

    at_mm: Point
    """Left end of its base line."""
    text: Text
    size_pt: Annotated[float, Field(ge=5, le=36)] = 9.0


class Sum(Part):
    """A field that is the sum of others on its page."""

    total: Name
    of: Annotated[tuple[FieldNames, ...], Field(min_length=1, max_length=40)]
    """Fields, and columns of grids."""


class FormPage(Part):
    """One side of paper."""

    title: Text = ""
    fields: Annotated[tuple[FormField, ...], Field(max_length=MAX_FIELDS)] = ()
    records: Annotated[tuple[Records, ...], Field(max_length=20)] = ()
    texts: Annotated[tuple[PrintedText, ...], Field(max_length=100)] = ()
    sums: Annotated[tuple[Sum, ...], Field(max_length=20)] = ()

    @property
    def all_fields(self) -> tuple[FormField, ...]:
        """Those of the grids, too, each once."""
        return (*self.fields, *(field for records in self.records for field in records.fields))


class Blank(Part):
    """The empty form that somebody else printed: scans are registered to its own print, for they have no markers."""

    file: Annotated[str, StringConstraints(pattern=r"^[^/\\\x00-\x1f]{1,200}$")]
    """PDF, TIFF, PNG or JPEG beside the template, one page of it for each of the template's."""
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    """Of the file: another one is refused."""
    pages: Literal["together", "either"] = "together"
    """together: a copy has all of the pages, one scan after the other. either: each scan is a copy, on one of them."""
    _content: bytes = Private(b"")

    @property
    def content(self) -> bytes:
        """The file's bytes, which load_template reads; none in a template that was only parsed."""
        return self._content

    def loaded(self, content: bytes) -> Self:
        """The same with the file's bytes, whose SHA-256 the caller has checked."""
        whole = self.model_copy()
        whole._content = content
        return whole


_LABELS: dict[str, Any] = {"fields": {"__all__": {"label", "keyed_by"}}}
_PRINTED_BESIDE: dict[str, Any] = {
    "pages": {"__all__": {"title": True, "texts": True, **_LABELS, "records": {"__all__": _LABELS}}}
}


class Template(Part):
    """A form: everything that printing and reading it need."""

    version: VersionOne
    """Of this file's layout: 1."""
    form: Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{4}$")]
    """Code of the form, printed in the QR code of each page: four of A-Z and 0-9."""
    revision: Annotated[int, Field(ge=1, le=1295)] = 1
    """Raise it whenever a box moves: pages of another revision are refused."""
    paper: Literal["A4", "A5", "Letter"] | tuple[PaperSide, PaperSide] = "A4"
    """Or its width and height in millimetres."""
    blank: Blank | None = None
    """Of a form that somebody else printed, as `mmdigit form adopt` writes it."""
    pages: Annotated[tuple[FormPage, ...], Field(min_length=1, max_length=MAX_PAGES)]

    @property
    def size_mm(self) -> tuple[float, float]:
        """Width and height of a page."""
        return PAPERS[self.paper] if isinstance(self.paper, str) else self.paper

    @property
    def either_page(self) -> bool:
        """Whether each scan is a whole copy, on one of the pages."""
        return self.blank is not None and self.blank.pages == "either"

    @property
    def has_free_fields(self) -> bool:
        """Whether a line reader is needed to read it."""
        return any(field.free for page in self.pages for field in page.all_fields)

    @property
    def digest(self) -> str:
        """16 hex digits that change whenever what is read does: also its blank and its lookup files, not its labels."""
        content = [self.model_dump_json(exclude=_PRINTED_BESIDE)]
        content += [field.listed.sha256 for page in self.pages for field in page.all_fields if field.listed is not None]
        return hashlib.sha256("".join(content).encode()).hexdigest()[:16]

    def with_lists(self, lists: Mapping[tuple[str, int], ValueList]) -> Self:
        """The same with the values of its lookup files, by the file's name and how many digits they have."""
        pages = []
        for page in self.pages:
            records = tuple(
                each.model_copy(update={"fields": _with_lists(each.fields, lists)}) for each in page.records
            )
            pages.append(page.model_copy(update={"fields": _with_lists(page.fields, lists), "records": records}))
        return self.model_copy(update={"pages": tuple(pages)})


def _with_lists(fields: tuple[FormField, ...], lists: Mapping[tuple[str, int], ValueList]) -> tuple[FormField, ...]:
    whole = tuple(field.model_copy() for field in fields)
    for field in whole:
        if field.lookup is not None:
            field._listed = lists[field.lookup, field.boxes.count]
    return whole
