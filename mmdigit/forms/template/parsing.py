"""Reads `form.yaml`: every mistake is told with its line and what to do."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mmdigit.forms.template.layout import problems
from mmdigit.forms.template.rules import rule_problems
from mmdigit.forms.template.template import Template
from mmdigit.forms.template.yaml_document import Document, Value, read_document
from mmdigit.forms.template.yaml_document import Path as Place
from schemas.errors import DataError
from schemas.printable import printable

MOST_TOLD, MAX_MISTAKE = 5, 160  # mistakes of a file that are told, characters of each

Mistake = Mapping[str, Any]
"""As pydantic describes one: its type, its loc, its msg."""


def example() -> bytes:
    """A commented form to begin with."""
    return Path(__file__).with_name("example.yaml").read_bytes()


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
