"""Noises and audio that is not a digit: seeded, at the stated level, and not used in training."""

import shutil

import numpy as np
import pytest

from mmdigit.reading.audio.normalize import N_SAMPLES
from mmdigit.training.data import pronunciations
from mmdigit.training.evaluate import corrupt_audio
from mmdigit.training.evaluate.corrupt_audio import MARGIN, NOISES, Noise, Random
from tests.mmdigit.clips import tone

CLIP = tone(0.4).astype(np.float32)


def random() -> Random:
    return np.random.default_rng(8)


@pytest.mark.parametrize("noise", NOISES.values(), ids=NOISES)
def test_noises_are_seeded_and_have_unit_rms(noise: Noise) -> None:
    for n_samples in (1000, 9000):
        waveform = noise(n_samples, random())
        assert waveform.shape == (n_samples,)
        assert np.sqrt(np.mean(waveform**2)) == pytest.approx(1)
        assert np.array_equal(waveform, noise(n_samples, random()))
    alone = corrupt_audio.noise_only(noise, 3, random())
    assert alone.shape == (3, N_SAMPLES)
    assert (np.abs(alone).max(axis=1) > 0.01).all()
    assert np.abs(alone).max() <= 1


@pytest.mark.parametrize("ratio_db", [20, 10, 0])
def test_add_noise_keeps_the_stated_ratio(ratio_db: int) -> None:
    def hiss(n_samples: int, random: Random) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return random.choice([-1.0, 1.0], n_samples)

    clip = np.sign(CLIP)  # of one level from its first to its last sample
    clip[clip == 0] = 1
    waveform = corrupt_audio.add_noise(clip * np.float32(0.2), hiss, ratio_db, random())
    assert waveform.shape == (N_SAMPLES,)
    audible = np.flatnonzero(waveform)
    start, end = audible[0], audible[-1] + 1
    assert end - start == pytest.approx(clip.size + 2 * MARGIN, abs=2)
    margins = np.concatenate([waveform[start : start + MARGIN - 5], waveform[end - MARGIN + 5 : end]])
    inside = waveform[start + MARGIN + 5 : end - MARGIN - 5]
    ratio = np.mean(inside**2) / np.mean(margins**2) - 1
    assert 10 * np.log10(ratio) == pytest.approx(ratio_db, abs=0.5)


def test_reverse_and_concatenate() -> None:
    ramp = (np.linspace(0, 0.5, 2000) * np.sin(np.arange(2000))).astype(np.float32)
    reverse = corrupt_audio.reverse(ramp)
    energy = np.square(reverse[np.flatnonzero(reverse)[0] :][:2000])
    assert energy[:500].sum() > 5 * energy[1500:].sum()
    row = corrupt_audio.concatenate(ramp, ramp)
    audible = np.flatnonzero(row)
    assert audible[-1] - audible[0] + 1 == pytest.approx(2000 + 480 + 2000, abs=3)


def test_hiss_is_audible_and_seeded() -> None:
    waveforms = corrupt_audio.hiss(3, random())
    assert waveforms.shape == (3, N_SAMPLES)
    assert (waveforms.std(axis=1) > 0.01).all()
    assert np.array_equal(waveforms, corrupt_audio.hiss(3, random()))


def test_words_and_voices_are_not_used_in_training() -> None:
    assert not set(corrupt_audio.WORDS) & {*pronunciations.ENGLISH_OTHERS, *pronunciations.DIGIT_WORDS}
    assert {*corrupt_audio.VOICES, *corrupt_audio.VARIANTS} <= pronunciations.RESERVED_VOICES


def test_other_words_need_espeak(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corrupt_audio, "WORDS", ("again", "music"))
    spoken = corrupt_audio.other_words(random())
    if shutil.which("espeak-ng") is None:
        assert spoken.shape == (0, N_SAMPLES)
    else:
        assert spoken.shape == (2, N_SAMPLES)
        assert np.array_equal(spoken, corrupt_audio.other_words(random()))
    monkeypatch.setenv("PATH", "/none")
    assert corrupt_audio.other_words(random()).shape == (0, N_SAMPLES)
