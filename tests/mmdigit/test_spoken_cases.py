"""Recordings as programs and microphones leave them, read by the shipped weights: each is a spoken seven."""

from pathlib import Path

import pytest

from mmdigit.predictor import Predictor, read_sample
from schemas.errors import InvalidAudio

SOUNDS = Path(__file__).parent / "sounds"
SEVENS = (
    "data_size_0.wav",  # a recorder that crashed before it wrote the size
    "int32_max.wav",  # a telephone's stream
    "pipe_wav_s16.wav",  # ffmpeg into a pipe, size 0xFFFFFFFF
    "pipe_wav_16k.wav",
    "extensible_ff.wav",
    "data_plus8.wav",  # sizes a few bytes off
    "data_plus36.wav",
    "data_plus44.wav",
    "data_cut1.wav",  # cut in a sample
    "odd_chunk_unpadded.wav",
    "pipe_flac.flac",  # of unknown length
    "antiphase.wav",  # the second channel inverted
    "dc_settling.wav",  # a level that drifts for 0.3 s
    "click.wav",  # 3 ms
    "pop_80ms.wav",
)
NAMED = {
    "browser_webm_named.wav": (r"WebM \(a browser's recording", "ffmpeg -i clip.webm -ac 1 clip.wav"),
    "phone.m4a": (r"M4A \(AAC of a telephone", "ffmpeg -i clip.m4a -ac 1 clip.wav"),
}


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return Predictor.load()


@pytest.mark.parametrize("name", SEVENS)
def test_a_recording_is_read(name: str, predictor: Predictor) -> None:
    (answer,) = predictor.predict([read_sample(None, (SOUNDS / name).read_bytes())])
    assert (answer.label, answer.decision) == (7, "accept")


@pytest.mark.parametrize("name", NAMED)
def test_another_format_is_named_with_the_command_that_converts_it(name: str) -> None:
    what, command = NAMED[name]
    with pytest.raises(InvalidAudio, match=f"got {what}.*`{command}`"):
        read_sample(None, (SOUNDS / name).read_bytes())


def test_every_recording_is_tried() -> None:
    assert {path.name for path in SOUNDS.iterdir()} == {*SEVENS, *NAMED}
