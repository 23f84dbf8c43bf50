"""The shipped model, loaded once for all tests."""

import pytest

from mmdigit.reading.predictor import Predictor


@pytest.fixture(scope="session")
def predictor() -> Predictor:
    """The shipped model."""
    return Predictor.load()
