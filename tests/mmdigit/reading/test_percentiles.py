"""The fast percentiles equal numpy's."""

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from mmdigit.reading.percentiles import percentiles

SHAPES = st.tuples(st.integers(1, 20), st.integers(1, 20))


@settings(derandomize=True)
@given(arrays(np.float32, SHAPES, elements=st.floats(-1, 1, width=32)), st.lists(st.floats(0, 100), max_size=3))
def test_percentiles_equal_those_of_numpy(values: NDArray[np.float32], percents: list[float]) -> None:
    expected = [np.percentile(values.astype(np.float64), percent) for percent in percents]
    np.testing.assert_allclose(percentiles(values, *percents), expected, atol=1e-9)


def test_percentiles_of_no_values_are_nan() -> None:
    assert all(math.isnan(value) for value in percentiles(np.zeros(0), 1, 99))
