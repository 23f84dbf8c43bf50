"""Decoding many jobs at once gives each the result that it would have alone."""

import numpy as np
import pytest

from mmdigit.reading.audio.normalize import N_SAMPLES, Waveform, speech_windows
from mmdigit.reading.batch_decoding import decode_batch
from mmdigit.reading.image.normalize import Digit, mnist_digits
from mmdigit.reading.image.pixels import Grey
from mmdigit.reading.model_input import ModelInput, decode_input
from tests.mmdigit.clips import as_bytes, drawn_digit, mnist_like, tone, wav

IMAGE, CLIP = as_bytes(drawn_digit()), wav(tone(0.4))
PAIRS = [
    (IMAGE, CLIP),
    (IMAGE, None),
    (None, wav(tone(3.0, 16_000), 16_000)),
    (b"none", CLIP),
    (IMAGE, b"none"),
    (b"none", b"none"),
    (None, None),
    (bytes(range(196)) * 4, wav(tone(0.05))),
]


def alone(image: bytes | None, audio: bytes | None) -> ModelInput | Exception:
    try:
        return decode_input(image, audio)
    except Exception as exc:
        return exc


def assert_same(got: ModelInput | Exception, expected: ModelInput | Exception) -> None:
    assert type(got) is type(expected)
    if isinstance(got, ModelInput) and isinstance(expected, ModelInput):
        for name in ("image", "waveform"):
            np.testing.assert_array_equal(getattr(got, name), getattr(expected, name))
    else:
        assert str(got) == str(expected)


def test_decode_batch_decodes_each_job_as_if_alone() -> None:
    for got, pair in zip(decode_batch(PAIRS), PAIRS, strict=True):
        assert_same(got, alone(*pair))
    assert decode_batch([]) == []


def test_decode_batch_isolates_a_failing_clip(monkeypatch: pytest.MonkeyPatch) -> None:
    def place_no_long_one(waveforms: list[Waveform]) -> list[Waveform]:
        if any(waveform.size > N_SAMPLES for waveform in waveforms):
            raise ZeroDivisionError("too long")
        return speech_windows(waveforms)

    def place_one(waveform: Waveform) -> Waveform:
        return place_no_long_one([waveform])[0]

    monkeypatch.setattr("mmdigit.reading.batch_decoding.speech_windows", place_no_long_one)
    monkeypatch.setattr("mmdigit.reading.batch_decoding.speech_window", place_one)
    short, long, other = decode_batch([(None, CLIP), (None, wav(tone(3.0))), (IMAGE, CLIP)])
    assert_same(short, decode_input(None, CLIP))
    assert_same(long, ZeroDivisionError("too long"))
    assert_same(other, decode_input(IMAGE, CLIP))


def test_decode_batch_isolates_a_failing_image(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_dark_one(images: Grey) -> list[Digit | None]:
        if float(images.max(axis=(1, 2)).min()) < 0.5:
            raise ZeroDivisionError("dark")
        return mnist_digits(images)

    for module in ("batch_decoding", "image.normalize"):
        monkeypatch.setattr(f"mmdigit.reading.{module}.mnist_digits", no_dark_one)
    bright, dark = mnist_like().tobytes(), (mnist_like() // 4).tobytes()
    first, failed, last = decode_batch([(bright, None), (dark, None), (bright, CLIP)])
    assert_same(first, decode_input(bright, None))
    assert_same(failed, ZeroDivisionError("dark"))
    assert_same(last, decode_input(bright, CLIP))
