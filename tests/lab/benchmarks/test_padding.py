"""Samples of a given size still hold their digit."""

import pytest

from lab.kit.padding import padded
from lab.kit.records import read_samples
from mmdigit.reading.model_input import decode_input
from mmdigit.reading.predictor import Predictor
from producer.sources.sample import Sample

LABELLED = [sample for sample in read_samples(None, 200) if sample.image and sample.audio and sample.label is not None]
PAIRS = LABELLED[:20]


def payload_bytes(sample: Sample) -> int:
    assert sample.image is not None
    assert sample.audio is not None
    return len(sample.image) + len(sample.audio)


@pytest.mark.parametrize("n_bytes", [10_000, 100_000])
def test_the_size_is_as_asked_for_and_the_digit_is_still_read(n_bytes: int) -> None:
    made = [padded(sample, n_bytes) for sample in PAIRS]
    assert {payload_bytes(sample) for sample in made} <= {n_bytes, n_bytes - 1}
    answers = Predictor.load().predict([decode_input(sample.image, sample.audio) for sample in made])
    seen = [answer.image.label == sample.label for answer, sample in zip(answers, PAIRS, strict=True) if answer.image]
    heard = [answer.audio.label == sample.label for answer, sample in zip(answers, PAIRS, strict=True) if answer.audio]
    assert min(sum(seen), sum(heard)) >= len(PAIRS) - 2


def test_a_clip_is_cut_where_it_must_be() -> None:
    for sample in PAIRS:
        small = padded(sample, 3_000)
        assert payload_bytes(small) in (2_999, 3_000)
        decode_input(small.image, small.audio)


def test_samples_that_lack_one_are_left_out() -> None:
    assert {payload_bytes(sample) for sample in read_samples(None, 60, 10_000)} <= {9_999, 10_000}


def test_it_is_the_same_each_time() -> None:
    assert padded(PAIRS[0], 100_000) == padded(PAIRS[0], 100_000)


def test_what_cannot_be_made_is_said() -> None:
    with pytest.raises(ValueError, match="is missing"):
        padded(Sample("lone", None, PAIRS[0].audio, 1), 10_000)
    with pytest.raises(ValueError, match="got 400"):
        padded(PAIRS[0], 400)
    with pytest.raises(ValueError, match="got 5000000"):
        padded(PAIRS[0], 5_000_000)
