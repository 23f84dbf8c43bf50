"""Reads `form.yaml`: every mistake is told with its line and what to do."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mmdigit.files.regular import read_regular
from mmdigit.forms.adopt.blank import MAX_BLANK_BYTES, blank_pages
from mmdigit.forms.layout import problems
from mmdigit.forms.rules import rule_problems
from mmdigit.forms.template import Blank, Template
from mmdigit.forms.value_list import ValueList, load_values
from mmdigit.forms.yaml_document import MAX_BYTES, Document, Value, read_document
from mmdigit.forms.yaml_document import Path as Place
from schemas.errors import DataError
from schemas.printable import printable

MOST_TOLD, MAX_MISTAKE = 5, 160  # mistakes of a file that are told, characters of each

Mistake = Mapping[str, Any]
"""As pydantic describes one: its type, its loc, its msg."""


def example() -> bytes:
    """A commented form to begin with."""
    return Path(__file__).with_name("example.yaml").read_bytes()


def load_template(path: Path) -> Template:
    """The form that a file describes. Raises DataError, each mistake on a line of its message."""
    name = printable(str(path), 200)
    try:
        content = read_regular(path, MAX_BYTES)
    except OSError as exc:
        raise DataError(
            f"expected a template at {name}, it cannot be read ({exc.strerror}); `mmdigit form new` writes one"
        ) from exc
    template = _with_lookups(parse_template(content, name), path.parent)
    return template if template.blank is None else _with_blank(template, template.blank, path.parent)


def parse_template(content: bytes, name: str = "form.yaml") -> Template:
    """The form that the bytes of a file describe; name: of the file. Raises DataError, and nothing else."""
    document = read_document(content, name)
    if not isinstance(document.value, dict):
        raise DataError(f"{name}, line 1: expected `key: value` lines, got something else; see `mmdigit form new`")
    try:
        template = Template.model_validate_json(json.dumps(document.value))
    except ValidationError as exc:
        errors = exc.errors(include_url=False, include_context=False)
        raise _refusal(name, [_line(document, error) for error in errors if not _follows(error, errors)]) from exc
    found = [(document.line_of(path), message) for path, message in (*problems(template), *rule_problems(template))]
    if found:
        raise _refusal(name, found)
    return template


def _with_blank(template: Template, blank: Blank, folder: Path) -> Template:
    """The template with the bytes of its blank, which must be the ones that it was made for."""
    name = printable(str(folder / blank.file), 200)
    try:
        content = read_regular(folder / blank.file, MAX_BLANK_BYTES)
    except OSError as exc:
        raise DataError(f"expected the blank form at {name}, it cannot be read ({exc.strerror}); put it there") from exc
    digest = hashlib.sha256(content).hexdigest()
    if digest != blank.sha256:
        raise DataError(
            f"{name}: expected the blank form with SHA-256 {blank.sha256[:16]}..., got {digest[:16]}...; put the old "
            "one back, or adopt this one"
        )
    whole = template.model_copy(update={"blank": blank.loaded(content)})
    blank_pages(whole)
    return whole


def _with_lookups(template: Template, folder: Path) -> Template:
    """The template with the values of its lookup files."""
    lists: dict[tuple[str, int], ValueList] = {}
    for page in template.pages:
        for field in page.all_fields:
            key = field.lookup, field.boxes.count
            if field.lookup is not None and key not in lists:
                lists[field.lookup, field.boxes.count] = load_values(folder / field.lookup, field.boxes.count)
    return template.with_lists(lists) if lists else template


def _refusal(name: str, found: list[tuple[int, str]]) -> DataError:
    lines = list(
        dict.fromkeys(f"{name}, line {line}: {printable(message, MAX_MISTAKE)}" for line, message in sorted(found))
    )
    more = [f"and {len(lines) - MOST_TOLD} more"] if len(lines) > MOST_TOLD else []
    return DataError(";\n".join(lines[:MOST_TOLD] + more))


def _follows(error: Mistake, errors: Sequence[Mistake]) -> bool:
    """Whether a list is too short only since a part of it was refused, which pydantic tells, too."""
    place = error["loc"]
    return error["type"] == "too_short" and any(
        len(other["loc"]) > len(place) and other["loc"][: len(place)] == place for other in errors
    )


def _line(document: Document, error: Mistake) -> tuple[int, str]:
    place = _place(document, error["loc"])
    key = printable(".".join(map(str, place)), 80)
    last = printable(str(error["loc"][-1]), 40) if error["loc"] else ""
    if error["type"] == "missing":
        return document.line_of(place), f"{key or 'the form'}: expected the key {last}, got none; add it"
    if error["type"] == "extra_forbidden":
        return document.line_of(place), f"{key}: expected a known key, got {last}; correct or remove it"
    message = printable(error["msg"], 200)
    if error["type"] == "value_error":
        return document.line_of(place), f"{key}: {message.removeprefix('Value error, ')}"
    wanted = message.removeprefix("Input should be ").removeprefix("Input should ")
    wanted = wanted.replace("String should match pattern", "text of the pattern")
    got = printable(json.dumps(_value(document, place)), 40)
    return document.line_of(place), f"{key}: expected {wanted}, got {got}; correct it"


def _place(document: Document, location: tuple[int | str, ...]) -> Place:
    """Of a pydantic location what stands in the document: it also names the types of unions."""
    place: Place = ()
    for part in location:
        if (*place, part) in document.lines:
            place = (*place, part)
    return place


def _value(document: Document, place: Place) -> Value:
    value = document.value
    for part in place:
        value = value[part]  # type: ignore[index]  # place stands in the document
    return value
