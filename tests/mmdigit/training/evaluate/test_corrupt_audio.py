"""Noises and sounds that are no digit: seeded, at the level they state, and kept from what training hears."""

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
def test_each_noise_is_seeded_and_of_unit_level(noise: Noise) -> None:
    for n_samples in (1000, 9000):
        sound = noise(n_samples, random())
        assert sound.shape == (n_samples,)
        assert np.sqrt(np.mean(sound**2)) == pytest.approx(1)
        assert np.array_equal(sound, noise(n_samples, random()))
    alone = corrupt_audio.noises_alone(noise, 3, random())
    assert alone.shape == (3, N_SAMPLES)
    assert (np.abs(alone).max(axis=1) > 0.01).all()
    assert np.abs(alone).max() <= 1


@pytest.mark.parametrize("ratio_db", [20, 10, 0])
def test_a_noisy_clip_has_the_ratio_it_states(ratio_db: int) -> None:
    def hiss(n_samples: int, random: Random) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return random.choice([-1.0, 1.0], n_samples)

    clip = np.sign(CLIP)  # of one level from its first to its last sample
    clip[clip == 0] = 1
    sound = corrupt_audio.noisy(clip * np.float32(0.2), hiss, ratio_db, random())
    assert sound.shape == (N_SAMPLES,)
    heard = np.flatnonzero(sound)
    start, end = heard[0], heard[-1] + 1
    assert end - start == pytest.approx(clip.size + 2 * MARGIN, abs=2)
    margins = np.concatenate([sound[start : start + MARGIN - 5], sound[end - MARGIN + 5 : end]])
    inside = sound[start + MARGIN + 5 : end - MARGIN - 5]
    ratio = np.mean(inside**2) / np.mean(margins**2) - 1
    assert 10 * np.log10(ratio) == pytest.approx(ratio_db, abs=0.5)


def test_sounds_made_of_digits() -> None:
    ramp = (np.linspace(0, 0.5, 2000) * np.sin(np.arange(2000))).astype(np.float32)
    backwards = corrupt_audio.backwards(ramp)
    energy = np.square(backwards[np.flatnonzero(backwards)[0] :][:2000])
    assert energy[:500].sum() > 5 * energy[1500:].sum()
    row = corrupt_audio.in_a_row(ramp, ramp)
    heard = np.flatnonzero(row)
    assert heard[-1] - heard[0] + 1 == pytest.approx(2000 + 480 + 2000, abs=3)


def test_hiss_is_heard_and_seeded() -> None:
    sounds = corrupt_audio.hiss(3, random())
    assert sounds.shape == (3, N_SAMPLES)
    assert (sounds.std(axis=1) > 0.01).all()
    assert np.array_equal(sounds, corrupt_audio.hiss(3, random()))


def test_the_words_and_voices_are_none_of_those_that_training_hears() -> None:
    assert not set(corrupt_audio.WORDS) & {*pronunciations.ENGLISH_OTHERS, *pronunciations.DIGIT_WORDS}
    assert {*corrupt_audio.VOICES, *corrupt_audio.VARIANTS} <= pronunciations.HELD_OUT


def test_words_are_spoken_where_espeak_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corrupt_audio, "WORDS", ("again", "music"))
    spoken = corrupt_audio.other_words(random())
    if shutil.which("espeak-ng") is None:
        assert spoken.shape == (0, N_SAMPLES)
    else:
        assert spoken.shape == (2, N_SAMPLES)
        assert np.array_equal(spoken, corrupt_audio.other_words(random()))
    monkeypatch.setenv("PATH", "/none")
    assert corrupt_audio.other_words(random()).shape == (0, N_SAMPLES)
