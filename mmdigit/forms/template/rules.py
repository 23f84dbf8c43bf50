"""What is wrong with a template's rules: ranges, IBANs, lookup files, sums and free fields."""

from collections.abc import Iterator

from mmdigit.forms.template.template import FormField, FormPage, Template
from mmdigit.forms.template.validators import bound_of, iban_digits
from mmdigit.forms.template.yaml_document import Path

MAX_LOOKUPS = 20  # files of a form
MAX_FREE = 100  # fields of a page: each takes a tenth of a second to read
MAX_SUMMED = 500  # fields of a sum


def rule_problems(template: Template) -> Iterator[tuple[Path, str]]:
    """The place in the template, and a message."""
    lookups = set()
    for number, page in enumerate(template.pages):
        for path, field in _fields(page):
            place: Path = ("pages", number, *path)
            yield from _of_range(place, field)
            if field.free and template.blank is not None:
                yield (
                    (*place, "free"),
                    "expected boxes in a form that somebody else printed, got free: true; remove the field or the key",
                )
            if field.iban is not None:
                yield from _of_iban((*place, "iban"), field, field.iban)
            if field.lookup is not None:
                lookups.add(field.lookup)
                if len(lookups) > MAX_LOOKUPS:
                    yield (
                        (*place, "lookup"),
                        f"expected at most {MAX_LOOKUPS} lookup files, got more; put some together",
                    )
        if (free := _free_fields(page)) > MAX_FREE:
            yield ("pages", number), f"expected at most {MAX_FREE} free fields on a page, got {free}; print boxes"
        yield from _of_sums(("pages", number, "sums"), page)


def _fields(page: FormPage) -> Iterator[tuple[Path, FormField]]:
    yield from ((("fields", index), field) for index, field in enumerate(page.fields))
    for number, records in enumerate(page.records):
        yield from ((("records", number, "fields", index), field) for index, field in enumerate(records.fields))


def _free_fields(page: FormPage) -> int:
    """How many there are, those of a grid in every row."""
    plain = sum(field.free for field in page.fields)
    return plain + sum(each.rows * field.free for each in page.records for field in each.fields)


def _of_range(place: Path, field: FormField) -> Iterator[tuple[Path, str]]:
    if field.range is None:
        return
    ends = {name: end for name in ("min", "max") if (end := getattr(field.range, name)) is not None}
    if not ends:
        yield (*place, "range"), "expected min, max or both in a range, got neither; add one"
    bounds = []
    for name, end in ends.items():
        try:
            bounds.append(bound_of(field, end))
        except ValueError as exc:
            yield (*place, "range", name), str(exc)
    if len(bounds) == 2 and bounds[0] > bounds[1]:  # type: ignore[operator]  # both are of the field's kind
        yield (*place, "range"), f"expected min of at most max, got {ends['min']} and {ends['max']}; swap them"


def _of_iban(place: Path, field: FormField, country: str) -> Iterator[tuple[Path, str]]:
    wanted = iban_digits(country)
    if wanted is None:
        yield place, f"expected a country whose IBANs hold digits alone, like AT, DE or ES, got {country}; remove iban"
    elif field.boxes.count != wanted:
        yield (
            place,
            f"expected boxes.count {wanted} for an IBAN of {country}, got {field.boxes.count}; change the count",
        )


def _of_sums(place: Path, page: FormPage) -> Iterator[tuple[Path, str]]:
    fields = {field.name: field for field in page.fields}
    columns = {f"{each.name}.{field.name}": field for each in page.records for field in each.fields}
    rows = {f"{each.name}.{field.name}": each.rows for each in page.records for field in each.fields}
    totals: set[str] = set()
    parts: set[str] = set()
    for number, rule in enumerate(page.sums):
        path: Path = (*place, number)
        found = []
        for name in rule.of:
            if name not in fields and name not in columns:
                yield (
                    (*path, "of"),
                    f"expected fields or columns of this page like items.amount, got {name}; correct it",
                )
            elif name in parts:
                yield (*path, "of"), f"expected each field as a part of one sum, got {name} again; remove it"
            else:
                found.append((name, (fields | columns)[name]))
            parts.add(name)
        if rule.total not in fields:
            yield (*path, "total"), f"expected a field of this page, got {rule.total}; correct it"
        elif rule.total in totals:
            yield (*path, "total"), f"expected each field as the total of one sum, got {rule.total} again; remove one"
        elif rule.total in parts:
            yield (*path, "total"), f"expected the sum of {rule.total} before the one it is a part of; move it up"
        else:
            found.append((rule.total, fields[rule.total]))
        totals.add(rule.total)
        for name, field in found:
            if field.type not in ("digits", "decimal"):
                yield path, f"expected digits or decimals in a sum, got {name}, a {field.type}; remove it"
        if (count := sum(rows.get(name, 1) for name in rule.of)) > MAX_SUMMED:
            yield path, f"expected at most {MAX_SUMMED} fields in a sum, got {count}; make two of it"
