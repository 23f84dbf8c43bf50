"""Answers are the same if labels are equal and confidences differ by no more than rounding."""

import pytest

import mmdigit
from lab.kit.answers import TOLERANCE, LabelAndConfidence, differing, offline
from producer.sources.opening import open_source
from producer.sources.sample import Sample
from samples.demo import PACK

SEVEN = LabelAndConfidence(7, 0.9)


@pytest.mark.parametrize(
    ("got", "found"),
    [
        ({"a": SEVEN}, []),
        ({"a": LabelAndConfidence(7, 0.9 + TOLERANCE / 2)}, []),
        ({"a": LabelAndConfidence(7, 0.9 + 2 * TOLERANCE)}, ["a"]),
        ({"a": LabelAndConfidence(1, 0.9)}, ["a"]),
        ({"a": LabelAndConfidence(7, float("nan"))}, ["a"]),
        ({}, ["a"]),
        ({"a": SEVEN, "b": SEVEN}, ["b"]),
    ],
    ids=["equal", "rounded", "confidence", "label", "nan", "missing", "unexpected"],
)
def test_differing_answers_are_named(got: dict[str, LabelAndConfidence], found: list[str]) -> None:
    assert differing({"a": SEVEN}, got) == found


def test_offline_answers_are_the_readers() -> None:
    samples = [each for each in open_source(str(PACK), count=40, seed=0, split="test") if isinstance(each, Sample)]
    reader = mmdigit.load()
    one_by_one = [reader.predict(image=each.image, audio=each.audio) for each in samples]
    expected = {str(number): LabelAndConfidence(each.label, each.confidence) for number, each in enumerate(one_by_one)}
    assert differing(expected, {str(number): each for number, each in enumerate(offline(samples))}) == []
    assert len(expected) == 40
