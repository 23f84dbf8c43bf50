"""The stored form of a prediction, the same in every store: packed, or JSON; told apart by the first byte."""

import json
import re

from pydantic import ValidationError

from mmdigit.transport.packed import PACKED_VERSION, pack, unpack
from schemas.dead_letter import REASON_PATTERN
from schemas.errors import StoreError
from schemas.prediction import Prediction
from schemas.printable import printable
from schemas.validation import validation_lines

_EXPECTED = f"expected a stored prediction as JSON or packed in version {PACKED_VERSION}"
_JSON_SPACE = b"\t\n\r"
"""Of the bytes below the space, which are versions, those that JSON may begin with."""

MAX_STORED_BYTES = 64 * 1024
"""Of one value: as JSON, a prediction takes 1 KB. A parser would make a hundred times as much of a hostile one."""


def write_prediction(prediction: Prediction, *, as_json: bool = False) -> bytes:
    """The prediction packed; as JSON without the fields that are None, if as_json, or if it does not fit into that."""
    if not as_json:
        try:
            return pack(prediction)
        except (ValueError, OverflowError):
            pass
    return prediction.model_dump_json(exclude_none=True).encode()


def read_prediction(value: bytes) -> Prediction:
    """The prediction of write_prediction, as this release or an earlier one wrote it.

    Raises StoreError if value is none, or of a newer version.
    """
    _require_small(value, "a stored prediction")
    first = value[0] if value else 0
    try:
        if first == PACKED_VERSION:
            return unpack(value)
        if PACKED_VERSION < first < 0x20 and first not in _JSON_SPACE:
            raise StoreError(f"{_EXPECTED}, got version {first} of a newer release; upgrade this program")
        return Prediction.model_validate_json(value)
    except ValidationError as error:
        raise _unreadable(validation_lines(error)) from error
    # What msgpack, struct and the unpacking of its fields raise for bytes that are none of ours.
    except (ValueError, TypeError, LookupError, OverflowError, AttributeError, RecursionError, MemoryError) as error:
        raise _unreadable(printable(f"{type(error).__name__}: {error}", 200)) from error


def _unreadable(why: str) -> StoreError:
    return StoreError(f"{_EXPECTED}, got {why}; upgrade this program, or give it a store of its own")


def read_reason(note: bytes) -> str:
    """The reason in the note of a dead letter. Raises StoreError if another program wrote it."""
    _require_small(note, "the note of a dead letter")
    try:
        reason = json.loads(note)["reason"]
        if isinstance(reason, str) and re.fullmatch(REASON_PATTERN, reason):
            return reason
    except (ValueError, LookupError, TypeError, RecursionError):
        pass
    raise StoreError("expected the note of a dead letter, got something else; give this program a store of its own")


def _require_small(value: bytes, what: str) -> None:
    if len(value) > MAX_STORED_BYTES:
        raise StoreError(
            f"expected {what} of at most {MAX_STORED_BYTES} bytes, got {len(value)}; give this program its own store"
        )
