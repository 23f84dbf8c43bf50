"""Messages that are made without validation are those that validation makes."""

import pytest
from pydantic import ValidationError

from schemas.prediction import Prediction
from tests.factories import make_prediction


class NextPrediction(Prediction):
    """Of a later release."""

    rivals: tuple[int, ...] = (1,)


def test_unchecked_message_has_the_defaults_of_other_fields() -> None:
    fields = make_prediction().__dict__
    assert NextPrediction.unchecked(**fields) == NextPrediction.model_validate(fields)
    assert NextPrediction.unchecked(**fields).rivals == (1,)


def test_unchecked_message_equals_a_validated_one() -> None:
    validated = make_prediction(7)
    unchecked = Prediction.unchecked(**validated.__dict__)
    assert unchecked == validated
    assert unchecked.model_dump_json() == validated.model_dump_json()
    assert Prediction.model_validate(unchecked.model_dump()) == validated
    assert unchecked.model_copy() == validated
    with pytest.raises(ValidationError, match="frozen"):
        unchecked.label = 1  # type: ignore[misc]
