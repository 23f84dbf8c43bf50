"""Turns pydantic's validation errors into one line that is safe to print."""

from collections.abc import Callable

from pydantic import ValidationError

from schemas.printable import printable


def validation_lines(error: ValidationError, missing: Callable[[str], str] | None = None) -> str:
    """The first three failures of a validation in one line, without the values that failed.

    missing: the message for a missing field, by its name.
    """
    failures = error.errors(include_url=False, include_input=False, include_context=False)
    lines = [
        missing(str(failure["loc"][-1]))
        if missing and failure["type"] == "missing"
        else _place(failure["loc"]) + printable(failure["msg"].removeprefix("Value error, "), 200)
        for failure in failures[:3]
    ]
    more = len(failures) - len(lines)
    return "; ".join(lines) + (f"; and {more} more" if more else "")


def _place(location: tuple[int | str, ...]) -> str:
    # The sender may have chosen the name. Empty if the failure concerns the whole.
    return f"{printable('.'.join(map(str, location)), 60)}: " if location else ""
