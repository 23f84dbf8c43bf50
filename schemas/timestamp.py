"""Timestamp: ISO 8601 text with an offset on the wire, never a bare number whose unit would be a guess."""

from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, BeforeValidator

_EARLIEST_YEAR = 1971
_LATEST_YEAR = 9998
"""Every time in this range converts to any offset and to seconds since the epoch."""


def _timestamp(value: object) -> datetime:
    # Without this, pydantic takes 5 and "5" for seconds since 1970, and 5e12 for milliseconds.
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            value = None
    if not isinstance(value, datetime):
        raise ValueError("expected ISO 8601 with an offset, such as 2026-01-31T12:00:00Z")
    offset = value.utcoffset()
    if offset is not None and offset.seconds % 60:
        raise ValueError("expected an offset of whole minutes")  # ISO 8601 offsets have no seconds
    if not _EARLIEST_YEAR <= value.year <= _LATEST_YEAR:
        raise ValueError(f"expected a year from {_EARLIEST_YEAR} to {_LATEST_YEAR}")
    return value


Timestamp = Annotated[AwareDatetime, BeforeValidator(_timestamp, json_schema_input_type=AwareDatetime)]
"""A datetime with an offset; on the wire, ISO 8601 text."""
