"""A timestamp is ISO 8601 text with an offset, and nothing that has to be guessed."""

from datetime import UTC, datetime

import pytest
from pydantic import TypeAdapter, ValidationError

from schemas.timestamp import Timestamp

TIMESTAMP: TypeAdapter[datetime] = TypeAdapter(Timestamp)


@pytest.mark.parametrize("text", ["2026-01-31T12:00:00Z", "2026-01-31T13:00:00+01:00", "20260131T120000Z"])
def test_timestamp_accepts_iso_8601_with_an_offset(text: str) -> None:
    assert TIMESTAMP.validate_python(text) == datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (5, "expected ISO 8601 with an offset"),
        ("5", "expected ISO 8601 with an offset"),
        (5e12, "expected ISO 8601 with an offset"),
        ("12:00", "expected ISO 8601 with an offset"),
        ("2026-01-31T12:00:00", "timezone"),
        ("2026-01-31T12:00:00+00:00:30", "expected an offset of whole minutes"),
        ("1970-01-31T12:00:00Z", "expected a year from 1971 to 9998"),
        ("9999-01-31T12:00:00Z", "expected a year from 1971 to 9998"),
    ],
)
def test_timestamp_refuses_anything_else(value: object, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        TIMESTAMP.validate_python(value)
