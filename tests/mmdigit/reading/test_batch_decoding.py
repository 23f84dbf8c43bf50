"""Reading many jobs together: each outcome is what the job alone would have."""

import numpy as np
import pytest

from mmdigit.reading.audio.normalize import N_SAMPLES, Waveform, place, place_each
from mmdigit.reading.batch_decoding import read_samples
from mmdigit.reading.predictor import Sample, read_sample
from tests.mmdigit.clips import as_bytes, drawn_digit, tone, wav

PICTURE, CLIP = as_bytes(drawn_digit()), wav(tone(0.4))
PAIRS = [
    (PICTURE, CLIP),
    (PICTURE, None),
    (None, wav(tone(3.0, 16_000), 16_000)),
    (b"none", CLIP),
    (PICTURE, b"none"),
    (b"none", b"none"),
    (None, None),
    (bytes(range(196)) * 4, wav(tone(0.05))),
]


def alone(image: bytes | None, audio: bytes | None) -> Sample | Exception:
    try:
        return read_sample(image, audio)
    except Exception as exc:
        return exc


def assert_same(came: Sample | Exception, expected: Sample | Exception) -> None:
    assert type(came) is type(expected)
    if isinstance(came, Sample) and isinstance(expected, Sample):
        for name in ("image", "waveform"):
            np.testing.assert_array_equal(getattr(came, name), getattr(expected, name))
    else:
        assert str(came) == str(expected)


def test_together_is_as_alone() -> None:
    for came, pair in zip(read_samples(PAIRS), PAIRS, strict=True):
        assert_same(came, alone(*pair))
    assert read_samples([]) == []


def test_a_clip_that_cannot_be_placed_harms_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def place_no_long_one(waveforms: list[Waveform]) -> list[Waveform]:
        if any(waveform.size > N_SAMPLES for waveform in waveforms):
            raise ZeroDivisionError("too long")
        return place_each(waveforms)

    def place_one(waveform: Waveform) -> Waveform:
        return place_no_long_one([waveform])[0]

    monkeypatch.setattr("mmdigit.reading.batch_decoding.place_each", place_no_long_one)
    monkeypatch.setattr("mmdigit.reading.batch_decoding.place", place_one)
    short, long, other = read_samples([(None, CLIP), (None, wav(tone(3.0))), (PICTURE, CLIP)])
    assert_same(short, read_sample(None, CLIP))
    assert_same(long, ZeroDivisionError("too long"))
    assert_same(other, read_sample(PICTURE, CLIP))


def test_waveforms_placed_together_are_as_alone() -> None:
    random = np.random.default_rng(0)
    waveforms = [np.zeros(size, np.float32) for size in (0, 1, 79, 80, 81, 160, 4000, 8000, 80_000)]
    for size in random.integers(1, 30_000, 40).tolist():
        waveform = random.normal(0, 0.001, size).astype(np.float32)
        start = int(random.integers(0, size))
        waveform[start : start + 3000] += random.normal(0, 0.3, waveform[start : start + 3000].size).astype(np.float32)
        waveforms.append(waveform.clip(-1, 1))
    for together, waveform in zip(place_each(waveforms), waveforms, strict=True):
        np.testing.assert_array_equal(together, place(waveform))
