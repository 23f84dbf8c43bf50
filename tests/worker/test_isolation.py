"""predict_each returns one result a sample, whichever samples the model fails on."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmdigit.reading.model_input import ModelInput
from schemas.errors import ModelError, ModelRejected
from schemas.prediction import Answer
from tests.worker.fakes import answer
from worker.isolation import predict_each


def sample(number: int) -> ModelInput:
    return ModelInput(image=np.full((28, 28), number / 255, np.float32))


def number_of(one: ModelInput) -> int:
    assert one.image is not None
    return round(float(one.image[0, 0]) * 255)


def works() -> None:
    """A model that takes its warm-up samples."""


@settings(derandomize=True, deadline=None)
@given(size=st.integers(0, 40), guilty=st.sets(st.integers(0, 39)))
def test_predict_each_rejects_exactly_the_failing_samples(size: int, guilty: set[int]) -> None:
    calls = []

    def predict(samples: Sequence[ModelInput]) -> list[Answer]:
        calls.append(len(samples))
        if any(number_of(one) in guilty for one in samples):
            raise RuntimeError("cannot")
        return [answer(number_of(one) % 10) for one in samples]

    results = predict_each(predict, [sample(number) for number in range(size)], works)
    assert len(results) == size
    for number, result in enumerate(results):
        if number in guilty:
            assert isinstance(result, ModelRejected)
            assert "RuntimeError: cannot" in str(result)
        else:
            assert isinstance(result, Answer)
            assert result.label == number % 10
    if not guilty & set(range(size)):
        assert len(calls) == (1 if size else 0)  # no extra call if nothing fails


def test_predict_each_isolates_with_logarithmic_calls() -> None:
    calls = []

    def predict(samples: Sequence[ModelInput]) -> list[Answer]:
        calls.append(len(samples))
        if any(number_of(one) == 17 for one in samples):
            raise RuntimeError("cannot")
        return [answer(0) for _ in samples]

    predict_each(predict, [sample(number) for number in range(64)], works)
    assert len(calls) == 14


def test_predict_each_rejects_nothing_after_one_failure() -> None:
    calls = []

    def predict(samples: Sequence[ModelInput]) -> list[Answer]:
        calls.append(len(samples))
        if len(calls) == 1:
            raise RuntimeError("Failed to allocate memory")  # the message of ONNX Runtime
        return [answer(number_of(one)) for one in samples]

    [result] = predict_each(predict, [sample(3)], works)
    assert isinstance(result, Answer)
    assert calls == [1, 1]


def test_predict_each_rejects_nothing_if_everything_fails() -> None:
    def fail(*_: object) -> list[Answer]:
        raise RuntimeError("no such operator")

    with pytest.raises(ModelError, match="no such operator; restart the worker"):
        predict_each(fail, [sample(1), sample(2)], fail)


def test_predict_each_rejects_nothing_if_memory_runs_out() -> None:
    def fail(_: Sequence[ModelInput]) -> list[Answer]:
        raise MemoryError

    with pytest.raises(ModelError, match="enough memory"):
        predict_each(fail, [sample(1)], works)
