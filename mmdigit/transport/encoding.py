"""Encoding of stored values, the same in every store: predictions as compact bytes or JSON, and dead-letter notes.

The first byte tells the two encodings of a prediction apart.
"""

import json
import re

from pydantic import ValidationError

from mmdigit.transport.compact import COMPACT_VERSION, decode, encode
from schemas.dead_letter import REASON_PATTERN
from schemas.errors import StoreError
from schemas.prediction import Prediction
from schemas.printable import printable
from schemas.validation import validation_lines

_EXPECTED = f"expected a stored prediction as JSON or compact version {COMPACT_VERSION}"
_JSON_SPACE = b"\t\n\r"
"""The bytes below the space that JSON may begin with; all others are version numbers."""

MAX_STORED_BYTES = 64 * 1024
"""The largest stored value. A prediction takes 1 KB as JSON; parsing a hostile value takes a hundred times its size."""


def encode_prediction(prediction: Prediction, *, as_json: bool = False) -> bytes:
    """The prediction in compact encoding. JSON, without fields that are None, if as_json or if it does not fit."""
    if not as_json:
        try:
            return encode(prediction)
        except (ValueError, OverflowError):
            pass
    return prediction.model_dump_json(exclude_none=True).encode()


def decode_prediction(value: bytes) -> Prediction:
    """The inverse of encode_prediction, also for values that earlier releases stored.

    Raises StoreError if value is not a prediction or has a newer version.
    """
    _require_small(value, "a stored prediction")
    first = value[0] if value else 0
    try:
        if first == COMPACT_VERSION:
            return decode(value)
        if COMPACT_VERSION < first < 0x20 and first not in _JSON_SPACE:
            raise StoreError(f"{_EXPECTED}, got version {first} of a newer release; upgrade this program")
        return Prediction.model_validate_json(value)
    except ValidationError as error:
        raise _unreadable(validation_lines(error)) from error
    # What msgpack, struct and the decoding of fields raise for foreign bytes.
    except (ValueError, TypeError, LookupError, OverflowError, AttributeError, RecursionError, MemoryError) as error:
        raise _unreadable(printable(f"{type(error).__name__}: {error}", 200)) from error


def _unreadable(why: str) -> StoreError:
    return StoreError(f"{_EXPECTED}, got {why}; upgrade this program, or give it its own store")


def decode_note(note: bytes) -> tuple[str, str | None]:
    """The reason in a dead-letter note, and the job's group. Raises StoreError if another program wrote it."""
    _require_small(note, "a dead-letter note")
    try:
        fields = json.loads(note)
        reason, group = fields["reason"], fields.get("group")
        if isinstance(reason, str) and re.fullmatch(REASON_PATTERN, reason):
            return reason, group if isinstance(group, str) else None
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        pass
    raise StoreError("expected a dead-letter note, got something else; give this program its own store")


def _require_small(value: bytes, what: str) -> None:
    if len(value) > MAX_STORED_BYTES:
        raise StoreError(
            f"expected {what} of at most {MAX_STORED_BYTES} bytes, got {len(value)}; give this program its own store"
        )
