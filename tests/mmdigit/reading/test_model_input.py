"""What a job carries becomes the input of the model, or an error."""

import pytest

from mmdigit.reading.model_input import ModelInput, decode_input
from schemas.errors import InvalidAudio, InvalidImage
from tests.mmdigit.clips import as_bytes, drawn_digit, tone, wav


def test_model_input_is_not_empty() -> None:
    with pytest.raises(ValueError, match="neither"):
        ModelInput()
    with pytest.raises(ValueError, match="neither"):
        decode_input(None, None)


def test_decode_input_decodes_or_refuses() -> None:
    sample = decode_input(as_bytes(drawn_digit()), wav(tone()))
    assert sample.image is not None
    assert sample.waveform is not None
    with pytest.raises(InvalidImage):
        decode_input(b"", wav(tone()))
    with pytest.raises(InvalidAudio):
        decode_input(as_bytes(drawn_digit()), b"")
