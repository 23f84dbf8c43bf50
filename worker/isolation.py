"""Isolates the jobs that the model fails on, so that their batch mates are answered as ever."""

from collections.abc import Callable, Sequence

from mmdigit.predictor import Sample
from schemas.errors import ModelRejected
from schemas.prediction import Answer

Predict = Callable[[Sequence[Sample]], list[Answer]]


def predict_each(predict: Predict, samples: Sequence[Sample]) -> list[Answer | ModelRejected]:
    """One outcome per sample, in order: its answer, or ModelRejected if predict raises on it alone.

    One call when nothing fails; a batch that fails is halved until each guilty sample stands alone, about
    2 log2(len(samples)) more calls for one of them.
    """
    if not samples:
        return []
    try:
        return list(predict(samples))
    except Exception as exc:
        if len(samples) == 1:
            rejected = ModelRejected(f"the model failed on this job alone: {type(exc).__name__}: {exc}")
            rejected.__cause__ = exc
            return [rejected]
    half = len(samples) // 2
    return predict_each(predict, samples[:half]) + predict_each(predict, samples[half:])
