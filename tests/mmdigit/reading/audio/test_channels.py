"""Stereo to mono: the mix, unless mixing loses the speech of one channel."""

import numpy as np
import pytest
from numpy.typing import NDArray

from mmdigit.reading.audio.channels import to_mono
from mmdigit.reading.audio.normalize import decode_audio, read_waveform
from tests.mmdigit.clips import tone, wav

RANDOM = np.random.default_rng(0)


def speech(duration_s: float = 1.5) -> NDArray[np.float64]:
    """Half a second of tone with a little noise around it."""
    samples = RANDOM.normal(0, 1e-3, round(duration_s * 8000))
    samples[2000:6000] += tone()
    return np.asarray(samples)


WORD = speech()
NOISE = RANDOM.normal(0, 0.1, WORD.size)
HUM = 0.3 * np.sin(2 * np.pi * 50 * np.arange(WORD.size) / 8000)
CRACKLE = np.where(np.arange(WORD.size) % 1700 == 900, 0.9, 0.0)


OTHERS = {
    "inverted": -WORD,
    "nearly inverted": -0.8 * WORD + RANDOM.normal(0, 1e-3, WORD.size),
    "noise": NOISE,
    "less noise": 0.3 * NOISE,
    "hum": HUM,
    "word and hum": WORD + HUM,
    "word and noise": WORD + NOISE,
    "nothing": np.zeros(WORD.size),
    "an offset": np.full(WORD.size, 0.4),
    "half a period later": np.roll(WORD, 9),
    "crackle": CRACKLE,
}


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("side", [0, 1])
def test_better_channel_is_chosen_if_mixing_loses_speech(other: str, side: int) -> None:
    both = np.stack([WORD, OTHERS[other]] if side == 0 else [OTHERS[other], WORD], axis=1)
    clip, alone = decode_audio(wav(both)), decode_audio(wav(WORD))
    np.testing.assert_allclose(clip * np.sign(clip @ alone), alone, atol=2e-3)


@pytest.mark.parametrize(
    "other",
    [
        WORD,
        0.5 * WORD,
        WORD + RANDOM.normal(0, 1e-3, WORD.size),
        np.roll(WORD, 1) + RANDOM.normal(0, 1e-3, WORD.size),
    ],
    ids=["same", "fainter", "noise of its own", "a little later"],
)
def test_ordinary_stereo_is_mixed(other: NDArray[np.float64]) -> None:
    both = np.stack([WORD, other], axis=1).astype(np.float32)
    np.testing.assert_array_equal(to_mono(both, 8000), both.mean(axis=1))


@pytest.mark.parametrize("rate_hz", [8000, 11_025, 48_000])
def test_shortest_stereo_clip_is_read(rate_hz: int) -> None:
    samples = tone(0.06, rate_hz)
    np.testing.assert_allclose(
        read_waveform(wav(np.stack([samples, -samples], axis=1), rate_hz)),
        read_waveform(wav(samples, rate_hz)),
        atol=1e-4,
    )


def test_mono_is_returned_without_a_copy() -> None:
    samples = WORD.astype(np.float32)[:, None]
    assert np.shares_memory(to_mono(samples, 8000), samples)
