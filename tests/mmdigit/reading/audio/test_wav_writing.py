"""A written WAV file is read back as it was, to the rounding of 16 bits."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mmdigit.reading.audio.frames import Waveform
from mmdigit.reading.audio.limits import RECORDING
from mmdigit.reading.audio.wav import read_wav
from mmdigit.reading.audio.wav_writing import FULL_SCALE, pcm_wav, wav_of


@given(arrays(np.float32, st.integers(400, 900), elements=st.floats(-1.5, 1.5, width=32)))
def test_waveform_comes_back(waveform: Waveform) -> None:
    samples, rate_hz = read_wav(wav_of(waveform), RECORDING)
    assert rate_hz == 8000
    np.testing.assert_allclose(samples[:, 0], waveform.clip(-1, 1), atol=2 / FULL_SCALE)


def test_samples_keep_their_rate() -> None:
    samples, rate_hz = read_wav(pcm_wav(bytes(4000), 16_000), RECORDING)
    assert (samples.shape, rate_hz) == ((2000, 1), 16_000)
