"""What FastAPI and pydantic refuse in a request, as "NAME: expected X, got Y"."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, cast

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response

from mmdigit.gateway.intake.ids import KEY_PATTERN
from mmdigit.gateway.problems import Problem
from schemas.identifiers import ID_PATTERN
from schemas.printable import printable

_MAX_SHOWN = 60
_PLACES = ("path", "query", "header")
_PATTERNS = {
    ID_PATTERN: "1-128 of A-Z a-z 0-9 . _ - that begin with a letter or digit",
    KEY_PATTERN: "printable ASCII without spaces",
}
_EXPECTED = {
    "greater_than_equal": "{ge:g} or more",
    "less_than_equal": "{le:g} or less",
    "finite_number": "a finite number",
    "float_parsing": "a number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "literal_error": "{expected}",
    "string_too_long": "at most {max_length} characters",
    "string_too_short": "at least {min_length} characters",
    "string_type": "text",
    "bytes_too_long": "at most {max_length} bytes",
    "bytes_type": "text in base64",
    "bytes_invalid_encoding": "base64",
    "extra_forbidden": "no field of that name",
    "model_type": "a JSON object",
}
"""By pydantic's kind of error; what else it may say stands in its own words."""


async def of_validation(_request: Request, error: Exception) -> Response:
    """Handler of RequestValidationError: what FastAPI refuses in a path, a query or a header."""
    failures = cast(RequestValidationError, error).errors()
    return Problem(
        HTTPStatus.UNPROCESSABLE_ENTITY, f"{failures_text(failures)}; change it (/openapi.json describes it)"
    ).response()


def failures_text(failures: Sequence[Mapping[str, Any]]) -> str:
    """The first three failures of pydantic, as "NAME: expected X, got Y"; the caller's values are cut and printable."""
    return "; ".join(_text(failure) for failure in failures[:3])


def _text(failure: Mapping[str, Any]) -> str:
    location, context = failure["loc"], failure.get("ctx", {})
    if location and location[0] in _PLACES:
        location = location[1:]
    place = f"{printable('.'.join(map(str, location)), _MAX_SHOWN)}: " if location else ""
    kind = failure["type"]
    if kind == "string_pattern_mismatch":
        expected = _PATTERNS.get(context["pattern"], f"text that matches {context['pattern']}")
    elif kind in _EXPECTED:
        expected = _EXPECTED[kind].format_map(context)
    else:
        return place + printable(failure["msg"], 200)
    return f"{place}expected {expected}, got {_shown(failure['input'])}"


def _shown(value: object) -> str:
    if isinstance(value, str):
        return f"'{printable(value, _MAX_SHOWN)}'"
    if isinstance(value, int | float):
        return printable(str(value), _MAX_SHOWN)
    if value is None:
        return "null"
    return f"{len(value)} bytes" if isinstance(value, bytes) else f"a {type(value).__name__}"
