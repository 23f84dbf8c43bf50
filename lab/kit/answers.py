"""Do two programs give the same answers? Labels are equal, confidences up to float rounding."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from mmdigit.reading.model_input import decode_input
from mmdigit.reading.predictor import Predictor
from producer.sources.sample import Sample

TOLERANCE = 2e-5
"""A batch changes an answer by up to 1e-5 (mmdigit/reading/predictor.py), a CSV file rounds to 1e-6."""
_BATCH = 32


class LabelAndConfidence(NamedTuple):
    """What is compared of an answer."""

    label: int
    confidence: float


Answers = Mapping[str, LabelAndConfidence]
"""By id."""


def offline(samples: Sequence[Sample]) -> list[LabelAndConfidence]:
    """What the predictor says of each sample, without queue, framework or files. Raises InvalidJob as decode_input."""
    predictor = Predictor.load()
    found: list[LabelAndConfidence] = []
    for start in range(0, len(samples), _BATCH):
        inputs = [decode_input(sample.image, sample.audio) for sample in samples[start : start + _BATCH]]
        found += [LabelAndConfidence(answer.label, answer.confidence) for answer in predictor.predict(inputs)]
    return found


def differing(expected: Answers, got: Answers) -> list[str]:
    """The ids whose answer is missing, unexpected, or another, sorted."""
    return sorted(each for each in expected.keys() | got.keys() if not _same(expected.get(each), got.get(each)))


def _same(one: LabelAndConfidence | None, other: LabelAndConfidence | None) -> bool:
    if one is None or other is None:
        return False
    return one.label == other.label and abs(one.confidence - other.confidence) <= TOLERANCE
