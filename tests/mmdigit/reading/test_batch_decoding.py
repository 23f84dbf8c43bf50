"""Reading many jobs together: each outcome is what the job alone would have."""

import numpy as np
import pytest

from mmdigit.reading.audio.normalize import N_SAMPLES, Waveform, speech_window, speech_windows
from mmdigit.reading.batch_decoding import decode_batch
from mmdigit.reading.model_input import ModelInput, decode_input
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


def alone(image: bytes | None, audio: bytes | None) -> ModelInput | Exception:
    try:
        return decode_input(image, audio)
    except Exception as exc:
        return exc


def assert_same(came: ModelInput | Exception, expected: ModelInput | Exception) -> None:
    assert type(came) is type(expected)
    if isinstance(came, ModelInput) and isinstance(expected, ModelInput):
        for name in ("image", "waveform"):
            np.testing.assert_array_equal(getattr(came, name), getattr(expected, name))
    else:
        assert str(came) == str(expected)


def test_decode_batch_decodes_each_job_as_if_alone() -> None:
    for came, pair in zip(decode_batch(PAIRS), PAIRS, strict=True):
        assert_same(came, alone(*pair))
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
    short, long, other = decode_batch([(None, CLIP), (None, wav(tone(3.0))), (PICTURE, CLIP)])
    assert_same(short, decode_input(None, CLIP))
    assert_same(long, ZeroDivisionError("too long"))
    assert_same(other, decode_input(PICTURE, CLIP))


def test_speech_windows_equal_speech_window() -> None:
    random = np.random.default_rng(0)
    waveforms = [np.zeros(size, np.float32) for size in (0, 1, 79, 80, 81, 160, 4000, 8000, 80_000)]
    for size in random.integers(1, 30_000, 40).tolist():
        waveform = random.normal(0, 0.001, size).astype(np.float32)
        start = int(random.integers(0, size))
        waveform[start : start + 3000] += random.normal(0, 0.3, waveform[start : start + 3000].size).astype(np.float32)
        waveforms.append(waveform.clip(-1, 1))
    for together, waveform in zip(speech_windows(waveforms), waveforms, strict=True):
        np.testing.assert_array_equal(together, speech_window(waveform))
