"""What the tests of the model share."""

import pytest

from mmdigit.reading.predictor import Predictor


@pytest.fixture(scope="session")
def predictor() -> Predictor:
    """The shipped model."""
    return Predictor.load()
