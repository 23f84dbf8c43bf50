"""The stored form of a prediction, the same in every store: JSON, read back strictly."""

from pydantic import ValidationError

from schemas.errors import StoreError
from schemas.prediction import Prediction
from schemas.settings import validation_lines


def write_prediction(prediction: Prediction) -> bytes:
    """The prediction as JSON, without the fields that are None."""
    return prediction.model_dump_json(exclude_none=True).encode()


def read_prediction(value: bytes) -> Prediction:
    """Raises StoreError if value is not a prediction of a known version: another program wrote it."""
    try:
        return Prediction.model_validate_json(value)
    except ValidationError as error:
        raise StoreError(
            f"expected a stored prediction of version 1, got {validation_lines(error)}; "
            "upgrade this program, or give it a store of its own"
        ) from error
