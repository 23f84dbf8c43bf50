"""Real recordings with the quirks of programs and microphones, read by the shipped model: each is a spoken seven."""

from pathlib import Path

import pytest

from mmdigit.reading.model_input import decode_input
from mmdigit.reading.predictor import Predictor

CASES = Path(__file__).parents[3] / "cases"
SEVENS = (
    "stream-wav/data_size_0.wav",  # a recorder that crashed before it wrote the size
    "stream-wav/int32_max.wav",  # a telephone's stream
    "stream-wav/pipe_wav_s16.wav",  # ffmpeg into a pipe, size 0xFFFFFFFF
    "stream-wav/pipe_wav_16k.wav",
    "stream-wav/extensible_ff.wav",
    "wav-sizes/data_plus8.wav",  # sizes a few bytes off
    "wav-sizes/data_plus36.wav",
    "wav-sizes/data_plus44.wav",
    "wav-sizes/data_cut1.wav",  # cut in a sample
    "wav-sizes/odd_chunk_unpadded.wav",
    "stream-flac/pipe_flac.flac",  # of unknown length
    "antiphase/antiphase.wav",  # the second channel inverted
    "mic-settling/dc_settling.wav",  # a level that drifts for 0.3 s
    "mic-settling/click.wav",  # 3 ms
    "mic-settling/pop_80ms.wav",
)


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return Predictor.load()


@pytest.mark.parametrize("name", SEVENS)
def test_recordings_are_read(name: str, predictor: Predictor) -> None:
    (answer,) = predictor.predict([decode_input(None, (CASES / name).read_bytes())])
    assert (answer.label, answer.decision) == (7, "accept")


def test_recordings_are_all_listed() -> None:
    folders = {name.partition("/")[0] for name in SEVENS}
    assert {f"{folder}/{path.name}" for folder in folders for path in (CASES / folder).iterdir()} == {*SEVENS}
