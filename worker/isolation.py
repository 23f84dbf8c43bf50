"""Isolates the jobs that the model fails on, so that the rest of the batch is answered."""

from collections.abc import Callable, Sequence

from mmdigit.reading.model_input import ModelInput
from schemas.errors import ModelError, ModelRejected
from schemas.prediction import Answer

Predict = Callable[[Sequence[ModelInput]], list[Answer]]


def predict_each(
    predict: Predict, samples: Sequence[ModelInput], probe: Callable[[], object]
) -> list[Answer | ModelRejected]:
    """For each sample, in order, its answer, or ModelRejected if predict raises on that sample alone.

    One call if nothing fails. A batch that fails is halved until each failing sample is alone: about
    2 log2(len(samples)) more calls for one such sample. probe runs the model on samples that it is known to take: a
    sample is rejected only if the probe works and the sample then fails again. Raises ModelError if the probe fails or
    memory runs out.
    """
    if not samples:
        return []
    try:
        return _try(predict, samples)
    except ModelError:
        raise
    except Exception:
        if len(samples) > 1:
            half = len(samples) // 2
            return predict_each(predict, samples[:half], probe) + predict_each(predict, samples[half:], probe)
    _require_working(probe)
    try:
        return _try(predict, samples)
    except ModelError:
        raise
    except Exception as exc:
        rejected = ModelRejected(f"the model failed on this job alone: {type(exc).__name__}: {exc}")
        rejected.__cause__ = exc
        return [rejected]


def _try(predict: Predict, samples: Sequence[ModelInput]) -> list[Answer | ModelRejected]:
    try:
        return list(predict(samples))
    except MemoryError as exc:
        raise ModelError("expected enough memory to predict, got too little; give the worker more") from exc


def _require_working(probe: Callable[[], object]) -> None:
    try:
        probe()
    except Exception as exc:
        raise ModelError(
            f"expected the model to take its own warm-up samples, got {type(exc).__name__}: {exc}; restart the worker, "
            "or deploy a working model"
        ) from exc
