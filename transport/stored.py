"""The stored form of a prediction, the same in every store: JSON, read back strictly."""

import json
import re

from pydantic import ValidationError

from schemas.dead_letter import REASON_PATTERN
from schemas.errors import StoreError
from schemas.prediction import Prediction
from schemas.settings import validation_lines

MAX_STORED_BYTES = 64 * 1024
"""Of one value: a prediction takes about 1 KB. A parser would make a hundred times as much of a hostile one."""


def write_prediction(prediction: Prediction) -> bytes:
    """The prediction as JSON, without the fields that are None."""
    return prediction.model_dump_json(exclude_none=True).encode()


def read_prediction(value: bytes) -> Prediction:
    """Raises StoreError if value is not a prediction of a known version: another program wrote it."""
    _require_small(value, "a stored prediction")
    try:
        return Prediction.model_validate_json(value)
    except ValidationError as error:
        raise StoreError(
            f"expected a stored prediction of version 1, got {validation_lines(error)}; "
            "upgrade this program, or give it a store of its own"
        ) from error


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
