"""Isolates the jobs that the model fails on, so that their batch mates are answered as ever."""

from collections.abc import Callable, Sequence

from mmdigit.reading.model_input import ModelInput
from schemas.errors import ModelError, ModelRejected
from schemas.prediction import Answer

Predict = Callable[[Sequence[ModelInput]], list[Answer]]


def predict_each(
    predict: Predict, samples: Sequence[ModelInput], probe: Callable[[], object]
) -> list[Answer | ModelRejected]:
    """One outcome per sample, in order: its answer, or ModelRejected if predict raises on it alone.

    One call when nothing fails; a batch that fails is halved until each guilty sample stands alone, about
    2 log2(len(samples)) more calls for one of them. probe runs the model on what it is known to take: a sample is
    guilty only if that still works, and if it fails once more after it. Raises ModelError if the probe fails, or if
    memory is short.
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
        raise ModelError("expected the model to find enough memory, it did not; give the worker more") from exc


def _require_working(probe: Callable[[], object]) -> None:
    try:
        probe()
    except Exception as exc:
        raise ModelError(
            f"expected the model to take its own warm-up samples, got {type(exc).__name__}: {exc}; restart the worker, "
            "or deploy a working model"
        ) from exc
